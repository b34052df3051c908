"""Long short-term memory whose recurrent transition depends on the input."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.long_short_term_cell import LongShortTermCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class MultiplicativeLSTMCell(LongShortTermCell):
    """One step of the multiplicative long short-term memory (mLSTM).

        m = (x[t] W_m) * (h[t-1] U_m)                              in the place of h[t-1]
        i = recurrent_activation(x[t] W_i + m U_i + b_i)           input gate
        f = recurrent_activation(x[t] W_f + m U_f + b_f)           forget gate
        g = activation(x[t] W_c + m U_c + b_c)                     candidate
        o = recurrent_activation(x[t] W_o + m U_o + b_o)           output gate
        c[t] = f * c[t-1] + i * g
        h[t] = o * activation(c[t])                                output y[t] = h[t]

    The recurrent matrix is U_m diag(x W_m) U: another one for each input, such as each character of a text.

    States: h and c, each `(batch, units)`.

    Weights (the five blocks of columns stand in the order i, f, c, o, m):
        kernel W: `(features, 5 * units)`.
        recurrent_kernel U: `(units, 5 * units)`.
        bias b: `(4 * units,)`, in the order i, f, c, o; absent with `use_bias=False`.
        In all `5 * units * (features + units) + 4 * units` parameters.

    Differences from the paper: m has the size of h, as in its experiments; the cell around m is the LSTM of
    this library, with biases, where o stands outside of the activation of c, and not within.

    Args:
        units: positive integer, number of units of each of the states h and c, and of m.
        activation: the function of the candidate and of c. Default `"tanh"`.
        recurrent_activation: the function of the three gates. Default `"sigmoid"`.
        unit_forget_bias: start the bias of the forget gate at 1, the rest as `bias_initializer` says.
            Default `True`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`. Of them
    `recurrent_dropout` drops units of h where m is made.

    Source: B. Krause, L. Lu, I. Murray, S. Renals, "Multiplicative LSTM for Sequence Modelling",
    arXiv 1609.07959 (2016), the section on the architecture.

    Example:

    >>> cell = MultiplicativeLSTMCell(4)
    >>> y, [h, c] = cell(np.zeros((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 20), (4, 20), (16,)])
    """

    gates = 5
    recurrent_constants = ("U", "U_m")

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (4 * self.units,)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """U and U_m apart; a b of zero for m."""
        constants = super().get_constants(batch_size, training)
        constants["U"], constants["U_m"] = ops.split(constants["U"], [4 * self.units], axis=-1)
        if "b" in constants:
            constants["b"] = ops.pad(constants["b"], [(0, self.units)])
        return constants

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, c = states
        x_gates, x_m = ops.split(projected, [4 * self.units], axis=-1)
        m = x_m * self.product(self.drop_state(h, constants), constants["U_m"])
        h, c = self.remember(x_gates + self.product(m, constants["U"]), c)
        return h, [h, c]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        h, c = states
        left = self.left_factor(h, constants)
        x_gates, x_m = ops.split(projected, [4 * self.units], axis=-1)
        h_m = self.product(left, constants["U_m"])
        m = ops.cast(x_m * h_m, self.compute_dtype)
        h, c, gates = self.gates_forward(x_gates + self.product(m, constants["U"]), c)
        return h, [h, c], (gates, x_m, h_m), [(("U_m",), left), (("U",), m)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        gates, x_m, h_m = saved
        dz, dc = self.gates_backward(gates, *d_states)
        dm = self.product(dz, constants["U"])
        dh_m = dm * x_m
        dh = self.drop_state(self.product(dh_m, constants["U_m"]), constants)
        return ops.concatenate([dz, dm * h_m], axis=-1), [dh, dc], [dh_m, dz], []


@keras.saving.register_keras_serializable("keras_rnn")
class MultiplicativeLSTM(Recurrent):
    """`Recurrent(MultiplicativeLSTMCell(...))`: takes the arguments of both.

    >>> layer = MultiplicativeLSTM(4, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.zeros((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = MultiplicativeLSTMCell
