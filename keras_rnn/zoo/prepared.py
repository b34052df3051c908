"""What a training needs, whatever is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keras_rnn.callbacks import TrainingCheckpoint


@dataclass(frozen=True)
class Prepared:
    """A model that is built and compiled, its optimizer too, and what it is to be trained on.

    Args:
        model: with fresh weights.
        arguments: of its `fit`: data, validation data, and what belongs to them.
        counts: how many examples or tokens, for the ledger.
        callbacks: makes those of the recipe, once the checkpoint has been restored.
        resumed: more arguments of `fit`, from the number of epochs that are done.
        finish: takes the checkpoint after the epochs of a call, has the last word on the weights, and returns
            what the ledger says of that.
        saved: the part of the model whose weights are written. Default: all of it.
        told: what is told of the weights beside their checksum.
    """

    model: Any
    arguments: dict[str, Any]
    counts: dict[str, int]
    callbacks: Callable[[TrainingCheckpoint], list[Any]] = lambda checkpoint: []
    resumed: Callable[[int], dict[str, Any]] = lambda done: {}
    finish: Callable[[TrainingCheckpoint], dict[str, Any]] = lambda checkpoint: {}
    saved: Any = None
    told: dict[str, Any] = field(default_factory=dict)
