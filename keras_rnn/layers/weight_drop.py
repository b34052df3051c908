"""DropConnect on the recurrent weights of a cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import tree

from keras_rnn.layers.cell import Constants, RecurrentCell, dropout_mask
from keras_rnn.layers.checked import check_rate
from keras_rnn.layers.wrapped_cell import WrappedCell


@keras.saving.register_keras_serializable("keras_rnn")
class WeightDrop(WrappedCell):
    """A cell that while training lacks a part of its recurrent weights.

        y[t], states[t] = cell(x[t], states[t-1])     with U * m in the place of each recurrent matrix U

    Each entry of m is 0 with probability `rate` and else 1 / (1 - rate), drawn once per call for all
    rows and steps. At inference m = 1. No activation is dropped, and the step is that of the cell: what
    makes the cell fast keeps it fast.

    Weights:
        Those of the cell, undropped; the mask acts on what is computed with them.

    Differences from the paper: none. (Its published code draws a mask for each call too.)

    Args:
        cell: a cell with recurrent matrices, or wrappers around one.
        rate: share of the recurrent weights that is dropped, in [0, 1).
        seed: integer, makes the masks reproducible.

    Raises:
        TypeError: if `cell` is no `RecurrentCell`, or does not say which its recurrent matrices are, in
            `recurrent_constants`.
        ValueError: if `rate` is outside [0, 1).

    Source: S. Merity, N. S. Keskar, R. Socher, "Regularizing and Optimizing LSTM Language Models",
    ICLR 2018, section 2; DropConnect is of L. Wan et al., ICML 2013.

    Example:

    >>> layer = Recurrent(WeightDrop(LSTMCell(4), 0.5), return_sequences=True)
    >>> layer(np.zeros((2, 5, 3)), training=True).shape
    TensorShape([2, 5, 4])
    """

    def __init__(self, cell: RecurrentCell, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        check_rate("rate", rate)
        if not self.innermost.recurrent_constants:
            raise TypeError(
                "`cell` must have recurrent matrices and name them in `recurrent_constants`; "
                f"received cell={cell!r}. Of a stack, wrap the cells that have some."
            )
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        constants = super().get_constants(batch_size, training)
        if not training or not self.rate:
            return constants
        names = set(self.innermost.recurrent_constants)
        return tree.pack_sequence_as(
            constants,
            [
                self._drop(leaf) if names & set(path) else leaf
                for path, leaf in tree.flatten_with_path(constants)
            ],
        )

    def _drop(self, U: Any) -> Any:
        dtype = keras.backend.standardize_dtype(U.dtype)
        return U * dropout_mask(tuple(U.shape), self.rate, self.seed_generator, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
