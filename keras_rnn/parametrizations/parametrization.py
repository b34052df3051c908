"""The contract of a parametrization: constrained matrices as the values of a function of free ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras
import numpy as np
from keras import ops

Shape = tuple[int, ...]


class Parametrization(ABC):
    """Abstract: a function from free matrices onto those with a property.

        W = parametrization(free)              or, where there is a base point,
        W = parametrization(free, base)

    An optimizer changes `free` as it likes, and W keeps the property: gradient descent on a set of matrices
    without leaving it. It is a pure function of tensors, without weights, and is saved as configuration.
    `keras_rnn.layers.Parametrized` and the argument `recurrent_parametrization` of cells hold the weights.

    The base point is a constant. With one, W = base where free = 0; the callback
    `keras_rnn.callbacks.DynamicTrivialization` moves it now and then.

    A subclass gives `check_shape`, `constrain`, `distance` and `nearest`, and where they are not the identity
    and None, the shapes of the free matrix and the base point and `preimage`.
    """

    @abstractmethod
    def check_shape(self, shape: Shape) -> None:
        """Raises ValueError if no member has this shape."""

    def free_shape(self, shape: Shape) -> Shape:
        """The shape of the free matrix of a W of this shape."""
        self.check_shape(shape)
        return tuple(shape)

    def base_shape(self, shape: Shape) -> Shape | None:
        """The shape of its base point; None if there is none."""
        return None

    def __call__(self, free: Any, base: Any = None) -> Any:
        """The constrained matrix, a tensor, of a free one of the shape `free_shape` and a base point.

        Without a base point, where there could be one, it is the identity.
        """
        free = ops.convert_to_tensor(free)
        dtype = keras.backend.standardize_dtype(free.dtype)
        if dtype not in ("float32", "float64"):
            raise TypeError(
                f"`free` must be real, of dtype float32 or float64; {self!r} received dtype {dtype}. Cast it."
            )
        return self.constrain(free, None if base is None else ops.convert_to_tensor(base, dtype))

    @abstractmethod
    def constrain(self, free: Any, base: Any) -> Any:
        """`__call__` on tensors of one dtype."""

    @abstractmethod
    def distance(self, w: Any) -> float:
        """How far w is from having the property; 0 for a member."""

    @abstractmethod
    def nearest(self, w: Any) -> np.ndarray:
        """The member nearest to w, in float64."""

    def preimage(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """`(free, base)` of a member w."""
        return w, None

    def is_member(self, w: Any, atol: float = 1e-5) -> bool:
        """Whether w has the property, up to `atol`."""
        return self.distance(w) <= atol

    def right_inverse(self, w: Any, atol: float = 1e-4) -> tuple[np.ndarray, np.ndarray | None]:
        """`(free, base)` with `parametrization(free, base) = w`; base is None if there is none.

        Raises:
            ValueError: if w is no member, up to `atol`; says how far it is from one.
        """
        distance = self.distance(w)
        if not distance <= atol:
            raise ValueError(
                f"`w` must be a member of {self!r}; received one that is {distance:.3g} away, which is more "
                f"than {atol:g}. Take an initializer that gives members, such as "
                f"keras_rnn.parametrizations.Haar(), or `nearest(w)`."
            )
        return self.preimage(self.nearest(w))

    def matrix(self, w: Any) -> np.ndarray:
        """w as an array in float64, checked."""
        w = np.asarray(ops.convert_to_numpy(w))
        if np.iscomplexobj(w):
            raise TypeError(
                f"`w` must be real; {self!r} received a complex one. Complex matrices belong to Unitary."
            )
        if not np.all(np.isfinite(w)):
            raise ValueError(f"`w` must be finite; {self!r} received infinity or NaN.")
        self.check_shape(w.shape)
        return w.astype("float64")

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Parametrization:
        """The parametrization again."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"

    def __eq__(self, other: Any) -> bool:
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(repr(self))

    def check_square(self, shape: Shape, advice: str = "Take Stiefel, which is for other shapes.") -> None:
        """Raises ValueError unless the shape is `(n, n)`."""
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(
                f"{self!r} needs a square matrix, (n, n); received shape {tuple(shape)}. {advice}"
            )


def skew(x: Any) -> Any:
    """The skew-symmetric part, (x - x^T) / 2."""
    return (x - ops.swapaxes(x, -1, -2)) / 2


def symmetric(x: Any) -> Any:
    """The symmetric part, (x + x^T) / 2."""
    return (x + ops.swapaxes(x, -1, -2)) / 2
