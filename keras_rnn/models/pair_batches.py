"""Pairs of rows of ids as padded batches, for fit and evaluate on every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets.batching import bucketed_batches, pad, sorted_batches, token_batches
from keras_rnn.datasets.pipelines import pipeline


class PairBatches(keras.utils.PyDataset):
    """Batches `(source, target)`, where pairs of like length stand together.

    Args:
        source, target: one integer array for each sentence, with start and end where the model wants them.
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
        source: Sequence[np.ndarray],
        target: Sequence[np.ndarray],
        batch_size: int = 64,
        tokens: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        first_epoch: int = 0,
        epochs: int = 1,
    ) -> None:
        super().__init__()
        self.source = source
        self.target = target
        self.lengths = [np.array([len(row) for row in rows], np.int64) for rows in (source, target)]
        self.batch_size = batch_size
        self.tokens = tokens
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = first_epoch
        self.count = 0
        if tokens is not None and shuffle:
            # From the first epoch of all, that a training which goes on has as many.
            self.count = max(len(self._token_batches(epoch)) for epoch in range(max(epochs, 1)))
        # XLA compiles anew for each shape: under JAX, which always compiles, lengths are rounded up.
        self.multiple = 16 if keras.backend.backend() == "jax" else 1
        self._draw()

    def _draw(self) -> None:
        if not self.shuffle:
            self.batches = sorted_batches(self.lengths[1], self.batch_size)
        elif self.tokens is None:
            # By whole target lengths first, and within one by that of the source.
            lengths = self.lengths[1] + self.lengths[0] / (1 + self.lengths[0].max(initial=0))
            self.batches = bucketed_batches(lengths, self.batch_size, self.seed, self.epoch)
        else:
            self.batches = self._token_batches(self.epoch)
            while 0 < len(self.batches) < self.count:
                largest = max(range(len(self.batches)), key=lambda k: len(self.batches[k]))
                self.batches[largest : largest + 1] = np.array_split(self.batches[largest], 2)

    def _token_batches(self, epoch: int) -> list[np.ndarray]:
        source, target = self.lengths
        return token_batches(source, target, self.tokens or 1, self.seed, epoch)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.batches[index]
        source, target = (
            pad([rows[row] for row in chosen], multiple=self.multiple) for rows in (self.source, self.target)
        )
        return source, target

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._draw()

    def for_keras(self) -> Any:
        """What `fit` is to be given: on TensorFlow a `tf.data.Dataset`, elsewhere this object."""
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        def batches() -> Any:
            yield from (self[index] for index in range(len(self)))
            self.on_epoch_end()

        spec = tf.TensorSpec((None, None), tf.int32)
        return pipeline(batches, (spec, spec), len(self))
