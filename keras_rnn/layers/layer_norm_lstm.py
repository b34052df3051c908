"""Long short-term memory with layer normalization."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import check_epsilon
from keras_rnn.layers.long_short_term_cell import LongShortTermCell
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.layer_norm import layer_norm


@keras.saving.register_keras_serializable("keras_rnn")
class LayerNormLSTMCell(LongShortTermCell):
    """One step of the long short-term memory with layer normalization.

        [i f g o] = LN(x[t] W; g_x) + LN(h[t-1] U; g_h) + b
        c[t] = recurrent_activation(f) * c[t-1] + recurrent_activation(i) * activation(g)
        h[t] = recurrent_activation(o) * activation(LN(c[t]; g_c) + b_c)       output y[t] = h[t]

        LN(a; gain) = gain * (a - mean(a)) / sqrt(var(a) + epsilon)

    Mean and variance are those of one row: in the first line over the columns of all four gates together,
    in the last over the units. No row knows another, and training computes what inference does. The
    state c is carried on as it is; with `carry_normalized=True`, which is the cell of TensorFlow Addons,
    LN(c[t]; g_c) + b_c stands in its place in the next step and in the state that is given back.

    Weights (the four blocks of columns stand in the order i, f, c, o):
        kernel W: `(features, 4 * units)`.
        recurrent_kernel U: `(units, 4 * units)`.
        kernel_gain g_x: `(4 * units,)`, starts at ones.
        recurrent_gain g_h: `(4 * units,)`, starts at ones.
        state_gain g_c: `(units,)`, starts at ones.
        state_bias b_c: `(units,)`, starts at zeros.
        bias b: `(4 * units,)`; absent with `use_bias=False`.
        In all `4 * units * (features + units + 1) + 10 * units` parameters.

    Differences from the paper: there each of the two normalized products has a bias of its own beside b;
    the three are only ever added, and are one here.

    Args:
        units: positive integer, number of units of each of the states h and c.
        activation: the function of the candidate and of c. Default `"tanh"`.
        recurrent_activation: the function of the three gates. Default `"sigmoid"`.
        unit_forget_bias: start the bias of the forget gate at 1, the rest as `bias_initializer` says.
            Default `True`.
        epsilon: positive number, added to the variance. Default 0.001.
        carry_normalized: whether the state is the normalized c. Default `False`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Raises:
        ValueError: if `epsilon` is not positive.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", arXiv 1607.06450 (2016),
    equations 20 to 22.

    Example:

    >>> cell = LayerNormLSTMCell(4)
    >>> y, [h, c] = cell(np.zeros((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 16), (4, 16), (16,), (16,), (4,), (4,), (16,)])
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
        epsilon: float = 1e-3,
        carry_normalized: bool = False,
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
        check_epsilon(epsilon)
        self.epsilon = epsilon
        self.carry_normalized = carry_normalized

    def add_own_weights(self) -> None:
        # Like the bias, they meet the gates in `state_dtype`.
        def add(name: str, size: int, initializer: str) -> Any:
            return self.add_weight(name=name, shape=(size,), initializer=initializer, autocast=False)

        self.kernel_gain = add("kernel_gain", 4 * self.units, "ones")
        self.recurrent_gain = add("recurrent_gain", 4 * self.units, "ones")
        self.state_gain = add("state_gain", self.units, "ones")
        self.state_bias = add("state_bias", self.units, "zeros")

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        own = {
            "g_x": self.kernel_gain,
            "g_h": self.recurrent_gain,
            "g_c": self.state_gain,
            "b_c": self.state_bias,
        }
        return {
            **super().get_constants(batch_size, training),
            **{name: ops.cast(weight, self.state_dtype) for name, weight in own.items()},
        }

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """LN(x W; g_x) + b for all gates."""
        projected = layer_norm(self.input_product(inputs, constants), constants["g_x"], self.epsilon)
        return projected + constants["b"] if "b" in constants else projected

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, c = states
        product = self.product(self.drop_state(h, constants), constants["U"])
        z = projected + layer_norm(product, constants["g_h"], self.epsilon)
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        normed = layer_norm(c, constants["g_c"], self.epsilon) + constants["b_c"]
        h = self.recurrent_activation(o) * self.activation(normed)
        return h, [h, normed if self.carry_normalized else c]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "carry_normalized": self.carry_normalized,
        }


@keras.saving.register_keras_serializable("keras_rnn")
class LayerNormLSTM(Recurrent):
    """`Recurrent(LayerNormLSTMCell(...))`: takes the arguments of both.

    >>> layer = LayerNormLSTM(4, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.zeros((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = LayerNormLSTMCell
