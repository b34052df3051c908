"""How far a constrained weight is from its property while it is trained."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.callbacks.dynamic_trivialization import constrained_weights, parts_of
from keras_rnn.callbacks.jax_state import write_back


class Deviation(keras.callbacks.Callback):
    """Adds `deviation` to the logs of an epoch: how far the constrained weights are from their property.

    It is the largest `distance` of `keras_rnn.parametrizations.Parametrization` of all of them, and of all
    times in the epoch that they were looked at; of an orthogonal W that is the largest entry of |W^T W - I|.
    A cell that makes such a matrix of other weights, as the `keras_rnn.layers.UnitaryRNNCell` does, tells it
    by a method `deviation()`. A model with neither has none.

    It stands before what keeps the logs, such as a `keras_rnn.callbacks.TrainingCheckpoint`, and before a
    `DynamicTrivialization`, whose new base points are projected: right after them there is little to see.

    Args:
        every: number of batches from one look to the next; the last batch of an epoch is looked at, too.
            Default `10`.

    Raises:
        ValueError: if `every` is below 1.
    """

    def __init__(self, every: int = 10) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be at least 1; received every={every}.")
        self.every = every
        self._found: list[float] = []
        self._fresh = False  # whether the last batch was looked at

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._found = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._fresh = (batch + 1) % self.every == 0
        if self._fresh:
            self._look()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not self._fresh:
            self._look()
        if self._found and logs is not None:
            logs["deviation"] = max(self._found)

    def _look(self) -> None:
        write_back(self.model)
        self._found += [w.parametrization.distance(w.value()) for w in constrained_weights(self.model)]
        self._found += [cell.deviation() for cell in parts_of(self.model, _tells)]


def _tells(part: Any) -> bool:
    """Whether this is a recurrent cell that says how far a matrix of its own is from its property."""
    return hasattr(part, "state_size") and callable(getattr(part, "deviation", None))
