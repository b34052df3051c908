"""The antisymmetric recurrent network: small steps along a differential equation that forgets nothing."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations, ops

from keras_rnn.layers.activation_layer import activate
from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class AntisymmetricRNNCell(AffineCell):
    """One step of the antisymmetric recurrent network.

        M = U - U^T - gamma I
        h[t] = h[t-1] + epsilon * activation(x[t] W_h + h[t-1] M + b_h)             output y[t] = h[t]

    and, gated,

        z = recurrent_activation(x[t] W_z + h[t-1] M + b_z)                              input gate
        h[t] = h[t-1] + epsilon * z * activation(x[t] W_h + h[t-1] M + b_h)

    This is Euler's method with the step epsilon for a differential equation in h. The eigenvalues of U - U^T
    are imaginary, so the equation neither forgets nor explodes; gamma keeps the discrete steps stable, too.

    Weights (gated, W and b have two blocks of columns in the order z, h):
        kernel W: `(features, units)`; gated `(features, 2 * units)`.
        recurrent_kernel U: `(units, units)`; its symmetric part is of no influence.
        bias b: `(units,)`; gated `(2 * units,)`; absent with `use_bias=False`.
        In all `units * (gates * (features + 1) + units)` parameters, gates being 1 or 2.

    Differences from the paper: M^T in the place of M, as rows stand on the left, which is the same family.

    Args:
        units: positive integer, number of units of the state.
        gated: whether there is an input gate. Default `False`.
        epsilon: size of the step, positive. Default `0.1`.
        gamma: diffusion, from 0. Default `0.01`.
        activation: the function around the sum; a layer such as `ModReLU` brings weights. Default `"tanh"`.
        recurrent_activation: the function of the gate. Default `"sigmoid"`.
        recurrent_initializer: starting values of U. Default `"glorot_normal"`.

    The other arguments are those of every affine cell:
    see `keras_rnn.layers.AffineCell`.

    Raises:
        ValueError: if `epsilon` is not positive or `gamma` is negative.

    Source: B. Chang, M. Chen, E. Haber, E. H. Chi, "AntisymmetricRNN: A Dynamical System View on Recurrent
    Neural Networks", ICLR 2019, section 3.

    Example:

    >>> cell = AntisymmetricRNNCell(4, gated=True)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 8), (4, 4), (8,)])
    """

    state_names = ("h",)
    activates_by_layer = True

    def __init__(
        self,
        units: int,
        gated: bool = False,
        epsilon: float = 0.1,
        gamma: float = 0.01,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        recurrent_initializer: Any = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, recurrent_initializer=recurrent_initializer, **kwargs)
        if not epsilon > 0 or not gamma >= 0:
            raise ValueError(
                "`epsilon` must be positive and `gamma` at least 0; "
                f"received epsilon={epsilon!r}, gamma={gamma!r}."
            )
        self.gated, self.epsilon, self.gamma = gated, epsilon, gamma
        self.gates = 2 if gated else 1
        self.recurrent_activation = activations.get(recurrent_activation)

    @property
    def recurrent_shape(self) -> tuple[int, ...]:
        return (self.units, self.units)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """M in the place of U."""
        constants = super().get_constants(batch_size, training)
        U = ops.cast(constants["U"], self.state_dtype)
        M = U - ops.transpose(U) - self.gamma * ops.eye(self.units, dtype=self.state_dtype)
        return {**constants, "U": ops.cast(M, self.compute_dtype)}

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        (h,) = states
        hM = self.product(self.drop_state(h, constants), constants["U"])
        *gate, a = ops.split(projected, self.gates, axis=-1)
        change = self.epsilon * activate(self.activation, a + hM, constants)
        for z in gate:
            change = change * self.recurrent_activation(z + hM)
        h = h + change
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "gated": self.gated,
            "epsilon": self.epsilon,
            "gamma": self.gamma,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
        }


@keras.saving.register_keras_serializable("keras_rnn")
class AntisymmetricRNN(Recurrent):
    """`Recurrent(AntisymmetricRNNCell(...))`: takes the arguments of both.

    >>> layer = AntisymmetricRNN(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = AntisymmetricRNNCell
