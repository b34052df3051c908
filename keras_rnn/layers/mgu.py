"""The minimal gated unit."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations, ops

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class MGUCell(AffineCell):
    """One step of the minimal gated unit.

        f = recurrent_activation(x[t] W_f + h[t-1] U_f + b_f)      forget gate
        g = activation(x[t] W_h + (f * h[t-1]) U_h + b_h)          candidate
        h[t] = (1 - f) * h[t-1] + f * g                            output y[t] = h[t]

    It is a GRU whose two gates are one. Note which way f works: f = 1 takes the candidate, where the update
    gate of the GRU of this library keeps the old state. (`MinGRU` is another cell: its gate does not see h.)

    State: h, `(batch, units)`.

    Weights (the two blocks of columns stand in the order f, h):
        kernel W: `(features, 2 * units)`.
        recurrent_kernel U: `(units, 2 * units)`.
        bias b: `(2 * units,)`; absent with `use_bias=False`.
        In all `2 * units * (features + units + 1)` parameters.

    Differences from the paper: none.

    Args:
        units: positive integer, number of units of the state.
        activation: the function of the candidate. Default `"tanh"`.
        recurrent_activation: the function of the gate. Default `"sigmoid"`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Source: G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou, "Minimal Gated Unit for Recurrent Neural Networks",
    International Journal of Automation and Computing 13 (2016), section 3.

    Example:

    >>> cell = MGUCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 8), (4, 8), (8,)])
    """

    gates = 2
    state_names = ("h",)
    recurrent_constants = ("U_f", "U_h")

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", **kwargs: Any
    ) -> None:
        super().__init__(units, activation, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        constants = super().get_constants(batch_size, training)
        constants["U_f"], constants["U_h"] = ops.split(constants.pop("U"), 2, axis=-1)
        return constants

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        (h,) = states
        dropped = self.drop_state(h, constants)
        x_f, x_h = ops.split(projected, 2, axis=-1)
        f = self.recurrent_activation(x_f + self.product(dropped, constants["U_f"]))
        g = self.activation(x_h + self.product(f * dropped, constants["U_h"]))
        h = (1 - f) * h + f * g
        return h, [h]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        (h_before,) = states
        dropped, left = self.drop_state(h_before, constants), self.left_factor(h_before, constants)
        x_f, x_h = ops.split(projected, 2, axis=-1)
        f = self.recurrent_activation(x_f + self.product(left, constants["U_f"]))
        scaled = ops.cast(f * dropped, self.compute_dtype)
        g = self.activation(x_h + self.product(scaled, constants["U_h"]))
        h = h_before + f * (g - h_before)
        return h, [h], (f, g, dropped, h_before), [(("U_f",), left), (("U_h",), scaled)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        f, g, dropped, h_before = saved
        dh = d_states[0]
        gradient, gate_gradient = self.activation_gradients
        renewed = dh * f
        dg = gradient(g, renewed)
        d_scaled = self.product(dg, constants["U_h"])
        df = gate_gradient(f, dh * (g - h_before) + d_scaled * dropped)
        d_dropped = d_scaled * f + self.product(df, constants["U_f"])
        dh = dh - renewed + self.drop_state(d_dropped, constants)
        return ops.concatenate([df, dg], axis=-1), [dh], [df, dg], []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
        }


@keras.saving.register_keras_serializable("keras_rnn")
class MGU(Recurrent):
    """`Recurrent(MGUCell(...))`: takes the arguments of both.

    >>> layer = MGU(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = MGUCell
