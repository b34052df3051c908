"""Square matrices with W^T W = I."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.parametrizations.orthonormal import Orthonormal
from keras_rnn.parametrizations.parametrization import Shape

GATED = "For a gated kernel take Stiefel(blocks=number of gates), for other shapes Stiefel()."


@keras.saving.register_keras_serializable("keras_rnn")
class Orthogonal(Orthonormal):
    """Orthogonal matrices, W^T W = I.

        W = map(A) B                 A = (free - free^T) / 2         map="matrix_exp" or "cayley"
        W = H_1 H_2 .. H_n           H_i = I - 2 v_i v_i^T / |v_i|^2, v_i the columns of free
                                                                     map="householder"

    With the exponential each W of the determinant of the base point B is reached, and near B the map is the
    geometry of the group itself; Cayley is cheaper and reaches all but those for which W B^T has the
    eigenvalue -1. Both keep the determinant of the start. A column of free that is zero stands for the
    identity and has no gradient.

    Args:
        map: `"matrix_exp"`, `"cayley"` or `"householder"`. Default `"matrix_exp"`.

    Raises:
        ValueError: if `map` is none of them; for a shape that is not square; in `right_inverse`, for a matrix
            that is no member.
        TypeError: for a complex matrix.

    Source: M. Lezcano-Casado, D. Martínez-Rubio, "Cheap Orthogonal Constraints in Neural Networks", ICML
    2019, and M. Lezcano-Casado, "Trivializations for Gradient-Based Optimization on Manifolds", NeurIPS 2019;
    the reflections: Z. Mhammedi et al., "Efficient Orthogonal Parametrisation of Recurrent Neural Networks
    Using Householder Reflections", ICML 2017.

    Example:

    >>> orthogonal = Orthogonal("cayley")
    >>> W = orthogonal(np.array([[0.0, 2.0], [-2.0, 0.0]]))
    >>> np.array(W).round(6), orthogonal.is_member(W)
    (array([[ 0.,  1.],
           [-1.,  0.]]), True)
    >>> free, base = orthogonal.right_inverse(np.eye(2))
    """

    def check_shape(self, shape: Shape) -> None:
        self.check_square(shape, GATED)


@keras.saving.register_keras_serializable("keras_rnn")
class SpecialOrthogonal(Orthonormal):
    """Rotations: orthogonal matrices of determinant 1.

    As `keras_rnn.parametrizations.Orthogonal`; of the reflections there is an even number, n or n - 1. What
    has the determinant -1 is 2 away, whatever else it is.

    Args:
        map: `"matrix_exp"`, `"cayley"` or `"householder"`. Default `"matrix_exp"`.

    Raises:
        ValueError, TypeError: as `Orthogonal`; and for 1 by 1 matrices, of which only one is a rotation.

    Example:

    >>> SpecialOrthogonal().is_member(np.eye(3)), SpecialOrthogonal().is_member(-np.eye(3))
    (True, False)
    """

    def check_shape(self, shape: Shape) -> None:
        self.check_square(shape, GATED)
        if shape[0] < 2:
            raise ValueError(
                f"{self!r} needs at least 2 rows, for 1 is the only rotation of one; received shape "
                f"{tuple(shape)}."
            )

    def free_shape(self, shape: Shape) -> Shape:
        rows, columns = super().free_shape(shape)
        return (rows, columns - columns % 2) if self.map == "householder" else (rows, columns)

    def constrain(self, free: Any, base: Any) -> Any:
        if self.map == "householder" and free.shape[-2] != free.shape[-1]:
            # The column that is left out is the identity.
            free = ops.concatenate([free, ops.zeros_like(free[..., :1])], axis=-1)
        return super().constrain(free, base)

    def distance(self, w: Any) -> float:
        """The largest entry of |W^T W - I|, but at least 2 where the determinant is negative."""
        turned = bool(np.linalg.det(self.matrix(w)) < 0)
        return max(super().distance(w), 2.0 * turned)

    def nearest(self, w: Any) -> np.ndarray:
        U, _, Vt = np.linalg.svd(self.matrix(w))
        U[:, -1] *= np.sign(np.linalg.det(U @ Vt))
        return U @ Vt

    def preimage(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        free, base = super().preimage(w)
        return free[:, : self.free_shape(w.shape)[1]], base
