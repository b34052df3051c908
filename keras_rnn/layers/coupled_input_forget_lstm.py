"""Long short-term memory with one gate for input and forgetting."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.long_short_term_cell import LongShortTermCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class CoupledInputForgetLSTMCell(LongShortTermCell):
    """One step of the long short-term memory with coupled input and forget gate (CIFG).

        i = recurrent_activation(x[t] W_i + h[t-1] U_i + b_i)      input gate
        g = activation(x[t] W_c + h[t-1] U_c + b_c)                candidate
        o = recurrent_activation(x[t] W_o + h[t-1] U_o + b_o)      output gate
        c[t] = (1 - i) * c[t-1] + i * g                            the forget gate is 1 - i
        h[t] = o * activation(c[t])                                output y[t] = h[t]

    What is written takes the place of what is forgotten, as in a GRU: c is an average of candidates, and
    stays as small as they are. A quarter of the parameters of an LSTM is saved.

    States: h and c, each `(batch, units)`.

    Weights (the three blocks of columns stand in the order i, c, o):
        kernel W: `(features, 3 * units)`.
        recurrent_kernel U: `(units, 3 * units)`.
        bias b: `(3 * units,)`; absent with `use_bias=False`.
        In all `3 * units * (features + units + 1)` parameters.

    Differences from the paper: no peepholes, which the LSTM of the paper has.

    Args:
        units: positive integer, number of units of each of the states h and c.
        activation: the function of the candidate and of c. Default `"tanh"`.
        recurrent_activation: the function of the two gates. Default `"sigmoid"`.
        unit_forget_bias: start the bias of the input gate at -1, which is a forget gate with the bias 1, the
            rest as `bias_initializer` says. Default `True`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink, J. Schmidhuber, "LSTM: A Search Space
    Odyssey", IEEE Transactions on Neural Networks and Learning Systems 28 (2017), the variant CIFG.

    Example:

    >>> cell = CoupledInputForgetLSTMCell(4)
    >>> y, [h, c] = cell(np.zeros((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 12), (4, 12), (12,)])
    """

    gates = 3

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        if not self.unit_forget_bias:
            return super().initial_bias(shape, dtype)
        c_and_o = self.bias_initializer((2 * self.units,), dtype=dtype)
        return ops.concatenate([-ops.ones((self.units,), dtype), c_and_o])

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, c = states
        z = projected + self.product(self.drop_state(h, constants), constants["U"])
        i, g, o = ops.split(z, 3, axis=-1)
        i = self.recurrent_activation(i)
        c = (1 - i) * c + i * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        h, c_before = states
        left = self.left_factor(h, constants)
        i, g, o = ops.split(projected + self.product(left, constants["U"]), 3, axis=-1)
        i, g, o = self.recurrent_activation(i), self.activation(g), self.recurrent_activation(o)
        more = g - c_before
        c = c_before + i * more
        a = self.activation(c)
        h = o * a
        return h, [h, c], (i, g, o, more, a), [(("U",), left)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        i, g, o, more, a = saved
        dh, dc = d_states
        gradient, gate_gradient = self.activation_gradients
        dc = dc + gradient(a, dh * o)
        written = dc * i
        parts = [gate_gradient(i, dc * more), gradient(g, written), gate_gradient(o, dh * a)]
        dz = ops.concatenate(parts, axis=-1)
        dh = self.drop_state(self.product(dz, constants["U"]), constants)
        return dz, [dh, dc - written], [dz], []


@keras.saving.register_keras_serializable("keras_rnn")
class CoupledInputForgetLSTM(Recurrent):
    """`Recurrent(CoupledInputForgetLSTMCell(...))`: takes the arguments of both.

    >>> layer = CoupledInputForgetLSTM(4, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.zeros((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = CoupledInputForgetLSTMCell
