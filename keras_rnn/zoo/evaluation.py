"""Measures a published model on its test set and writes the numbers beside the weights."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.files import write_text
from keras_rnn.zoo.environment import environment
from keras_rnn.zoo.folders import METRICS, read_entry
from keras_rnn.zoo.loader import load
from keras_rnn.zoo.training import DATASETS


def evaluate(
    name_or_folder: str | Path,
    data: str | Path | None = None,
    examples: int | None = None,
    write: bool = True,
    verbose: int | str = "auto",
) -> dict[str, Any]:
    """Accuracy and cross entropy on the whole test split, from the shipped file.

    Args:
        name_or_folder: a published name or a folder.
        data: where the dataset lies. Default: `KERAS_RNN_DATA`, the cache, or a download.
        examples: only so many, drawn evenly from the classes; nothing is then written.
        write: whether to write the result into the entry's `metrics.json`.
        verbose: as in `predict`.

    Returns:
        A dictionary with the metrics, the time, and on what they were measured.
    """
    folder, recipe, metrics = read_entry(name_or_folder)
    model = load(name_or_folder)
    test = DATASETS[recipe.data.dataset]("test", path=data)
    if examples is not None and examples < len(test):
        _, test = test.split(examples / len(test), recipe.data.split_seed)
    began = time.monotonic()
    p = model.predict(test.texts, batch_size=64, verbose=verbose)[:, 0].astype(np.float64)
    seconds = time.monotonic() - began
    # log1p of the complement keeps certain and wrong predictions finite and exact.
    p = np.clip(p, 1e-7, 1 - 1e-7)
    result = {
        "split": "test",
        "examples": len(test),
        "accuracy": round(float(np.mean((p > 0.5) == test.labels)), 5),
        "cross_entropy": round(float(-np.mean(np.where(test.labels, np.log(p), np.log1p(-p)))), 5),
        "seconds": round(seconds, 1),
        "command": f"keras-rnn evaluate {recipe.name}",
        **environment(),
    }
    if write and examples is None:
        metrics["evaluation"] = result
        write_text(folder / METRICS, json.dumps(metrics, indent=2) + "\n")
    return result
