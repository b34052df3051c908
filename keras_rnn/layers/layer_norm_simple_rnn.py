"""The simple recurrent network with layer normalization."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import check_epsilon
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.layer_norm import layer_norm, normalized, normalized_gradient


@keras.saving.register_keras_serializable("keras_rnn")
class LayerNormSimpleRNNCell(AffineCell):
    """One step of the simple recurrent network with layer normalization.

        a = x[t] W + h[t-1] U
        h[t] = activation(gain * (a - mean(a)) / sqrt(var(a) + epsilon) + b)       output y[t] = h[t]

    Mean and variance are those of one row, over the units. No row knows another, and training computes what
    inference does. The scale of a is of no influence.

    State: h, `(batch, units)`.

    Weights:
        kernel W: `(features, units)`.
        recurrent_kernel U: `(units, units)`.
        gain: `(units,)`, starts at ones.
        bias b: `(units,)`; absent with `use_bias=False`.
        In all `units * (features + units + 2)` parameters.

    Differences from the paper: epsilon. (`tfa.rnn.LayerNormSimpleRNNCell` has the same equations, the weights
    in the order W, U, b, gain, and an epsilon of 0.00001.)

    Args:
        units: positive integer, number of units of the state.
        activation: the function around the sum. Default `"tanh"`.
        epsilon: positive number, added to the variance. Default 0.001.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Raises:
        ValueError: if `epsilon` is not positive.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", arXiv 1607.06450 (2016), equation 4.

    Example:

    >>> cell = LayerNormSimpleRNNCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 4), (4, 4), (4,), (4,)])
    """

    gates = 1
    state_names = ("h",)

    def __init__(self, units: int, activation: Any = "tanh", epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(units, activation, **kwargs)
        check_epsilon(epsilon)
        self.epsilon = epsilon

    def add_own_weights(self) -> None:
        # Like the bias, it meets the sum in `state_dtype`.
        self.gain = self.add_weight(name="gain", shape=(self.units,), initializer="ones", autocast=False)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        gain = ops.cast(self.gain, self.state_dtype)
        return {**super().get_constants(batch_size, training), "gain": gain}

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """x W; the bias comes after the norm."""
        return self.input_product(inputs, constants)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        (h,) = states
        a = projected + self.product(self.drop_state(h, constants), constants["U"])
        z = layer_norm(a, constants["gain"], self.epsilon)
        h = self.activation(z + constants["b"] if "b" in constants else z)
        return h, [h]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        left = self.left_factor(states[0], constants)
        n, scale = normalized(projected + self.product(left, constants["U"]), self.epsilon)
        z = constants["gain"] * n
        h = self.activation(z + constants["b"] if "b" in constants else z)
        factors = [(("U",), left), (("gain",), None), *([(("b",), None)] if "b" in constants else [])]
        return h, [h], (n, scale, h), factors

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        n, scale, h = saved
        dz = self.activation_gradients[0](h, d_states[0])
        da = normalized_gradient(n, scale, dz * constants["gain"])
        right = [da, dz * n, *([dz] if "b" in constants else [])]
        return da, [self.drop_state(self.product(da, constants["U"]), constants)], right, []

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("keras_rnn")
class LayerNormSimpleRNN(Recurrent):
    """`Recurrent(LayerNormSimpleRNNCell(...))`: takes the arguments of both.

    >>> layer = LayerNormSimpleRNN(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = LayerNormSimpleRNNCell
