"""A model of polyphonic music in the zoo: made, trained and measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_rnn.callbacks import StopOnNaN
from keras_rnn.datasets import polymusic
from keras_rnn.models import PianoRollModel
from keras_rnn.zoo.optimizers import cosine_adamw
from keras_rnn.zoo.prepared import Prepared
from keras_rnn.zoo.recipe_layers import make_layer
from keras_rnn.zoo.recipe_tables import PianoRollRecipe

PROBE_STEPS = 4


def build(recipe: PianoRollRecipe) -> PianoRollModel:
    """The built model of a recipe, with fresh weights."""
    part = recipe.model
    rates = {k: v for k, v in vars(part).items() if k.endswith("dropout")}
    layers = [make_layer(table, "[[model.layers]]") for table in part.layers]
    model = PianoRollModel(layers, seed=recipe.training.seed, name=recipe.name, **rates)
    model.build()
    return model


def prepare(recipe: PianoRollRecipe, data: str | Path | None = None) -> Prepared:
    """The model of a recipe, on the training split of its collection; validated on the validation split.

    AdamW; the learning rate falls as a cosine to a fiftieth of it at the end. With `average` the weights are
    at the end those of an exponential moving average.
    """
    part = recipe.training
    train, validation = (_rolls(recipe, split, data) for split in ("train", "validation"))
    keras.utils.set_random_seed(part.seed)
    model = build(recipe)
    steps = part.epochs * -(-len(train) // part.batch_size)
    own = (part.weight_decay, part.clip_norm, part.average)
    model.compile(cosine_adamw(part.learning_rate, steps, *own))
    model.optimizer.build(model.trainable_variables)
    return Prepared(
        model,
        {
            "x": train,
            "validation_data": validation,
            "batch_size": part.batch_size,
            "length": part.length,
            "seed": part.seed,
        },
        {"steps_of_music": sum(map(len, train))},
        lambda checkpoint: [StopOnNaN()],
    )


def measure(
    recipe: PianoRollRecipe, model: PianoRollModel, split: str, data: str | Path | None = None
) -> dict[str, Any]:
    """The negative log likelihood of a split, in nats for a step."""
    began = time.monotonic()
    rolls = _rolls(recipe, split, data)
    return {
        "split": split,
        "pieces": len(rolls),
        "steps": sum(map(len, rolls)),
        "nll": float(model.evaluate(rolls, verbose=0)),
        "seconds": round(time.monotonic() - began, 1),
    }


def probe(model: PianoRollModel) -> list[dict[str, Any]]:
    """The probabilities of a chord held for a few steps."""
    roll = np.zeros((1, PROBE_STEPS, polymusic.KEYS), np.float32)
    roll[:, :, [27, 39, 43, 46]] = 1
    q = keras.ops.convert_to_numpy(model(roll))[0]
    return [{"step": t, "output": q[t].round(6).tolist()} for t in range(PROBE_STEPS)]


def _rolls(recipe: PianoRollRecipe, split: str, data: str | Path | None) -> list[np.ndarray]:
    if recipe.data.dataset != "polymusic":
        raise ValueError(
            f"`dataset` in [data] must be 'polymusic'; received dataset={recipe.data.dataset!r}."
        )
    return polymusic.load(split, recipe.data.collection, data)
