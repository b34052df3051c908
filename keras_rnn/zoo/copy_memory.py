"""A network of the zoo on the copying task: made, trained and measured as the experiment does it."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np

from keras_rnn.datasets import copy_memory
from keras_rnn.experiments import training
from keras_rnn.experiments.tasks import Task, copying
from keras_rnn.zoo.prepared import Prepared
from keras_rnn.zoo.recipe_tables import CopyMemoryRecipe

#: The seeds of what is measured and probed: those of a training have two numbers.
TEST, PROBE = (0, 0, 1997), (0, 0, 1998)
TEST_ROWS = 1000


def build(recipe: CopyMemoryRecipe) -> Any:
    """The model of a recipe, with fresh weights: from ids `(batch, time)` to scores `(batch, time, 9)`."""
    model = training.build(*_task_and_settings(recipe))
    model.name = recipe.name
    return model


def prepare(recipe: CopyMemoryRecipe) -> Prepared:
    """The model of a recipe, and the batches that are drawn for it."""
    task, settings = _task_and_settings(recipe)
    return Prepared(
        training.compiled(task, settings),
        training.fit_arguments(task, settings),
        {"rows": settings.updates * settings.batch_size},
        lambda checkpoint: training.callbacks(settings),
        lambda done: {"x": training.batches(task, settings, done)},
    )


def measure(recipe: CopyMemoryRecipe, model: Any) -> dict[str, Any]:
    """Cross entropy over all steps, and the share of the symbols that are right, of 1,000 rows."""
    began = time.monotonic()
    delay = recipe.data.delay
    inputs, targets = copy_memory.sample(TEST_ROWS, delay, np.random.default_rng(TEST))
    scores = model.predict(inputs, batch_size=100, verbose=0)
    losses = keras.losses.sparse_categorical_crossentropy(targets, scores, from_logits=True)
    right = scores.argmax(axis=-1) == targets
    return {
        "split": "test",
        "rows": TEST_ROWS,
        "delay": delay,
        "cross_entropy": float(keras.ops.mean(losses)),
        "baseline": copy_memory.baseline(delay),
        "accuracy": float(right[:, -copy_memory.LENGTH :].mean()),
        "seconds": round(time.monotonic() - began, 1),
    }


def probe(model: Any) -> list[dict[str, Any]]:
    """What a model says at the last steps of one short row."""
    inputs, _ = copy_memory.sample(1, 20, np.random.default_rng(PROBE))
    scores = model.predict(inputs, verbose=0)[0, -copy_memory.LENGTH :]
    return [{"ids": inputs[0].tolist(), "scores": scores.round(5).tolist()}]


def _task_and_settings(recipe: CopyMemoryRecipe) -> tuple[Task, training.Settings]:
    model, part = recipe.model, recipe.training
    updates = part.epochs * training.EVERY
    settings = (model.network, model.units, updates, part.batch_size, part.learning_rate, part.seed)
    return copying(recipe.data.delay), training.Settings(*settings)
