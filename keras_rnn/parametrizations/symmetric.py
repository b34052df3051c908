"""Skew-symmetric and symmetric matrices."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_rnn.parametrizations.parametrization import Parametrization, Shape, skew, symmetric

ADVICE = "There is no such matrix of another shape."


@keras.saving.register_keras_serializable("keras_rnn")
class Skew(Parametrization):
    """Skew-symmetric matrices, W^T = -W.

        W = (free - free^T) / 2

    Raises:
        ValueError: for a shape that is not square; in `right_inverse`, for a matrix that is no member.
        TypeError: for a complex matrix.

    Example:

    >>> np.array(Skew()(np.array([[1.0, 4.0], [0.0, 3.0]])))
    array([[ 0.,  2.],
           [-2.,  0.]])
    """

    def check_shape(self, shape: Shape) -> None:
        self.check_square(shape, ADVICE)

    def constrain(self, free: Any, base: Any) -> Any:
        return skew(free)

    def distance(self, w: Any) -> float:
        """The largest entry of |W + W^T| / 2."""
        w = self.matrix(w)
        return float(np.max(np.abs(w + w.T))) / 2

    def nearest(self, w: Any) -> np.ndarray:
        """Its skew-symmetric part."""
        w = self.matrix(w)
        return (w - w.T) / 2


@keras.saving.register_keras_serializable("keras_rnn")
class Symmetric(Parametrization):
    """Symmetric matrices, W^T = W.

        W = (free + free^T) / 2

    Raises:
        ValueError: for a shape that is not square; in `right_inverse`, for a matrix that is no member.
        TypeError: for a complex matrix.

    Example:

    >>> np.array(Symmetric()(np.array([[1.0, 4.0], [0.0, 3.0]])))
    array([[1., 2.],
           [2., 3.]])
    """

    def check_shape(self, shape: Shape) -> None:
        self.check_square(shape, ADVICE)

    def constrain(self, free: Any, base: Any) -> Any:
        return symmetric(free)

    def distance(self, w: Any) -> float:
        """The largest entry of |W - W^T| / 2."""
        w = self.matrix(w)
        return float(np.max(np.abs(w - w.T))) / 2

    def nearest(self, w: Any) -> np.ndarray:
        """Its symmetric part."""
        w = self.matrix(w)
        return (w + w.T) / 2
