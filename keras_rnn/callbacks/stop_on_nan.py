"""A training that has diverged ends at once, with a sentence that says where."""

from __future__ import annotations

import math
from typing import Any

import keras


class StopOnNaN(keras.callbacks.Callback):
    """Ends `fit` with an error as soon as the loss is infinite or not a number.

    By then the step has been taken, and the weights are lost. A checkpoint of an earlier epoch stays as it
    is: the epoch does not come to its end, at which `TrainingCheckpoint` would be written.

    (`keras.callbacks.TerminateOnNaN` lets the epoch end, be validated and saved, or raises an error that does
    not say the epoch.)

    Raises:
        ValueError: in `fit`; it says the epoch, the step, and what to do.
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # The mean over the epoch so far: from the first step on whose loss is not finite, it is not either.
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise ValueError(
                f"The loss became {loss} in epoch {self._epoch + 1}, step {batch + 1}, and the training has "
                "stopped; an earlier checkpoint is unchanged. Lower the learning rate, or clip the gradients "
                "(`global_clipnorm`)."
            )
