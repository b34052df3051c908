"""Batches of different lengths, each with its learning rate."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_rnn.callbacks.jax_state import write_back


class VariableSteps(keras.callbacks.Callback):
    """Cuts a `keras_rnn.datasets.TokenStream` anew for each epoch, and fits the learning rate to each batch.

        learning rate of a batch = learning rate * steps of this batch / steps of the stream

    so that short batches, whose mean is over fewer steps, weigh no more than long ones. After the batch the
    learning rate is what it was: other callbacks may change it between epochs.

    Args:
        stream: what `fit` reads, made with `variable_steps=True`; `fit` is given `stream.for_keras()`.

    Raises:
        ValueError: if `stream` has not `variable_steps`; in `fit`, if the optimizer has a schedule in place
            of a learning rate, or `steps_per_execution` is not 1.

    Source: S. Merity, N. S. Keskar, R. Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018,
    section 4.1.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__()
        if not getattr(stream, "variable_steps", False):
            raise ValueError(
                f"`stream` must be a TokenStream with variable_steps=True; received stream={stream!r}."
            )
        self.stream = stream
        self._lengths: np.ndarray = stream.lengths
        self._whole = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        if self.model.steps_per_execution != 1:
            raise ValueError(
                "`steps_per_execution` must be 1, for each batch has its own learning rate; received "
                f"steps_per_execution={self.model.steps_per_execution}. Leave it out of `compile`."
            )
        if not isinstance(self.model.optimizer.learning_rate, keras.Variable):
            raise ValueError(
                "The optimizer's `learning_rate` must be a number, which is scaled for each batch; received "
                "a schedule or a function. Change the number between epochs with a callback."
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.stream.epoch = epoch
        self._lengths = self.stream.lengths

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        write_back(self.model)
        self._whole = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.model.optimizer.learning_rate = self._whole * self._lengths[batch] / self.stream.steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        write_back(self.model)
        self.model.optimizer.learning_rate = self._whole
