"""The recurrent cell that a neural architecture search found."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations, ops

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class NASCell(AffineCell):
    """One step of the cell of the neural architecture search. s is recurrent_activation, act is activation.

        x_k = x[t] W_k,    h_k = h[t-1] U_k + b_k                  k = 0 .. 7

        a = act(s(x_0 + h_0) * relu(x_1 + h_1))
        b = act(s(x_2 + h_2) + relu(x_3 * h_3))
        d = act(act(x_4 + h_4) * s(x_5 + h_5))
        e = s(act(x_6 + h_6) + s(x_7 + h_7))

        c[t] = act(a + c[t-1]) * b
        h[t] = act(c[t] * act(d + e))                              output y[t] = h[t]

    States: h and c, each `(batch, units)`.

    Weights (the eight blocks of columns stand in the order of k):
        kernel W: `(features, 8 * units)`.
        recurrent_kernel U: `(units, 8 * units)`.
        bias b: `(8 * units,)`; absent with `use_bias=False`.
        In all `8 * units * (features + units + 1)` parameters.

    Differences from the paper: none to the figure of its cell; the paper does not speak of a bias. It is
    `tfa.rnn.NASCell` without projection, whose states stand in the order c, h, whose recurrent kernel is the
    first of its weights, and whose `use_bias` is False if left out.

    Args:
        units: positive integer, number of units of each of the states h and c.
        activation: the function act. Default `"tanh"`.
        recurrent_activation: the function s. Default `"sigmoid"`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Source: B. Zoph, Q. V. Le, "Neural Architecture Search with Reinforcement Learning", ICLR 2017,
    appendix A.

    Example:

    >>> cell = NASCell(4)
    >>> y, [h, c] = cell(np.zeros((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 32), (4, 32), (32,)])
    """

    gates = 8
    state_names = ("h", "c")

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", **kwargs: Any
    ) -> None:
        super().__init__(units, activation, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """x W; the bias belongs to h U, as x_3 and h_3 are multiplied."""
        return self.input_product(inputs, constants)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, c = states
        s, act = self.recurrent_activation, self.activation
        product = self.product(self.drop_state(h, constants), constants["U"])
        if "b" in constants:
            product = product + constants["b"]
        z = ops.split(projected + product, 8, axis=-1)
        third = [3 * self.units, 4 * self.units]
        x_3, h_3 = (ops.split(part, third, axis=-1)[1] for part in (projected, product))
        a = act(s(z[0]) * ops.relu(z[1]))
        b = act(s(z[2]) + ops.relu(x_3 * h_3))
        d = act(act(z[4]) * s(z[5]))
        e = s(act(z[6]) + s(z[7]))
        c = act(a + c) * b
        h = act(c * act(d + e))
        return h, [h, c]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
        }


@keras.saving.register_keras_serializable("keras_rnn")
class NAS(Recurrent):
    """`Recurrent(NASCell(...))`: takes the arguments of both.

    >>> layer = NAS(4, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.zeros((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = NASCell
