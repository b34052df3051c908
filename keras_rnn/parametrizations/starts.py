"""Orthogonal matrices to start from, as Keras initializers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras
import numpy as np
from keras import ops


class OrthogonalStart(keras.initializers.Initializer, ABC):
    """Abstract: for a shape `(n, k * n)`, k orthogonal matrices side by side, drawn one by one.

    Args:
        seed: integer; the same draw at every call. Default: one that is drawn when the initializer is made.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = int(np.random.randint(2**31)) if seed is None else seed

    @abstractmethod
    def draw(self, n: int, random: np.random.Generator) -> np.ndarray:
        """One orthogonal matrix `(n, n)`."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        if len(shape) != 2 or not shape[0] or shape[1] % shape[0]:
            raise ValueError(
                f"{type(self).__name__} draws square matrices, (n, n), or several side by side, (n, k * n); "
                f"received shape {tuple(shape)}. For other shapes take keras.initializers.Orthogonal()."
            )
        random = np.random.default_rng(self.seed)
        blocks = [self.draw(shape[0], random) for _ in range(shape[1] // shape[0])]
        return ops.convert_to_tensor(np.concatenate(blocks, axis=1), dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


@keras.saving.register_keras_serializable("keras_rnn")
class Haar(OrthogonalStart):
    """Orthogonal matrices all of which are equally likely, of determinant 1 and -1 alike.

    The Q of a Gaussian matrix, the signs of its columns such that R has a positive diagonal.

    Args:
        seed: integer; the same draw at every call. Default: one that is drawn when the initializer is made.

    Raises:
        ValueError: when called, for a shape other than `(n, k * n)`.

    Source: F. Mezzadri, "How to Generate Random Matrices from the Classical Compact Groups", Notices of the
    AMS 54 (2007).

    Example:

    >>> Haar(seed=1)((3, 3)).shape
    TensorShape([3, 3])
    """

    def draw(self, n: int, random: np.random.Generator) -> np.ndarray:
        Q, R = np.linalg.qr(random.normal(size=(n, n)))
        return Q * np.sign(np.diag(R))


@keras.saving.register_keras_serializable("keras_rnn")
class Henaff(OrthogonalStart):
    """Rotations of pairs of units by angles that are uniform in (-pi, pi).

        W = exp(A)            A block-diagonal, its blocks [[0, s], [-s, 0]]

    A last unit without a partner is left alone. Good for tasks in which something is copied.

    Args:
        seed: integer; the same draw at every call. Default: one that is drawn when the initializer is made.

    Raises:
        ValueError: when called, for a shape other than `(n, k * n)`.

    Source: M. Henaff, A. Szlam, Y. LeCun, "Recurrent Orthogonal Networks and Long-Memory Tasks", ICML 2016,
    section 3; in this form M. Lezcano-Casado, D. Martínez-Rubio, ICML 2019, section 5.

    Example:

    >>> Henaff(seed=1)((4, 8)).shape
    TensorShape([4, 8])
    """

    def draw(self, n: int, random: np.random.Generator) -> np.ndarray:
        return _rotations(n, random.uniform(-np.pi, np.pi, n // 2))


@keras.saving.register_keras_serializable("keras_rnn")
class Cayley(OrthogonalStart):
    """Rotations of pairs of units by angles that are uniform in (0, pi / 2), scaled by signs.

        W = cayley(A) D       A block-diagonal, its blocks [[0, 2 t], [-2 t, 0]]
                              t = tan(s / 2) = sqrt((1 - cos s) / (1 + cos s)), s uniform
                              D diagonal, its first `negative` entries -1 and the others 1

    A last unit without a partner is left alone.

    Args:
        negative: number of columns of the other sign. Default `0`.
        seed: integer; the same draw at every call. Default: one that is drawn when the initializer is made.

    Raises:
        ValueError: if `negative` is below 0; when called, if it is above n, or for a shape other than
            `(n, k * n)`.

    Source: K. Helfrich, D. Willmott, Q. Ye, "Orthogonal Recurrent Neural Networks with Scaled Cayley
    Transform", ICML 2018, section 3.3.

    Example:

    >>> Cayley(seed=1)((4, 4)).shape
    TensorShape([4, 4])
    """

    def __init__(self, negative: int = 0, seed: int | None = None) -> None:
        super().__init__(seed)
        if negative < 0:
            raise ValueError(f"`negative` must be at least 0; received negative={negative!r}.")
        self.negative = negative

    def draw(self, n: int, random: np.random.Generator) -> np.ndarray:
        if self.negative > n:
            raise ValueError(
                f"`negative` must be at most the number of columns, {n}; received negative={self.negative}."
            )
        signs = np.where(np.arange(n) < self.negative, -1, 1)
        return _rotations(n, random.uniform(0, np.pi / 2, n // 2)) * signs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative": self.negative}


def _rotations(n: int, angles: np.ndarray) -> np.ndarray:
    W = np.eye(n)
    for k, s in enumerate(angles):
        W[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = [[np.cos(s), np.sin(s)], [-np.sin(s), np.cos(s)]]
    return W
