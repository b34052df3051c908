"""Matrices whose largest singular value is 1."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.parametrizations.parametrization import Parametrization, Shape


@keras.saving.register_keras_serializable("keras_rnn")
class SpectralNorm(Parametrization):
    """Matrices of spectral norm 1: no vector grows, and one keeps its length.

        W = free / sigma_1(free)          sigma_1 the largest singular value

    The norm is exact, from a singular value decomposition, and so is the gradient: that of sigma_1 is u v^T,
    its singular vectors. A free matrix of zeros gives zeros.

    Differences from the paper: there, sigma_1 is estimated by one step of the power method for each call,
    from a vector that is carried.

    Raises:
        ValueError: for a shape that is not that of a matrix; in `right_inverse`, for a matrix that is no
            member; in `nearest`, for zeros.
        TypeError: for a complex matrix.

    Source: T. Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018,
    equation 8.

    Example:

    >>> np.array(SpectralNorm()(np.array([[4.0, 0.0], [0.0, 2.0]])))
    array([[1. , 0. ],
           [0. , 0.5]])
    """

    def check_shape(self, shape: Shape) -> None:
        if len(shape) != 2 or not min(shape):
            raise ValueError(f"{self!r} needs a matrix; received shape {tuple(shape)}.")

    def constrain(self, free: Any, base: Any) -> Any:
        u, s, vt = ops.svd(ops.stop_gradient(free), full_matrices=False)
        norm = ops.sum(u[:, :1] * (free @ ops.transpose(vt[:1])))
        return free / ops.where(s[0] > 0, norm, ops.ones_like(norm))

    def distance(self, w: Any) -> float:
        """The difference of the largest singular value from 1."""
        return abs(float(np.linalg.norm(self.matrix(w), 2)) - 1)

    def nearest(self, w: Any) -> np.ndarray:
        """w over its norm."""
        w = self.matrix(w)
        if not w.any():
            raise ValueError(
                f"`w` must not be zero, which has no direction to scale; {self!r} received zeros."
            )
        return w / np.linalg.norm(w, 2)
