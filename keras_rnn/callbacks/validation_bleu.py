"""BLEU on held-out sentences while a translator is trained."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.metrics import bleu, sacrebleu_metric


class ValidationBLEU(keras.callbacks.Callback):
    """Translates held-out sentences after an epoch, and adds `val_bleu` to the logs.

    Give it before callbacks that read the number, such as `keras.callbacks.EarlyStopping("val_bleu")`.

    Args:
        data: a `keras_rnn.datasets.ParallelText`.
        every: after every so many epochs, the first and the last; between them the last number stands.
        lowercase: see `keras_rnn.metrics.bleu`.
        **settings: of `translate`. Default: `beam_size=1`, which is the fastest.

    `signature` is sacrebleu's, which has to stand beside the number wherever it is told; None before
    something has been translated.
    """

    def __init__(self, data: Any, every: int = 1, lowercase: bool = True, **settings: Any) -> None:
        super().__init__()
        self.data = data
        self.every = every
        self.lowercase = lowercase
        self.settings = {"beam_size": 1, **settings}
        self.last = 0.0
        self.signature: str | None = None
        sacrebleu_metric()  # told now if it is missing, and not after epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch == 0 or (epoch + 1) % self.every == 0 or epoch + 1 == self.params["epochs"]:
            found = self.model.translate(self.data.source, **self.settings)
            told = bleu(found, self.data.target, self.lowercase)
            self.last, self.signature = told["bleu"], told["signature"]
        if logs is not None:
            logs["val_bleu"] = self.last
