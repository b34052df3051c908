"""The non-normal recurrent network: rotations that feed one another in one direction."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import initializers, ops

from keras_rnn.layers.activation_layer import activate
from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.linalg import matrix_exp


@keras.saving.register_keras_serializable("keras_rnn")
class NonNormalRNNCell(AffineCell):
    """One step of the non-normal recurrent network, whose recurrent matrix is given by its Schur form.

        P    = exp(A - A^T)                                                       orthogonal
        U    = P (Lambda + T) P^T
        h[t] = activation(x[t] W + h[t-1] U + b)                                  output y[t] = h[t]

    Lambda has blocks of two by two along its diagonal, gamma_k times a rotation by theta_k,

        gamma_k (cos theta_k   -sin theta_k)
                (sin theta_k    cos theta_k)

    and T is zero but below the blocks. So the moduli of the eigenvalues are the gamma_k, whatever T is, and
    the gradient neither explodes nor vanishes for long if they are about 1; through T the state can grow for
    a time, which an orthogonal matrix does not allow. With an odd number of units the last block is gamma_k
    alone. U is computed once per call.

    Weights (m is half of the units, rounded up, and k rounded down):
        kernel W: `(features, units)`.
        recurrent_kernel A: `(units, units)`; its symmetric part is of no influence.
        gamma: `(m,)`, at first 1.
        theta: `(k,)`, at first uniform on (-pi, pi).
        T: `(units, units)`, at first 0; what stands not below the blocks is of no influence.
        bias b: `(units,)`; absent with `use_bias=False`.
        In all `units * (features + 2 * units + 2)` parameters, with `units * (features + units + 1)` degrees
        of freedom.

    Differences from the paper: no penalty draws gamma to 1 and T to 0, give these weights a smaller learning
    rate instead (`keras_rnn.optimizers`); U^T in the place of U, as rows stand on the left, which is the same
    family; the activation is tanh unless `ModReLU()` is given.

    Args:
        units: positive integer, number of units of the state.
        activation: the function around the sum; a layer such as `ModReLU` brings weights. Default `"tanh"`.
        recurrent_initializer: starting values of A. Default `"glorot_normal"`.

    The other arguments are those of every affine cell:
    see `keras_rnn.layers.AffineCell`.

    Source: G. Kerg et al., "Non-normal Recurrent Neural Network (nnRNN): learning long time dependencies
    while improving expressivity with transient dynamics", NeurIPS 2019, section 3.

    Example:

    >>> cell = NonNormalRNNCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 4), (4, 4), (2,), (2,), (4, 4), (4,)])
    """

    gates = 1
    state_names = ("h",)
    activates_by_layer = True

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_initializer: Any = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, recurrent_initializer=recurrent_initializer, **kwargs)

    def add_own_weights(self) -> None:
        n = self.units
        # What makes U is not to be rounded by a 16-bit policy.
        self.gamma = self.add_weight(name="gamma", shape=((n + 1) // 2,), initializer="ones", autocast=False)
        uniform = initializers.RandomUniform(-math.pi, math.pi)
        self.theta = self.add_weight(name="theta", shape=(n // 2,), initializer=uniform, autocast=False)
        self.T = self.add_weight(name="T", shape=(n, n), initializer="zeros", autocast=False)

    def schur_form(self, A: Any) -> tuple[Any, Any]:
        """P and Lambda + T, each `(units, units)`."""
        n = self.units
        A, gamma, theta, T = (ops.cast(w, self.state_dtype) for w in (A, self.gamma, self.theta, self.T))
        block = np.arange(n) // 2
        below = block[:, None] > block
        theta = ops.pad(theta, [(0, n % 2)])
        cos, sin = (ops.repeat(gamma * f(theta), 2)[:n] for f in (ops.cos, ops.sin))
        sin = ops.where(np.arange(n - 1) % 2 == 0, sin[: n - 1], ops.zeros_like(sin[: n - 1]))
        Lambda = ops.diag(cos) + ops.diag(sin, -1) - ops.diag(sin, 1)
        return matrix_exp(A - ops.transpose(A)), Lambda + ops.where(below, T, ops.zeros_like(T))

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """U from its Schur form."""
        constants = super().get_constants(batch_size, training)
        P, form = self.schur_form(constants["U"])
        U = ops.matmul(ops.matmul(P, form), ops.transpose(P))
        return {**constants, "U": ops.cast(U, self.compute_dtype)}

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        z = projected + self.product(self.drop_state(states[0], constants), constants["U"])
        h = activate(self.activation, z, constants)
        return h, [h]


@keras.saving.register_keras_serializable("keras_rnn")
class NonNormalRNN(Recurrent):
    """`Recurrent(NonNormalRNNCell(...))`: takes the arguments of both.

    >>> layer = NonNormalRNN(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = NonNormalRNNCell
