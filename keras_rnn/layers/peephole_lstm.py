"""Long short-term memory whose gates see the cell state."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.long_short_term_cell import LongShortTermCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class PeepholeLSTMCell(LongShortTermCell):
    """One step of the long short-term memory with peephole connections.

        i = recurrent_activation(x[t] W_i + h[t-1] U_i + p_i * c[t-1] + b_i)      input gate
        f = recurrent_activation(x[t] W_f + h[t-1] U_f + p_f * c[t-1] + b_f)      forget gate
        g = activation(x[t] W_c + h[t-1] U_c + b_c)                               candidate
        c[t] = f * c[t-1] + i * g
        o = recurrent_activation(x[t] W_o + h[t-1] U_o + p_o * c[t] + b_o)        output gate
        h[t] = o * activation(c[t])                                output y[t] = h[t]

    In an LSTM a closed output gate hides c from all gates. Here they see it: input and forget gate the old
    c, the output gate the new one. The cell can so learn to count and to keep time.

    Weights (the four blocks of columns stand in the order i, f, c, o):
        kernel W: `(features, 4 * units)`.
        recurrent_kernel U: `(units, 4 * units)`.
        peephole_kernel p: `(3, units)`, the rows p_i, p_f, p_o.
        bias b: `(4 * units,)`; absent with `use_bias=False`.
        In all `4 * units * (features + units + 1) + 3 * units` parameters.

    Differences from the paper: the exact gradient in place of the truncated one, tanh for both activations
    (there the candidate is squashed to [-2, 2], and c is not squashed), and one cell to a block; all three
    are today's usage.

    Args:
        units: positive integer, number of units of each of the states h and c.
        activation: the function of the candidate and of c. Default `"tanh"`.
        recurrent_activation: the function of the three gates. Default `"sigmoid"`.
        unit_forget_bias: start the bias of the forget gate at 1, the rest as `bias_initializer` says.
            Default `True`.
        peephole_initializer: starting values of p; with zeros the cell starts as an LSTM.
            Default `"zeros"`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Source: F. Gers, N. Schraudolph, J. Schmidhuber, "Learning Precise Timing with LSTM Recurrent Networks",
    Journal of Machine Learning Research 3 (2002), section 3.

    Example:

    >>> cell = PeepholeLSTMCell(4)
    >>> y, [h, c] = cell(np.zeros((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 16), (4, 16), (3, 4), (16,)])
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        peephole_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            unit_forget_bias,
            **kwargs,
        )
        self.peephole_initializer = initializers.get(peephole_initializer)

    def add_own_weights(self) -> None:
        # Like the bias, it meets the gates in `state_dtype`.
        self.peephole_kernel = self.add_weight(
            name="peephole_kernel",
            shape=(3, self.units),
            initializer=self.peephole_initializer,
            autocast=False,
        )

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        constants = super().get_constants(batch_size, training)
        p = ops.unstack(ops.cast(self.peephole_kernel, self.state_dtype), 3)
        constants["p_i"], constants["p_f"], constants["p_o"] = p
        return constants

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, c = states
        z = projected + self.product(self.drop_state(h, constants), constants["U"])
        i, f, g, o = ops.split(z, 4, axis=-1)
        i = self.recurrent_activation(i + constants["p_i"] * c)
        f = self.recurrent_activation(f + constants["p_f"] * c)
        c = f * c + i * self.activation(g)
        o = self.recurrent_activation(o + constants["p_o"] * c)
        h = o * self.activation(c)
        return h, [h, c]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "peephole_initializer": initializers.serialize(self.peephole_initializer),
        }


@keras.saving.register_keras_serializable("keras_rnn")
class PeepholeLSTM(Recurrent):
    """`Recurrent(PeepholeLSTMCell(...))`: takes the arguments of both.

    >>> layer = PeepholeLSTM(4, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.zeros((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = PeepholeLSTMCell
