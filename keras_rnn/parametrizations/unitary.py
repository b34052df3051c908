"""Complex matrices with W^H W = I, in real form."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.ops.linalg import real_form
from keras_rnn.parametrizations.orthonormal import MAPS
from keras_rnn.parametrizations.parametrization import Parametrization, Shape, skew, symmetric


@keras.saving.register_keras_serializable("keras_rnn")
class Unitary(Parametrization):
    """Unitary matrices U = R + i S of n rows, as real matrices of 2 n rows.

        W = [[R, S], [-S, R]]           (a, b) W = (a R - b S, a S + b R):   (a + i b) U in real parts

    The weights of Keras are real: a vector of 2 n numbers holds n complex ones, first their real parts, and W
    multiplies them by U. So `SimpleRNN(2 * n, recurrent_parametrization=Unitary())` is a unitary recurrence,
    and runs wherever a real one does. W is orthogonal, too.

        W = map(A) B                    A = [[X, Y], [-Y, X]], X the skew-symmetric part of free[0] and Y the
                                        symmetric part of free[1]: X + i Y is skew-Hermitian

    then polished, as `keras_rnn.parametrizations.Orthogonal` is.

    Complex matrices U are taken, too, by `distance`, `is_member`, `nearest` and `right_inverse`.

    Args:
        map: `"matrix_exp"` or `"cayley"`. Default `"matrix_exp"`.

    Raises:
        ValueError: if `map` is none of them; for a shape that is not square and even; in `right_inverse`, for
            a matrix that is no member.

    Source: as `keras_rnn.parametrizations.Orthogonal`.

    Example:

    >>> W = Unitary()(np.array([[[0.0]], [[np.pi / 2]]]))
    >>> Unitary().to_complex(W).round(6) + 0.0
    array([[0.+1.j]])
    """

    def __init__(self, map: str = "matrix_exp") -> None:
        if map not in MAPS:
            raise ValueError(
                f"`map` must be one of {tuple(MAPS)}; received map={map!r}. Leave it out for the matrix "
                "exponential."
            )
        self.map = map

    def check_shape(self, shape: Shape) -> None:
        self.check_square(shape, "It stands for a complex matrix of half as many rows and columns.")
        if shape[0] % 2:
            raise ValueError(
                f"{self!r} needs an even number of rows, for real and imaginary parts; received shape "
                f"{tuple(shape)}. Take as many units more or less as make it even."
            )

    def free_shape(self, shape: Shape) -> Shape:
        self.check_shape(shape)
        return (2, shape[0] // 2, shape[1] // 2)

    def base_shape(self, shape: Shape) -> Shape | None:
        return tuple(shape)

    def constrain(self, free: Any, base: Any) -> Any:
        n = free.shape[-1]
        W = MAPS[self.map](real_form(skew(free[0]), symmetric(free[1])))
        top = W[:n] if base is None else W[:n] @ base
        # Newton and Schulz on the upper half, the lower one says the same.
        fixed = ops.stop_gradient(top)
        whole = real_form(fixed[:, :n], fixed[:, n:])
        defect = fixed @ ops.transpose(whole) - ops.eye(n, 2 * n, dtype=fixed.dtype)
        top = top - ops.stop_gradient(defect @ whole) / 2
        return real_form(top[:, :n], top[:, n:])

    def to_complex(self, w: Any) -> np.ndarray:
        """U of a W, or of itself; of a W that has not the form above, that of its nearest one."""
        w = np.asarray(ops.convert_to_numpy(w))
        if np.iscomplexobj(w):
            self.check_square(w.shape)
            if not np.all(np.isfinite(w)):
                raise ValueError(f"`w` must be finite; {self!r} received infinity or NaN.")
            return w.astype("complex128")
        w = self.matrix(w)
        n = len(w) // 2
        return (w[:n, :n] + w[n:, n:] + 1j * (w[:n, n:] - w[n:, :n])) / 2

    def distance(self, w: Any) -> float:
        """The largest entry of |U^H U - I|, or of the difference of W from its form, if that is larger."""
        U = self.to_complex(w)
        w = np.asarray(ops.convert_to_numpy(w))
        off_form = 0.0 if np.iscomplexobj(w) else np.max(np.abs(w - real_form(U.real, U.imag)))
        return max(float(np.max(np.abs(U.conj().T @ U - np.eye(len(U))))), float(off_form))

    def nearest(self, w: Any) -> np.ndarray:
        """The W of the unitary factor of U."""
        V, _, Wh = np.linalg.svd(self.to_complex(w))
        U = V @ Wh
        return real_form(U.real, U.imag)

    def preimage(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return np.zeros(self.free_shape(w.shape)), w

    def get_config(self) -> dict[str, Any]:
        return {"map": self.map}
