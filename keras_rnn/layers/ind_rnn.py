"""The independently recurrent network: each unit sees no other unit's past."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class IndRNNCell(AffineCell):
    """One step of the independently recurrent network.

        h[t] = activation(x[t] W + u * h[t-1] + b)                 output y[t] = h[t]

    u has one number for each unit; units meet one another in the next layer. Over T steps a gradient is
    multiplied by about u^T, so |u| <= gamma^(1/T) keeps it below gamma, whatever the other weights. With
    relu, for sequences of T steps and the gamma = 2 of the paper,

        bound = 2 ** (1 / T)
        IndRNN(units, recurrent_initializer=keras.initializers.RandomUniform(0, bound),
               recurrent_constraint=keras.constraints.MaxNorm(bound))

    start and hold u there: as u is one row, `MaxNorm` bounds each of its numbers by itself.

    State: h, `(batch, units)`.

    Weights:
        kernel W: `(features, units)`.
        recurrent_kernel u: `(1, units)`.
        bias b: `(units,)`; absent with `use_bias=False`.
        In all `units * (features + 2)` parameters.

    Differences from the paper: without the two arguments above u starts uniform on [0, 1], the limit for long
    sequences, and is not bounded. The batch normalization of the paper's deep networks is a layer of its own.

    Args:
        units: positive integer, number of units of the state.
        activation: the function around the sum. Default `"relu"`.
        recurrent_initializer: starting values of u. Default: uniform on [0, 1].

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Source: S. Li, W. Li, C. Cook, C. Zhu, Y. Gao, "Independently Recurrent Neural Network (IndRNN): Building
    A Longer and Deeper RNN", CVPR 2018, section 3.

    Example:

    >>> cell = IndRNNCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 4), (1, 4), (4,)])
    """

    gates = 1
    state_names = ("h",)
    # u multiplies no matrix product: its gradient is summed step by step.
    recurrent_constants = ()
    summed_paths = (("U",),)

    def __init__(
        self, units: int, activation: Any = "relu", recurrent_initializer: Any = None, **kwargs: Any
    ) -> None:
        recurrent_initializer = recurrent_initializer or initializers.RandomUniform(0.0, 1.0)
        super().__init__(units, activation, recurrent_initializer=recurrent_initializer, **kwargs)

    @property
    def recurrent_shape(self) -> tuple[int, ...]:
        return (1, self.units)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """u as U, in `state_dtype`: near 1 a rounding to 16 bits would be one to the power T."""
        constants = super().get_constants(batch_size, training)
        return {**constants, "U": ops.cast(self.recurrent_kernel, self.state_dtype)}

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h = self.activation(projected + constants["U"] * self.drop_state(states[0], constants))
        return h, [h]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        dropped = self.drop_state(states[0], constants)
        h = self.activation(projected + constants["U"] * dropped)
        return h, [h], (h, dropped), []

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        h, dropped = saved
        dz = self.activation_gradients[0](h, d_states[0])
        du = ops.sum(dz * dropped, axis=0, keepdims=True)
        return dz, [self.drop_state(dz * constants["U"], constants)], [], [du]


@keras.saving.register_keras_serializable("keras_rnn")
class IndRNN(Recurrent):
    """`Recurrent(IndRNNCell(...))`: takes the arguments of both.

    >>> layer = IndRNN(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = IndRNNCell
