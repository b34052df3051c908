"""What a text classifier of the zoo is measured to be."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.zoo.classifier_training import DATASETS
from keras_rnn.zoo.recipe_tables import ClassifierRecipe


def measure(
    recipe: ClassifierRecipe,
    model: Any,
    data: str | Path | None = None,
    examples: int | None = None,
    verbose: int | str = "auto",
) -> dict[str, Any]:
    """Accuracy and cross entropy on the test split, or on `examples` of it, drawn evenly from the classes."""
    test = DATASETS[recipe.data.dataset]("test", path=data)
    if examples is not None and examples < len(test):
        _, test = test.split(examples / len(test), recipe.data.split_seed)
    began = time.monotonic()
    p = model.predict(test.texts, batch_size=64, verbose=verbose)[:, 0].astype(np.float64)
    seconds = time.monotonic() - began
    # log1p of the complement keeps certain and wrong predictions finite and exact.
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return {
        "split": "test",
        "examples": len(test),
        "accuracy": round(float(np.mean((p > 0.5) == test.labels)), 5),
        "cross_entropy": round(float(-np.mean(np.where(test.labels, np.log(p), np.log1p(-p)))), 5),
        "seconds": round(seconds, 1),
    }
