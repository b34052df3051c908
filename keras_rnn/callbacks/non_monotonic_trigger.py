"""Averaging of the weights, begun when the validation says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from keras_rnn.callbacks.jax_state import write_back
from keras_rnn.optimizers import AveragedSGD


class NonMonotonicTrigger(keras.callbacks.Callback):
    """Begins the averaging of `AveragedSGD` once a validation is worse than it has been long ago (NT-ASGD).

        v_t > min(v_1, .., v_(t - 1 - patience)),    t >= patience + 2

    where v_t is the monitored value of the t-th epoch. After the first epoch for which this holds, the
    optimizer averages the weights of all further steps. From then on each validation, and each evaluation
    with this callback, is of the averages: they stand in the model while it lasts, and are taken out of it
    afterwards. At the end of `fit` they stay in it: the optimizer writes them there.

        checkpoint = TrainingCheckpoint("checkpoint.npz")
        first_epoch = checkpoint.restore(model)
        trigger = NonMonotonicTrigger(history=checkpoint.history)
        model.fit(..., initial_epoch=first_epoch, callbacks=[trigger, checkpoint])

    A training that goes on from a checkpoint begins to average at the same step as one that never stopped,
    in whatever order the two callbacks stand: the decision falls when an epoch begins, and the checkpoint,
    written when one ends, holds the weights of the training.

    This is the rule of the authors' program, in which "long ago" leaves out the last `patience` epochs.

    Args:
        monitor: name of a value that `fit` logs for each epoch; lower is better. Default `"val_loss"`.
        patience: how many epochs before the last do not count as long ago. Default `5`.
        history: for a training that goes on: what was logged for the epochs that are done.

    Raises:
        ValueError: if `patience` is below 0; in `fit`, if `monitor` is not logged, or `history` lacks epochs
            that are done.
        TypeError: in `fit`, if the optimizer is not `keras_rnn.optimizers.AveragedSGD`.

    Source: S. Merity, N. S. Keskar, R. Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018,
    algorithm 1.
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 5, history: Iterable[Mapping[str, float]] = ()
    ) -> None:
        super().__init__()
        if patience < 0:
            raise ValueError(f"`patience` must be at least 0; received patience={patience}.")
        self.monitor = monitor
        self.patience = patience
        self.values = [row[monitor] for row in history]
        self._aside: list[list[Any]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        optimizer = self._optimizer()
        if not isinstance(optimizer, AveragedSGD):
            raise TypeError(
                "`optimizer` must be a keras_rnn.optimizers.AveragedSGD, which keeps the averages; received "
                f"{type(optimizer).__name__}. Give one to `compile`."
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch > len(self.values):
            raise ValueError(
                f"`history` must hold the {epoch} epochs that are done; received {len(self.values)}. "
                "Give it `checkpoint.history`, after `checkpoint.restore`."
            )
        optimizer = self._optimizer()
        long_ago = self.values[: max(0, len(self.values) - 1 - self.patience)]
        if long_ago and self.values[-1] > min(long_ago) and not ops.convert_to_numpy(optimizer.averaging):
            optimizer.begin_averaging()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.monitor not in (logs or {}):
            raise ValueError(
                f"`monitor` must be a value of each epoch, one of {sorted(logs or {})}; received "
                f"monitor={self.monitor!r}. Give `fit` validation data."
            )
        self.values.append(float(logs[self.monitor]))

    def on_test_begin(self, logs: Any = None) -> None:
        write_back(self.model)
        weights = self.model.trainable_variables
        self._aside.append([ops.copy(w) for w in weights])
        self.model.optimizer.finalize_variable_values(weights)

    def on_test_end(self, logs: Any = None) -> None:
        for w, value in zip(self.model.trainable_variables, self._aside.pop()):
            w.assign(value)

    def _optimizer(self) -> Any:
        # Under `mixed_float16` Keras wraps it, to scale the loss.
        return getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
