"""Pairs of rows of ids as padded batches, for fit and evaluate on every backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets.batching import bucketed_batches, pad, sorted_batches, token_batches
from keras_rnn.datasets.pipelines import pipeline
from keras_rnn.models.epoch_batches import EpochBatches


class PairBatches(EpochBatches):
    """Batches `(source, target)`, where pairs of like length stand together.

    Args:
        source, target: one integer array for each sentence, with start and end where the model wants them;
            or, to have others in each epoch,
        encode: a function of the epoch that gives both.
        batch_size: pairs in a batch; or
        tokens: the most cells of a batch, padding included: see `keras_rnn.datasets.batching.token_batches`.
        shuffle: draw new batches in each epoch; otherwise the shortest targets come first.
        seed: of the shuffling: the k-th epoch follows from `seed` and k alone, in every process.
        first_epoch: the epoch to begin with, for a training that goes on.
        epochs: with `tokens`: so many epochs have the same number of batches, for Keras counts them once. It
            is that of the epoch with the most; in the others the largest batches are halved.
    """

    def __init__(
        self,
        source: Sequence[np.ndarray] = (),
        target: Sequence[np.ndarray] = (),
        batch_size: int = 64,
        tokens: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        first_epoch: int = 0,
        epochs: int = 1,
        encode: Callable[[int], tuple[Sequence[np.ndarray], Sequence[np.ndarray]]] | None = None,
    ) -> None:
        super().__init__(first_epoch)
        self.encode = encode
        self._take(source, target)
        self.batch_size = batch_size
        self.tokens = tokens
        self.shuffle = shuffle
        self.seed = seed
        self.count = 0
        if tokens is not None and shuffle:
            # From the first epoch of all, that a training which goes on has as many.
            self.count = max(len(self._token_batches(epoch)) for epoch in range(max(epochs, 1)))
        # XLA compiles anew for each shape: under JAX, which always compiles, lengths are rounded up.
        self.multiple = 16 if keras.backend.backend() == "jax" else 1
        self.batches = self.draw()

    def _take(self, source: Sequence[np.ndarray], target: Sequence[np.ndarray]) -> None:
        self.source, self.target = source, target
        self.lengths = [np.array([len(row) for row in rows], np.int64) for rows in (source, target)]

    def draw(self) -> list[np.ndarray]:
        if self.encode is not None:
            self._take(*self.encode(self.epoch))
        if not self.shuffle:
            return sorted_batches(self.lengths[1], self.batch_size)
        if self.tokens is None:
            # By whole target lengths first, and within one by that of the source.
            lengths = self.lengths[1] + self.lengths[0] / (1 + self.lengths[0].max(initial=0))
            return bucketed_batches(lengths, self.batch_size, self.seed, self.epoch)
        batches = self._token_batches(self.epoch)
        while 0 < len(batches) < self.count:
            largest = max(range(len(batches)), key=lambda k: len(batches[k]))
            batches[largest : largest + 1] = np.array_split(batches[largest], 2)
        return batches

    def _token_batches(self, epoch: int) -> list[np.ndarray]:
        source, target = self.lengths
        return token_batches(source, target, self.tokens or 1, self.seed, epoch)

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(
            pad([own[row] for row in rows], multiple=self.multiple) for own in (self.source, self.target)
        )

    def for_keras(self) -> Any:
        """What `fit` is to be given: on TensorFlow a `tf.data.Dataset`, elsewhere this object."""
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        spec = tf.TensorSpec((None, None), tf.int32)
        return pipeline(self.whole_epoch, (spec, spec), len(self))
