"""Matrices whose singular values are near to 1."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.ops.linalg import matrix_exp
from keras_rnn.parametrizations.orthonormal import polished
from keras_rnn.parametrizations.parametrization import Parametrization, Shape, skew, symmetric


@keras.saving.register_keras_serializable("keras_rnn")
class AlmostOrthogonal(Parametrization):
    """Square matrices with all singular values in [1 - radius, 1 + radius].

        W = Q P                           the polar decomposition
        Q = exp(A) B                      A the skew-symmetric part of free[0], B the base point
        P = I + radius 2 S (I + S^2)^-1   S the symmetric part of free[1]

    The eigenvalues s of S become 1 + radius 2 s / (1 + s^2), which is in the interval for every s and reaches
    all of it. Q is polished, as `keras_rnn.parametrizations.Orthogonal` is.

    Differences from the papers: they write W = U diag(1 + radius f(s)) V with two orthogonal matrices, and
    take for f a sigmoid. This form has one, and no order or sign of singular values to choose.

    Args:
        radius: in (0, 1).

    Raises:
        ValueError: if `radius` is not in (0, 1); for a shape that is not square; in `right_inverse`, for a
            matrix that is no member.
        TypeError: for a complex matrix.

    Source: E. Vorontsov et al., "On Orthogonality and Learning Recurrent Networks with Long Term
    Dependencies", ICML 2017, equation 4; J. Zhang, Q. Lei, I. Dhillon, "Stabilizing Gradients for Deep Neural
    Networks via Efficient SVD Parameterization", ICML 2018, section 4.

    Example:

    >>> AlmostOrthogonal(0.25).is_member(1.2 * np.eye(3)), AlmostOrthogonal(0.1).is_member(1.2 * np.eye(3))
    (True, False)
    """

    def __init__(self, radius: float) -> None:
        if not 0 < radius < 1:
            raise ValueError(
                f"`radius` must be in (0, 1); received radius={radius!r}. For 0 take Orthogonal."
            )
        self.radius = radius

    def check_shape(self, shape: Shape) -> None:
        self.check_square(shape)

    def free_shape(self, shape: Shape) -> Shape:
        self.check_shape(shape)
        return (2, *shape)

    def base_shape(self, shape: Shape) -> Shape | None:
        return tuple(shape)

    def constrain(self, free: Any, base: Any) -> Any:
        Q = matrix_exp(skew(free[0]))
        Q = polished(Q if base is None else Q @ base)
        S, identity = symmetric(free[1]), ops.eye(free.shape[-1], dtype=free.dtype)
        return Q + 2 * self.radius * (Q @ (S @ ops.inv(identity + S @ S)))

    def distance(self, w: Any) -> float:
        """How far the singular value that is farthest from 1 is outside of the interval."""
        s = np.linalg.svd(self.matrix(w), compute_uv=False)
        return max(0.0, float(np.max(np.abs(s - 1))) - self.radius)

    def nearest(self, w: Any) -> np.ndarray:
        """w with its singular values clipped."""
        U, s, Vt = np.linalg.svd(self.matrix(w))
        return (U * np.clip(s, 1 - self.radius, 1 + self.radius)) @ Vt

    def preimage(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        U, s, Vt = np.linalg.svd(w)
        c = np.clip((s - 1) / self.radius, -1, 1)
        S = (Vt.T * (c / (1 + np.sqrt(1 - c * c)))) @ Vt
        return np.stack([np.zeros_like(w), S]), U @ Vt

    def get_config(self) -> dict[str, Any]:
        return {"radius": self.radius}
