"""Batches that are made when they are read: the k-th follows from a seed and k alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets.batching import check_at_least
from keras_rnn.datasets.pipelines import pipeline

Batch = tuple[np.ndarray, np.ndarray]


class GeneratedBatches(keras.utils.PyDataset):
    """Batches `draw(first)`, `draw(first + 1)`, ..; `fit` takes them as they are, on every backend.

    They are those of a whole training, which `steps_per_epoch` cuts into epochs: Keras then goes on in each
    epoch where the one before ended. Nothing is kept, so a training that was killed goes on with the batches
    that it would have read:

        train = copy_memory.batches(delay=200, count=2000, first=100 * done)
        model.fit(train, steps_per_epoch=100, initial_epoch=done, epochs=20, shuffle=False)

    Without `shuffle=False` Keras reads the same batches in another order.

    Args:
        draw: from the number of a batch to `(inputs, targets)`.
        count: how many there are in all.
        first: the number of the batch to begin with; `count - first` remain.

    Raises:
        ValueError: if `count` is not positive or `first` not below it.
    """

    def __init__(self, draw: Callable[[int], Batch], count: int, first: int = 0) -> None:
        super().__init__()
        check_at_least(0, first=first)
        check_at_least(first + 1, count=count)
        self.draw = draw
        self.numbers = range(first, count)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Batch:
        return self.draw(self.numbers[index])

    def for_keras(self) -> Any:
        """The same batches in the same order: on TensorFlow a `tf.data.Dataset`, elsewhere this object.

        Of a `PyDataset` Keras makes a pipeline that TensorFlow tunes, and `fit` may end half a minute after
        its last step: see `keras_rnn.datasets.pipelines`.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        specs = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in self[0])
        return pipeline(lambda: map(self.__getitem__, range(len(self))), specs, len(self))


def seeded(
    sample: Callable[[np.random.Generator], Batch], count: int, seed: int, first: int
) -> GeneratedBatches:
    """Batches of what `sample` makes of a random generator, a new one for each."""
    check_at_least(0, seed=seed)
    return GeneratedBatches(lambda k: sample(np.random.default_rng([seed, k])), count, first)
