"""Long short-term memory with a projected output: a large memory behind a small state."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations, initializers, ops

from keras_rnn.layers.affine_cell import AffineCell, bias_with_open_forget_gate
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class ProjectionLSTMCell(AffineCell):
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

    gates = 4
    state_names = ("h", "c")
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
        super().__init__(units, activation, **kwargs)
        self.projection_units = checked_size("projection_units", projection_units)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
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

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        if not self.unit_forget_bias:
            return super().initial_bias(shape, dtype)
        return bias_with_open_forget_gate(self.bias_initializer, self.units, dtype)

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
        z = projected + self.product(self.drop_state(h, constants), constants["U"])
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.product(self.recurrent_activation(o) * self.activation(c), constants["P"])
        return h, [h, c]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        h, c_before = states
        left = self.left_factor(h, constants)
        i, f, g, o = ops.split(projected + self.product(left, constants["U"]), 4, axis=-1)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        g = self.activation(g)
        c = f * c_before + i * g
        a = self.activation(c)
        wide = ops.cast(o * a, self.compute_dtype)
        h = self.product(wide, constants["P"])
        return h, [h, c], (i, f, g, o, c_before, a), [(("U",), left), (("P",), wide)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        i, f, g, o, c_before, a = saved
        d_output, dc = d_states
        gradient, gate_gradient = self.activation_gradients
        dh = self.product(d_output, constants["P"])  # of o * a
        dc = dc + gradient(a, dh * o)
        dz = ops.concatenate(
            [
                gate_gradient(i, dc * g),
                gate_gradient(f, dc * c_before),
                gradient(g, dc * i),
                gate_gradient(o, dh * a),
            ],
            axis=-1,
        )
        dh = self.drop_state(self.product(dz, constants["U"]), constants)
        return dz, [dh, dc * f], [dz, d_output], []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "projection_units": self.projection_units,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
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
