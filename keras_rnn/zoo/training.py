"""Trains a recipe into a folder that `zoo.load` reads; killed at any moment, the same call goes on."""

from __future__ import annotations

import csv
import io
import json
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_rnn import plots
from keras_rnn.callbacks import TrainingCheckpoint
from keras_rnn.environment import environment
from keras_rnn.files import write_text
from keras_rnn.zoo import (
    classifier_training,
    copy_memory,
    kneser_ney,
    language_model_training,
    music,
    pretraining,
    translator_training,
)
from keras_rnn.zoo.folders import METRICS, PROBE, RECIPE, read_entry
from keras_rnn.zoo.loader import load
from keras_rnn.zoo.prepared import Prepared
from keras_rnn.zoo.recipe import replace
from keras_rnn.zoo.recipe_tables import (
    AnyRecipe,
    ClassifierRecipe,
    CopyMemoryRecipe,
    KneserNeyRecipe,
    PianoRollRecipe,
    TranslatorRecipe,
)
from keras_rnn.zoo.weights import save_float16

CHECKPOINT = "checkpoint.npz"


def train(
    name_or_folder: str | Path,
    output: str | Path,
    data: str | Path | None = None,
    epochs: int | None = None,
    validation: float | None = None,
    examples: int | None = None,
    minutes: float | None = None,
    report: Callable[[str], None] = print,
    verbose: int | str = "auto",
) -> Any:
    """Trains the recipe of a zoo entry, from fresh weights.

    Args:
        name_or_folder: the entry whose recipe is taken.
        output: the folder to write: recipe, vocabulary, checkpoint, history as CSV, curves as PNG, and at the
            end weights and metrics. If it holds the checkpoint of an unfinished training of the same recipe,
            that training goes on.
        data: where the dataset lies. Default: `KERAS_RNN_DATA`, the cache, or a download.
        epochs: in place of the recipe's.
        validation: share of the training examples to hold out, in place of the recipe's; of classifiers.
        examples: train on so many examples only, for a first try; of classifiers.
        minutes: stop after the epoch in which this call has lasted so long. What there is by then is
            written, and the same call goes on.
        report: takes one line at a time.
        verbose: as in `fit`.

    Returns:
        The trained model; of a classifier that was pretrained the `FineTuning` around it.

    Raises:
        ValueError: if `output` holds a training of another recipe, or an option is not one of the recipe's
            kind.
    """
    began = time.monotonic()
    source, recipe, _ = read_entry(name_or_folder)
    folder, options = Path(output), {"epochs": epochs, "validation": validation, "examples": examples}
    _check_options(recipe, options, minutes)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    _claim(folder, source / RECIPE, {**options, **pretraining.trunk_of(recipe)})

    began_on = environment()  # now, for the commit may move on while the training runs
    report(f"Reading {recipe.data.dataset} …")
    if isinstance(recipe, KneserNeyRecipe):
        return kneser_ney.train(recipe, folder, data, began_on, report)
    if isinstance(recipe, ClassifierRecipe):
        kind: Any = classifier_training
        prepared = kind.prepare(recipe, folder, data, validation, examples, report)
    elif isinstance(recipe, CopyMemoryRecipe):
        kind, prepared = copy_memory, copy_memory.prepare(recipe)
    elif isinstance(recipe, PianoRollRecipe):
        kind, prepared = music, music.prepare(recipe, data)
    else:
        translates = isinstance(recipe, TranslatorRecipe)
        kind = translator_training if translates else language_model_training
        prepared = kind.prepare(recipe, folder, data)
    checkpoint = TrainingCheckpoint(folder / CHECKPOINT)
    stopped = _fit(prepared, checkpoint, recipe, folder, began, minutes, report, verbose)
    finished = prepared.finish(checkpoint)  # before the weights are written, which it may change
    ledger = {
        **prepared.counts,
        "epochs": len(checkpoint.history),
        "steps": int(prepared.model.optimizer.iterations),
        "hours": round(checkpoint.seconds / 3600, 3),
        "stopped": stopped,
        "final": checkpoint.history[-1],
        **finished,
        "command": " ".join(
            ["keras-rnn train", recipe.name]
            + [f"--{key} {value}" for key, value in options.items() if value is not None]
        ),
        **began_on,
    }
    saved = save_float16(prepared.saved or prepared.model, folder)
    metrics = {"weights": {**saved, **prepared.told}, "training": ledger}
    write_text(folder / METRICS, json.dumps(metrics, indent=2) + "\n")
    # What the shipped weights say of a few inputs, so that any later version can be held to it.
    write_text(folder / PROBE, json.dumps(kind.probe(load(folder)), indent=2) + "\n")
    report(f"Trained in {checkpoint.seconds / 60:.0f} minutes. Next: keras-rnn evaluate {folder}")
    return prepared.model


def _fit(
    prepared: Prepared,
    checkpoint: TrainingCheckpoint,
    recipe: Any,
    folder: Path,
    began: float,
    minutes: float | None,
    report: Callable[[str], None],
    verbose: int | str,
) -> str:
    """Takes the epochs that are left, or as many as there is time for; returns why it stopped."""
    model, epochs = prepared.model, recipe.training.epochs
    first_epoch = checkpoint.restore(model)
    if first_epoch:
        report(f"Going on after epoch {first_epoch} of {epochs}.")

    class EachEpoch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            _write_history(checkpoint.history, folder, recipe.title)
            if minutes is not None and time.monotonic() - began > 60 * minutes:
                model.stop_training = True

    if first_epoch < epochs:
        model.fit(
            **prepared.arguments,
            **prepared.resumed(first_epoch),
            epochs=epochs,
            initial_epoch=first_epoch,
            callbacks=[*prepared.callbacks(checkpoint), checkpoint, EachEpoch()],
            verbose=verbose,
        )
    # As `fit` does at its end: averages of the weights, where the optimizer keeps some, take their place.
    model.optimizer.finalize_variable_values(model.trainable_variables)
    _write_history(checkpoint.history, folder, recipe.title)
    done = len(checkpoint.history)
    if done == epochs:
        return f"all {epochs} epochs of the recipe are done"
    report(f"Stopped after epoch {done} of {epochs}. The same command goes on.")
    return f"after {done} of the recipe's {epochs} epochs the time was up"


def _check_options(recipe: AnyRecipe, options: dict[str, Any], minutes: float | None) -> None:
    """Raises ValueError for an option that the training of this kind of model has not."""
    if isinstance(recipe, ClassifierRecipe):
        return
    given = {**options, "minutes": minutes}
    legal = () if isinstance(recipe, KneserNeyRecipe) else ("epochs", "minutes")
    for name, value in given.items():
        if value is not None and name not in legal:
            raise ValueError(
                f"`{name}` must be left out for {recipe.name}, of the kind {recipe.model.type}; "
                f"received {name}={value}."
            )


def _claim(output: Path, recipe: Path, options: dict[str, Any]) -> None:
    """Makes the folder, or sees that it holds an earlier start of the same training."""
    output.mkdir(parents=True, exist_ok=True)
    wanted = recipe.read_text(encoding="utf-8")
    for path, text in ((output / RECIPE, wanted), (output / "options.json", json.dumps(options))):
        if path.exists() and path.read_text(encoding="utf-8") != text:
            read = tomllib.loads if path.suffix == ".toml" else json.loads
            changes = _changes(read(path.read_text(encoding="utf-8")), read(text))
            raise ValueError(
                f"{output} holds a training with another {path.name}{changes}. "
                "Choose another folder, or delete it."
            )
        if not path.exists():
            write_text(path, text)


def _changes(there: dict[str, Any], here: dict[str, Any], within: str = "") -> str:
    """Which keys differ, and in what."""
    told = ""
    for key in sorted({*there, *here}):
        one, other = there.get(key), here.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            told += _changes(one, other, f"{within}{key}.")
        elif one != other:
            told += f", {within}{key} = {one!r} and not {other!r}"
    return told


def _write_history(history: list[dict[str, float]], output: Path, title: str) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(output / "history.csv", buffer.getvalue())
    plots.learning_curves(history, output / "curves.png", title)
