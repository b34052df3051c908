"""The tasks of experiments on memory: inputs, targets, and what an answer without memory costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets import adding_problem, copy_memory

#: The seed of what is held out: those of batches have two numbers, so none is drawn like it.
HELD_OUT = (0, 0, 2016)


@dataclass(frozen=True)
class Task:
    """One task of one length.

    Args:
        name: of its folder.
        title: of its panel in a picture.
        loss: what is minimized and shown, with its unit.
        baseline: that loss of the best answer without memory.
        batches: `(count, batch_size, seed, first)` to batches for `fit`.
        held_out: `(inputs, targets)` of a number of rows, which no training sees.
        model: from a function that makes the recurrent layer, given `return_sequences`, to a `keras.Model`.
        objective: the loss, for `compile`.
    """

    name: str
    title: str
    loss: str
    baseline: float
    batches: Callable[[int, int, int, int], Any]
    held_out: Callable[[int], tuple[np.ndarray, np.ndarray]]
    model: Callable[[Callable[..., Any]], Any]
    objective: Any


def copying(delay: int) -> Task:
    """The copying task: see `keras_rnn.datasets.copy_memory`. Ids are read as one-hot vectors."""

    def model(layer: Callable[..., Any]) -> Any:
        ids = keras.Input((None,), dtype="int32")
        kinds = copy_memory.VOCABULARY
        one_hot = keras.layers.Embedding(
            kinds, kinds, embeddings_initializer="identity", trainable=False, name="one_hot"
        )
        states = layer(return_sequences=True)(one_hot(ids))
        return keras.Model(ids, keras.layers.Dense(kinds - 1, name="scores")(states))

    return Task(
        f"copying_{delay}",
        f"delay {delay}",
        "cross entropy (nats)",
        copy_memory.baseline(delay),
        lambda count, rows, seed, first: copy_memory.batches(delay, count, rows, seed, first),
        lambda rows: copy_memory.sample(rows, delay, np.random.default_rng(HELD_OUT)),
        model,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )


def adding(steps: int) -> Task:
    """The adding problem: see `keras_rnn.datasets.adding_problem`. The last output is read."""

    def model(layer: Callable[..., Any]) -> Any:
        numbers = keras.Input((None, 2))
        return keras.Model(numbers, keras.layers.Dense(1, name="sum")(layer(return_sequences=False)(numbers)))

    return Task(
        f"adding_{steps}",
        f"{steps} steps",
        "mean squared error",
        adding_problem.BASELINE,
        lambda count, rows, seed, first: adding_problem.batches(steps, count, rows, seed, first),
        lambda rows: adding_problem.sample(rows, steps, np.random.default_rng(HELD_OUT)),
        model,
        keras.losses.MeanSquaredError(),
    )
