"""Piano rolls as padded batches, for fit and evaluate on every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets.batching import bucketed_batches, sorted_batches
from keras_rnn.datasets.pipelines import pipeline
from keras_rnn.models.epoch_batches import EpochBatches


class PianoRollBatches(EpochBatches):
    """Batches `(rolls, weights)`: 0 or 1 `(batch, time, keys)`, and which steps count `(batch, time)`.

    Args:
        rolls: one array `(time, keys)` for each piece.
        keys: how many there are.
        batch_size: pieces in a batch.
        length: the most steps of a row; longer pieces are cut, in each epoch at other places. None: no cut.
        shuffle: draw new batches in each epoch; otherwise the shortest come first, and none is cut.
        seed: of the shuffling: the k-th epoch follows from `seed` and k alone, in every process.
        first_epoch: the epoch to begin with, for a training that goes on.

    Raises:
        ValueError: if there is no piece, or one is not such an array with at least one step.
    """

    def __init__(
        self,
        rolls: Sequence[np.ndarray],
        keys: int,
        batch_size: int = 16,
        length: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        first_epoch: int = 0,
    ) -> None:
        if not len(rolls):
            raise ValueError("There must be at least one piece; received none.")
        for k, roll in enumerate(rolls):
            if np.ndim(roll) != 2 or not len(roll) or np.shape(roll)[1] != keys:
                raise ValueError(
                    f"Each piece must be an array (steps, {keys}) with at least one step; received one of "
                    f"shape {np.shape(roll)}, number {k}."
                )
        super().__init__(first_epoch)
        self.rolls = [np.asarray(roll, np.float32) for roll in rolls]
        self.batch_size = batch_size
        self.length = length
        self.shuffle = shuffle
        self.seed = seed
        self.multiple = 32 if keras.backend.backend() == "jax" else 1  # XLA compiles anew for each shape
        self.batches = self.draw()

    def draw(self) -> list[np.ndarray]:
        lengths = [len(roll) for roll in self.rolls]
        if not self.shuffle:
            return sorted_batches(lengths, self.batch_size)
        if self.length is not None:
            lengths = [min(own, self.length) for own in lengths]
        return bucketed_batches(lengths, self.batch_size, self.seed, self.epoch)

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        chosen = [self._cut(row) for row in rows]
        longest = max(len(roll) for roll in chosen)
        longest = -(-longest // self.multiple) * self.multiple
        rolls = np.zeros((len(rows), longest, chosen[0].shape[1]), np.float32)
        weights = np.zeros((len(rows), longest), np.float32)
        for k, roll in enumerate(chosen):
            rolls[k, : len(roll)] = roll
            weights[k, : len(roll)] = 1
        return rolls, weights

    def _cut(self, row: int) -> np.ndarray:
        roll = self.rolls[row]
        if not self.shuffle or self.length is None or len(roll) <= self.length:
            return roll
        random = np.random.default_rng([self.seed, self.epoch, int(row)])
        first = random.integers(0, len(roll) - self.length + 1)
        return roll[first : first + self.length]

    def for_keras(self) -> Any:
        """What `fit` is to be given: on TensorFlow a `tf.data.Dataset`, elsewhere this object."""
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        specs = (tf.TensorSpec((None, None, self.rolls[0].shape[1])), tf.TensorSpec((None, None)))
        return pipeline(self.whole_epoch, specs, len(self))
