"""The singular values of a weight while it is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_rnn.callbacks.jax_state import write_back


class SingularValues(keras.callbacks.Callback):
    """Keeps the singular values of a matrix at the beginning of a training and after each epoch.

        recorded = SingularValues(lambda: layer.cell.recurrent_kernel)
        model.fit(..., callbacks=[recorded])
        keras_rnn.plots.singular_values(recorded.values, "singular_values.png")

    An orthogonal or unitary matrix has ones. Below 1 gradients vanish over time, above 1 they may explode.

    Args:
        matrix: a function that gives the matrix as it now is.

    Attributes:
        values: one array for each time, the largest value first.
    """

    def __init__(self, matrix: Callable[[], Any]) -> None:
        super().__init__()
        self.matrix = matrix
        self.values: list[np.ndarray] = []

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.values:  # a second `fit` goes on
            self._record()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        write_back(self.model)
        self._record()

    def _record(self) -> None:
        matrix = keras.ops.convert_to_numpy(self.matrix())
        self.values.append(np.linalg.svd(np.asarray(matrix, float), compute_uv=False))
