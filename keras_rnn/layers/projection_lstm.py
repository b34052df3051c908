"""Long short-term memory with a projected output: a large memory behind a small state."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.long_short_term_cell import LongShortTermCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class ProjectionLSTMCell(LongShortTermCell):
    """One step of the long short-term memory with recurrent projection (LSTMP).

        i = recurrent_activation(x[t] W_i + h[t-1] U_i + b_i)      input gate
        f = recurrent_activation(x[t] W_f + h[t-1] U_f + b_f)      forget gate
        g = activation(x[t] W_c + h[t-1] U_c + b_c)                candidate
        o = recurrent_activation(x[t] W_o + h[t-1] U_o + b_o)      output gate
        c[t] = f * c[t-1] + i * g
        h[t] = (o * activation(c[t])) P                            output y[t] = h[t]

    The cost of a step grows with units times projection_units, not with the square of units.

    States: h `(batch, projection_units)` and c `(batch, units)`.

    Weights (the four blocks of columns stand in the order i, f, c, o):
        kernel W: `(features, 4 * units)`.
        recurrent_kernel U: `(projection_units, 4 * units)`.
        projection_kernel P: `(units, projection_units)`.
        bias b: `(4 * units,)`; absent with `use_bias=False`.
        In all `4 * units * (features + projection_units + 1) + units * projection_units` parameters.

    Differences from the paper: no peepholes, and no second projection that is not recurrent. It is
    `torch.nn.LSTM(features, units, proj_size=projection_units)`, whose two biases are one here.

    Args:
        units: positive integer, number of units of the state c.
        projection_units: positive integer, number of units of the state h and of the output.
        activation: the function of the candidate and of c. Default `"tanh"`.
        recurrent_activation: the function of the three gates. Default `"sigmoid"`.
        unit_forget_bias: start the bias of the forget gate at 1, the rest as `bias_initializer` says.
            Default `True`.
        projection_initializer: starting values of P. Default `"glorot_uniform"`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Raises:
        ValueError: if `projection_units` is not a positive integer.

    Source: H. Sak, A. Senior, F. Beaufays, "Long Short-Term Memory Recurrent Neural Network Architectures for
    Large Scale Acoustic Modeling", Interspeech 2014, section 2.

    Example:

    >>> cell = ProjectionLSTMCell(4, 2)
    >>> y, [h, c] = cell(np.zeros((2, 3)), [np.zeros((2, 2)), np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 2]), [(3, 16), (2, 16), (4, 2), (16,)])
    """

    recurrent_constants = ("U", "P")

    def __init__(
        self,
        units: int,
        projection_units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        unit_forget_bias: bool = True,
        projection_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, recurrent_activation, unit_forget_bias=unit_forget_bias, **kwargs)
        self.projection_units = checked_size("projection_units", projection_units)
        self.projection_initializer = initializers.get(projection_initializer)

    @property
    def state_size(self) -> list[int]:
        return [self.projection_units, self.units]

    @property
    def output_size(self) -> int:
        return self.projection_units

    @property
    def recurrent_shape(self) -> tuple[int, ...]:
        return (self.projection_units, 4 * self.units)

    def add_own_weights(self) -> None:
        self.projection_kernel = self.add_weight(
            name="projection_kernel",
            shape=(self.units, self.projection_units),
            initializer=self.projection_initializer,
        )

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        P = ops.cast(self.projection_kernel, self.compute_dtype)
        return {**super().get_constants(batch_size, training), "P": P}

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, c = states
        y, c = self.remember(projected + self.product(self.drop_state(h, constants), constants["U"]), c)
        h = self.product(y, constants["P"])
        return h, [h, c]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        h, c = states
        left = self.left_factor(h, constants)
        y, c, saved = self.gates_forward(projected + self.product(left, constants["U"]), c)
        wide = ops.cast(y, self.compute_dtype)
        h = self.product(wide, constants["P"])
        return h, [h, c], saved, [(("U",), left), (("P",), wide)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        dh, dc = d_states
        dz, dc = self.gates_backward(saved, self.product(dh, constants["P"]), dc)
        d_before = self.drop_state(self.product(dz, constants["U"]), constants)
        return dz, [d_before, dc], [dz, dh], []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "projection_units": self.projection_units,
            "projection_initializer": initializers.serialize(self.projection_initializer),
        }


@keras.saving.register_keras_serializable("keras_rnn")
class ProjectionLSTM(Recurrent):
    """`Recurrent(ProjectionLSTMCell(...))`: takes the arguments of both.

    >>> layer = ProjectionLSTM(4, 2, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.zeros((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (TensorShape([2, 5, 2]), TensorShape([2, 2]), TensorShape([2, 4]))
    """

    cell_class = ProjectionLSTMCell
