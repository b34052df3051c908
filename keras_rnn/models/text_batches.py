"""Rows of word ids as padded batches, for fit, evaluate and predict on every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets.batching import bucketed_batches, pad, sorted_batches
from keras_rnn.datasets.pipelines import pipeline
from keras_rnn.models.epoch_batches import EpochBatches


class TextBatches(EpochBatches):
    """Batches `(ids, *targets)`, where rows of like length stand together.

    Args:
        rows: one integer array for each text.
        targets: labels and, if given, sample weights; each has as many entries as `rows`.
        batch_size: rows in a batch.
        shuffle: draw new batches in each epoch; otherwise the shortest rows come first.
        seed: of the shuffling: the k-th epoch follows from `seed` and k alone, in every process.
        first_epoch: the epoch to begin with, for a training that goes on.
        drop_remainder: whether to leave out the rows that fill no whole batch.
    """

    def __init__(
        self,
        rows: Sequence[np.ndarray],
        targets: Sequence[np.ndarray] = (),
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        first_epoch: int = 0,
        drop_remainder: bool = False,
    ) -> None:
        super().__init__(first_epoch)
        self.rows = rows
        self.targets = targets
        self.lengths = np.array([len(row) for row in rows], np.int64)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_remainder = drop_remainder
        # XLA compiles anew for each shape: under JAX, which always compiles, lengths are rounded up.
        self.multiple = 32 if keras.backend.backend() == "jax" else 1
        self.batches = self.draw()

    def draw(self) -> list[np.ndarray]:
        if self.shuffle:
            return bucketed_batches(self.lengths, self.batch_size, self.seed, self.epoch, self.drop_remainder)
        return sorted_batches(self.lengths, self.batch_size)

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        ids = pad([self.rows[row] for row in rows], multiple=self.multiple)
        return (ids, *(target[rows] for target in self.targets))

    @property
    def order(self) -> np.ndarray:
        """The row that each output of `predict` belongs to."""
        return np.concatenate(self.batches)

    def for_keras(self) -> Any:
        """What `fit` is to be given: on TensorFlow a `tf.data.Dataset`, elsewhere this object.

        Keras reads the shapes of a `PyDataset` off its first two batches, and would fix the number of time
        steps where these happen to agree.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        specs = tuple(tf.TensorSpec((None, *target.shape[1:]), target.dtype) for target in self.targets)
        return pipeline(self.whole_epoch, (tf.TensorSpec((None, None), tf.int32), *specs), len(self))
