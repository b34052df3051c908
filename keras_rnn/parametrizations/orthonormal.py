"""What orthogonal matrices and those with orthonormal columns share: maps, base points, polish."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from keras_rnn.ops.linalg import cayley, householder, matrix_exp
from keras_rnn.parametrizations.parametrization import Parametrization, Shape, skew

#: From skew-symmetric matrices onto orthogonal ones.
MAPS = {"matrix_exp": matrix_exp, "cayley": cayley}


class Orthonormal(Parametrization):
    """Abstract: matrices whose columns, or if they are wide, whose rows are orthonormal.

        W = map(A) B                 A = (free - free^T) / 2, B the base point       matrix_exp, cayley
        W = H_1 H_2 .. H_k I         H_i the reflection along column i of free       householder

    then polished, W (3 I - W^T W) / 2 (a step of Newton and Schulz): rounding that the map has left is
    squared away. At an orthogonal W the derivative of that step is the identity for all directions that
    stay among the orthogonal matrices, so the gradient passes it by.

    Args:
        map: `"matrix_exp"`, `"cayley"` or `"householder"`. Default `"matrix_exp"`.

    Raises:
        ValueError: if `map` is none of them.
    """

    blocks = 1

    def __init__(self, map: str = "matrix_exp") -> None:
        if map not in (*MAPS, "householder"):
            raise ValueError(
                f"`map` must be one of {(*MAPS, 'householder')}; received map={map!r}. Leave it out for the "
                "matrix exponential."
            )
        self.map = map

    def block_shape(self, shape: Shape) -> Shape:
        """The shape of one block, all of them if there are several."""
        self.check_shape(shape)
        rows, columns = shape
        one = (rows, columns // self.blocks)
        return one if self.blocks == 1 else (self.blocks, *one)

    def free_shape(self, shape: Shape) -> Shape:
        *several, rows, columns = self.block_shape(shape)
        if self.map == "householder":
            return (*several, rows, columns)
        size = max(rows, columns)
        return (*several, size, size)

    def base_shape(self, shape: Shape) -> Shape | None:
        return None if self.map == "householder" else self.block_shape(shape)

    def constrain(self, free: Any, base: Any) -> Any:
        if self.map == "householder":
            columns = min(free.shape[-2:])
            wide = free.shape[-2] < free.shape[-1]
            W = householder(ops.swapaxes(free, -1, -2) if wide else free)[..., :columns]
            W = ops.swapaxes(W, -1, -2) if wide else W
        else:
            W = MAPS[self.map](skew(free))
            if base is not None:
                W = base @ W if base.shape[-2] < base.shape[-1] else W @ base
        return self.joined(polished(W))

    def split(self, w: np.ndarray) -> np.ndarray:
        """The blocks, one over the other."""
        return w if self.blocks == 1 else np.stack(np.split(w, self.blocks, axis=-1))

    def joined(self, blocks: Any) -> Any:
        """The blocks side by side."""
        if self.blocks == 1:
            return blocks
        return ops.reshape(ops.swapaxes(blocks, 0, 1), (blocks.shape[1], -1))

    def distance(self, w: Any) -> float:
        """The largest entry of |W^T W - I|, or of |W W^T - I| for a wide W, over all blocks."""
        return float(np.max(np.abs(_defect(self.split(self.matrix(w))))))

    def nearest(self, w: Any) -> np.ndarray:
        """The orthogonal factor U V^T of the singular value decomposition U S V^T."""
        U, _, Vt = np.linalg.svd(self.split(self.matrix(w)), full_matrices=False)
        return np.asarray(self.joined(U @ Vt))

    def preimage(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        blocks = self.split(w)
        if self.map == "householder":
            flat = blocks.reshape(-1, *blocks.shape[-2:])
            found = [reflections(b) if len(b) >= len(b.T) else reflections(b.T).T for b in flat]
            return np.reshape(found, blocks.shape), None
        return np.zeros(self.free_shape(w.shape)), blocks

    def get_config(self) -> dict[str, Any]:
        return {"map": self.map}


def polished(W: Any) -> Any:
    """W nearer to orthonormal columns, or rows: one Newton-Schulz step, whose gradient is the identity."""
    wide = W.shape[-2] < W.shape[-1]
    fixed = ops.stop_gradient(W)
    defect = _defect(fixed) / 2
    return W - ops.stop_gradient(defect @ fixed if wide else fixed @ defect)


def _defect(W: Any) -> Any:
    """W^T W - I, or W W^T - I if W is wide; of tensors and of arrays."""
    numpy = np if isinstance(W, np.ndarray) else ops
    transposed = numpy.swapaxes(W, -1, -2)
    gram = W @ transposed if W.shape[-2] < W.shape[-1] else transposed @ W
    return gram - numpy.eye(gram.shape[-1], dtype=gram.dtype)


def reflections(w: np.ndarray) -> np.ndarray:
    """Columns v of which `householder(v)[:, :k]` is w, `(n, k)` with orthonormal columns; zeros where none is
    wanted."""
    rest, v = np.array(w), np.zeros_like(w)
    for k in range(w.shape[1]):
        x = rest[k:, k]
        below = np.sum(x[1:] ** 2)
        length = np.sqrt(x[0] ** 2 + below)
        if below > 0 or x[0] < 0:
            # x - |x| e_1, without cancellation where they are near to each other.
            v[k:, k] = x
            v[k, k] = -below / (x[0] + length) if x[0] > 0 else x[0] - length
            u = v[:, k] / np.linalg.norm(v[:, k])
            rest -= 2 * np.outer(u, u @ rest)
    return v
