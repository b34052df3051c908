"""The simple recurrent network of Elman."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.activation_layer import activate
from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.mod_relu import ModReLU
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class SimpleRNNCell(AffineCell):
    """One step of the simple recurrent network.

        h[t] = activation(x[t] W + h[t-1] U + b)        output y[t] = h[t]

    Weights (as `keras.layers.SimpleRNNCell`):
        kernel W: `(features, units)`.
        recurrent_kernel U: `(units, units)`.
        bias b: `(units,)`.
        In all `units * (features + units + 1)` parameters.

    Differences from the paper: the input, too, is multiplied by a trained matrix, the activation is tanh
    and not the logistic function, and training is by back-propagation through the whole sequence; all
    three are today's usage.

    Args:
        units: positive integer, number of units of the state.
        activation: the function around the sum, or a layer such as `ModReLU()`, whose weights then come
            after those of the cell. Default `"tanh"`.

    The other arguments are those of every affine cell:
    see `keras_rnn.layers.AffineCell`.

    Source: J. L. Elman, "Finding Structure in Time", Cognitive Science 14 (1990), figure 2.

    Example:

    >>> cell = SimpleRNNCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 4), (4, 4), (4,)])
    """

    gates = 1
    state_names = ("h",)
    activates_by_layer = True

    @property
    def activation_gradients(self) -> tuple[Any, Any]:
        if isinstance(self.activation, ModReLU) and not self.activation.complex_pairs:
            # h = z + sign(z) b where it is not 0, so dh = dz + sign(h) db there.
            return (lambda h, dh: ops.where(h == 0, ops.zeros_like(dh), dh),) * 2
        return super().activation_gradients

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        (h,) = states
        z = projected + self.product(self.drop_state(h, constants), constants["U"])
        h = activate(self.activation, z, constants)
        return h, [h]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        left = self.left_factor(states[0], constants)
        h = activate(self.activation, projected + self.product(left, constants["U"]), constants)
        factors = [(("U",), left), *([(("activation", 0), None)] if "activation" in constants else [])]
        return h, [h], (h,), factors

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        (h,) = saved
        dz = self.activation_gradients[0](h, d_states[0])
        right = [dz, *([dz * ops.sign(h)] if "activation" in constants else [])]
        return dz, [self.drop_state(self.product(dz, constants["U"]), constants)], right, []


@keras.saving.register_keras_serializable("keras_rnn")
class SimpleRNN(Recurrent):
    """`Recurrent(SimpleRNNCell(...))`: takes the arguments of both, a drop-in for `keras.layers.SimpleRNN`.

    >>> layer = SimpleRNN(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = SimpleRNNCell
