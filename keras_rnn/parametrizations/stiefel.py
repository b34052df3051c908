"""Matrices of any shape with orthonormal columns, alone or side by side."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.parametrizations.orthonormal import Orthonormal
from keras_rnn.parametrizations.parametrization import Shape


@keras.saving.register_keras_serializable("keras_rnn")
class Stiefel(Orthonormal):
    """Matrices with orthonormal columns, W^T W = I; if they are wide, with orthonormal rows.

    As `keras_rnn.parametrizations.Orthogonal`, with a base point of the shape of W and A of the longer of its
    sides. A gated kernel, `(n, gates * n)`, is constrained block by block:

        W = [W_1, W_2, .., W_blocks]           W_j^T W_j = I for each j

    so `LSTM(8, recurrent_parametrization=Stiefel(blocks=4))`, and `blocks=3` for a GRU.

    Args:
        map: `"matrix_exp"`, `"cayley"` or `"householder"`. Default `"matrix_exp"`.
        blocks: into how many blocks of columns W is cut. Default `1`.

    Raises:
        ValueError: if `map` is none of them or `blocks` no positive integer; for a shape that is not that of
            a matrix, or does not fall into so many blocks; in `right_inverse`, for a matrix that is no
            member.
        TypeError: for a complex matrix.

    Example:

    >>> free, base = Stiefel(blocks=2).right_inverse(np.tile(np.eye(3), 2))
    >>> free.shape, base.shape, Stiefel(blocks=2)(free, base).shape
    ((2, 3, 3), (2, 3, 3), TensorShape([3, 6]))
    """

    def __init__(self, map: str = "matrix_exp", blocks: int = 1) -> None:
        super().__init__(map)
        if isinstance(blocks, bool) or not isinstance(blocks, int) or blocks < 1:
            raise ValueError(f"`blocks` must be a positive integer; received blocks={blocks!r}.")
        self.blocks = blocks

    def check_shape(self, shape: Shape) -> None:
        if len(shape) != 2 or not min(shape) or shape[1] % self.blocks:
            raise ValueError(
                f"{self!r} needs a matrix whose columns fall into {self.blocks} equal block(s); received "
                f"shape {tuple(shape)}. Set `blocks` to the number of gates."
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "blocks": self.blocks}
