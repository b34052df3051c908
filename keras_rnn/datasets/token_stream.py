"""One long text as parallel streams, in pieces: for truncated back-propagation through time in `fit`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_rnn.datasets.batching import check_at_least
from keras_rnn.datasets.pipelines import pipeline


class TokenStream(keras.utils.PyDataset):
    """Batches `(inputs, targets)` of a language model: row b goes on where row b of the batch before ended.

    The text ids[0] .. ids[n] is cut into `batch_size` streams of `width` steps, and these into batches:

        width = n // batch_size
        inputs[b]  = ids[b * width + t],        t = begin .. end - 1
        targets[b] = ids[b * width + t + 1]

    Each id but the first is predicted once in an epoch, those at the borders of streams and batches too.
    What fills no whole column is left out: the last n mod batch_size ids, less than one per stream. The last
    batch may have fewer steps than the others.

    With `keep_tail` nothing is left out: width is rounded up, streams and last batch are filled up with
    zeros, and each batch has a third part, the weights, which are 0 there and 1 elsewhere.

    A recurrent layer with `stateful=True` carries its state from batch to batch; `ResetStates` begins each
    epoch and each validation with fresh states, and keeps the two apart. A stateful layer has one batch size.

        train = TokenStream(ids, batch_size=20, steps=35)
        test = TokenStream(test_ids, batch_size=20, steps=35, keep_tail=True)
        entropy = keras.metrics.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(..., weighted_metrics=[entropy])
        model.fit(train.for_keras(), shuffle=False, validation_data=test.for_keras(),
                  callbacks=[keras_rnn.callbacks.ResetStates()])

    Keras averages over the steps of a row first, and then over rows: a step of a short batch weighs more.
    With `keep_tail` all batches have `steps` steps, and a metric among `weighted_metrics` is the mean over
    all ids but the first, each counted once. (The `loss` is not: it counts the zeros in its divisor.)

    Args:
        ids: one row of integers, at least two; a `numpy.memmap` stays on disk.
        batch_size: number of streams.
        steps: number of steps of a batch, back to which the gradient goes.
        keep_tail: predict every id but the first, for evaluation. Default `False`.
        variable_steps: cut each epoch in other places, with lengths near `steps`: normal with a standard
            deviation of 5 about `steps`, or, in one case of 20, about half of it, at least 5, and all then
            stretched a little, so that each epoch has the same number of batches. Give `fit` the callback
            `VariableSteps`, which tells the stream its epoch and gives each batch its learning rate. Under
            JAX each length is compiled anew. Default `False`.
        seed: of the lengths: those of the k-th epoch follow from `seed` and k alone. Default `0`.

    Raises:
        TypeError: if `ids` are not integers.
        ValueError: if `ids` are not one row, or too few for one step, if an argument is below its minimum, or
            if both `keep_tail` and `variable_steps` are set; in `fit`, if Keras shuffles the batches.

    Source: W. Zaremba, I. Sutskever, O. Vinyals, "Recurrent Neural Network Regularization", 2014, section 4.1
    (the streams); S. Merity, N. S. Keskar, R. Socher, "Regularizing and Optimizing LSTM Language Models",
    ICLR 2018, section 4.1 (the lengths).

    Example:

    >>> stream = TokenStream(range(10), batch_size=2, steps=3)
    >>> for inputs, targets in (stream[k] for k in range(len(stream))):
    ...     print(inputs.tolist(), targets.tolist())
    [[0, 1, 2], [4, 5, 6]] [[1, 2, 3], [5, 6, 7]]
    [[3], [7]] [[4], [8]]
    """

    def __init__(
        self,
        ids: ArrayLike,
        batch_size: int,
        steps: int,
        keep_tail: bool = False,
        variable_steps: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, batch_size=batch_size, steps=steps)
        check_at_least(0, seed=seed)
        self.ids = np.asanyarray(ids)
        if self.ids.dtype.kind not in "iu":
            raise TypeError(f"`ids` must be integers; received an array of dtype {self.ids.dtype}.")
        if self.ids.ndim != 1 or len(self.ids) < 2:
            raise ValueError(
                f"`ids` must be one row of at least two; received an array of shape {self.ids.shape}."
            )
        if keep_tail and variable_steps:
            raise ValueError(
                "`variable_steps` must be False with keep_tail=True, which fills all batches up to `steps`; "
                "received True. Make one stream for training and another for evaluation."
            )
        self.batch_size = batch_size
        self.steps = steps
        self.keep_tail = keep_tail
        self.variable_steps = variable_steps
        self.seed = seed
        predicted = len(self.ids) - 1
        self.width = -(-predicted // batch_size) if keep_tail else predicted // batch_size
        if not self.width:
            raise ValueError(
                f"`batch_size` must be at most the number of ids to predict, {predicted}; received "
                f"batch_size={batch_size}. Take fewer streams, or `keep_tail=True`."
            )
        #: How many ids are predicted in an epoch.
        self.predicted = predicted if keep_tail else self.width * batch_size
        self._readable: int | None = None
        self.epoch = 0

    @property
    def epoch(self) -> int:
        """The number of the epoch, from 0. Only with `variable_steps` does it change the batches."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        check_at_least(0, epoch=epoch)
        self._epoch = epoch
        self._ends = self._variable_ends(epoch) if self.variable_steps else self._fixed_ends()

    def _fixed_ends(self) -> np.ndarray:
        ends = np.arange(self.steps, self.width + self.steps, self.steps)
        return ends if self.keep_tail else np.minimum(ends, self.width)

    def _variable_ends(self, epoch: int) -> np.ndarray:
        random = np.random.default_rng([self.seed, epoch])
        # Keras takes the number of batches of the first epoch for that of all.
        batches = min(self.width, max(1, round(self.width / (0.975 * self.steps))))
        mean = np.where(random.random(batches) < 0.95, self.steps, self.steps / 2)
        lengths = np.maximum(5, random.normal(mean, 5))
        # Stretched to the width, and no batch without a step.
        ends = np.rint(np.cumsum(lengths) * ((self.width - batches) / lengths.sum()))
        return ends.astype(np.int64) + np.arange(1, batches + 1)

    @property
    def lengths(self) -> np.ndarray:
        """The number of steps of each batch of this epoch."""
        return np.diff(self._ends, prepend=0)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        index = range(len(self))[index]
        self._check_order(index)
        begin, end = self._ends[index - 1] if index else 0, self._ends[index]
        t = np.arange(begin, end)
        place = np.arange(self.batch_size)[:, None] * self.width + t
        counts = (t < self.width) & (place < len(self.ids) - 1)
        place = np.where(counts, place, 0)
        inputs, targets = (
            np.where(counts, self.ids[place + k], 0).astype(np.int32, copy=False) for k in (0, 1)
        )
        return (inputs, targets, counts.astype(np.float32)) if self.keep_tail else (inputs, targets)

    # `fit` shuffles the batches of a PyDataset unless it is told not to, and says nothing. It announces each
    # epoch here, and then asks for the batches; on TensorFlow for the first ones several times.

    def on_epoch_begin(self) -> None:
        self._readable = 0

    def on_epoch_end(self) -> None:
        self._readable = None

    def _check_order(self, index: int) -> None:
        if self._readable is None:
            return
        if index > self._readable:
            raise ValueError(
                f"The batches of a TokenStream must be read in order; received a call for batch {index} "
                f"before batch {self._readable}. Give `fit` the argument `shuffle=False`."
            )
        self._readable = max(self._readable, index + 1)

    def for_keras(self) -> Any:
        """What `fit` and `evaluate` take: on TensorFlow a `tf.data.Dataset`, elsewhere this object.

        Keras reads the shapes of a `PyDataset` off its first two batches, and would fix the number of time
        steps where these happen to agree.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        def batches() -> Any:
            yield from (self[index] for index in range(len(self)))

        shape = (self.batch_size, None)
        dtypes = (tf.int32, tf.int32, tf.float32) if self.keep_tail else (tf.int32, tf.int32)
        signature = tuple(tf.TensorSpec(shape, dtype) for dtype in dtypes)
        return pipeline(batches, signature, len(self))
