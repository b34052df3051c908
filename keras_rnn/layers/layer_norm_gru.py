"""The gated recurrent unit with layer normalization."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations, ops

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import check_epsilon
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.layer_norm import layer_norm, normalized, normalized_gradient


@keras.saving.register_keras_serializable("keras_rnn")
class LayerNormGRUCell(AffineCell):
    """One step of the gated recurrent unit with layer normalization.

        [x_z x_r] = LN(x[t] W_zr; g_x_zr) + b_zr           x_h = LN(x[t] W_h; g_x_h) + b_h
        [h_z h_r] = LN(h[t-1] U_zr; g_h_zr) + b'_zr        h_h = LN(h[t-1] U_h; g_h_h) + b'_h

        z = recurrent_activation(x_z + h_z)                update gate
        r = recurrent_activation(x_r + h_r)                reset gate
        g = activation(x_h + r * h_h)                      candidate
        h[t] = z * h[t-1] + (1 - z) * g                    output y[t] = h[t]

        LN(a; gain) = gain * (a - mean(a)) / sqrt(var(a) + epsilon)

    Mean and variance are those of one row: over the columns of both gates together, and over those of the
    candidate by themselves. No row knows another, and training computes what inference does. It is a GRU
    with `reset_after=True` whose four products are normalized.

    State: h, `(batch, units)`.

    Weights (the three blocks of columns stand in the order z, r, h):
        kernel W: `(features, 3 * units)`.
        recurrent_kernel U: `(units, 3 * units)`.
        kernel_gain g_x: `(3 * units,)`, starts at ones.
        recurrent_gain g_h: `(3 * units,)`, starts at ones.
        bias: `(2, 3 * units)`, row 0 is b and row 1 is b'; absent with `use_bias=False`.
        In all `3 * units * (features + units + 4)` parameters.

    Differences from the paper: z = 1 keeps the old state, as in the GRU of this library, and not z = 0.

    Args:
        units: positive integer, number of units of the state.
        activation: the function of the candidate. Default `"tanh"`.
        recurrent_activation: the function of the two gates. Default `"sigmoid"`.
        epsilon: positive number, added to the variance. Default 0.001.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Raises:
        ValueError: if `epsilon` is not positive.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", arXiv 1607.06450 (2016),
    supplementary material, the GRU of the skip-thought experiment.

    Example:

    >>> cell = LayerNormGRUCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 12), (4, 12), (12,), (12,), (2, 12)])
    """

    gates = 3
    state_names = ("h",)

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        epsilon: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, **kwargs)
        check_epsilon(epsilon)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.epsilon = epsilon

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units)

    def add_own_weights(self) -> None:
        # Like the bias, they meet the gates in `state_dtype`.
        def add(name: str) -> Any:
            return self.add_weight(name=name, shape=(3 * self.units,), initializer="ones", autocast=False)

        self.kernel_gain, self.recurrent_gain = add("kernel_gain"), add("recurrent_gain")

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        constants = super().get_constants(batch_size, training)
        constants["g_x"] = ops.cast(self.kernel_gain, self.state_dtype)
        constants["g_h"] = ops.cast(self.recurrent_gain, self.state_dtype)
        if "b" in constants:
            constants["b"], constants["recurrent_b"] = constants["b"][0], constants["b"][1]
        return constants

    def _normalized(self, a: Any, gain: Any, bias: Any) -> Any:
        """LN of the gates together and of the candidate by itself, plus the bias."""
        ends = [2 * self.units]
        parts = zip(ops.split(a, ends, axis=-1), ops.split(gain, ends))
        a = ops.concatenate([layer_norm(part, g, self.epsilon) for part, g in parts], axis=-1)
        return a if bias is None else a + bias

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """[x_z x_r x_h]."""
        return self._normalized(self.input_product(inputs, constants), constants["g_x"], constants.get("b"))

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        (h,) = states
        product = self.product(self.drop_state(h, constants), constants["U"])
        normed = self._normalized(product, constants["g_h"], constants.get("recurrent_b"))
        x_z, x_r, x_h = ops.split(projected, 3, axis=-1)
        h_z, h_r, h_h = ops.split(normed, 3, axis=-1)
        z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
        h = z * h + (1 - z) * self.activation(x_h + r * h_h)
        return h, [h]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        (h_before,) = states
        left = self.left_factor(h_before, constants)
        products = ops.split(self.product(left, constants["U"]), [2 * self.units], axis=-1)
        normed = [normalized(product, self.epsilon) for product in products]
        n = ops.concatenate([part for part, _ in normed], axis=-1)
        scaled = constants["g_h"] * n
        if "recurrent_b" in constants:
            scaled = scaled + constants["recurrent_b"]
        x_z, x_r, x_h = ops.split(projected, 3, axis=-1)
        h_z, h_r, h_h = ops.split(scaled, 3, axis=-1)
        z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
        g = self.activation(x_h + r * h_h)
        h = g + z * (h_before - g)
        factors = [(("U",), left), (("g_h",), None)]
        factors += [(("recurrent_b",), None)] if "recurrent_b" in constants else []
        return h, [h], (z, r, g, h_h, h_before, normed), factors

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        z, r, g, h_h, h_before, normed = saved
        dh = d_states[0]
        gradient, gate_gradient = self.activation_gradients
        kept = dh * z
        dg = gradient(g, dh - kept)
        dz = gate_gradient(z, dh * (h_before - g))
        dr = gate_gradient(r, dg * h_h)
        d_scaled = ops.concatenate([dz, dr, dg * r], axis=-1)
        dn = ops.split(d_scaled * constants["g_h"], [2 * self.units], axis=-1)
        d_products = [normalized_gradient(n, scale, d) for (n, scale), d in zip(normed, dn)]
        d_product = ops.concatenate(d_products, axis=-1)
        n = ops.concatenate([part for part, _ in normed], axis=-1)
        right = [d_product, d_scaled * n, *([d_scaled] if "recurrent_b" in constants else [])]
        d_left = self.drop_state(self.product(d_product, constants["U"]), constants)
        return ops.concatenate([dz, dr, dg], axis=-1), [kept + d_left], right, []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "epsilon": self.epsilon,
        }


@keras.saving.register_keras_serializable("keras_rnn")
class LayerNormGRU(Recurrent):
    """`Recurrent(LayerNormGRUCell(...))`: takes the arguments of both.

    >>> layer = LayerNormGRU(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = LayerNormGRUCell
