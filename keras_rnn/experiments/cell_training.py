"""One training of a comparison: a cell on a task with one learning rate, which can be killed and goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_rnn.callbacks import TrainingCheckpoint
from keras_rnn.experiments.cell_tasks import CellTask
from keras_rnn.experiments.cells import make
from keras_rnn.experiments.tables import read_history, write_rows
from keras_rnn.files import write_text, written_whole

BEST = "best.npz"


@dataclass(frozen=True)
class CellTraining:
    """What decides a training besides the task: by Adam, with gradients clipped at the norm 1.

    Args:
        cell: a name of `keras_rnn.experiments.CELLS`.
        units: of its layer.
        learning_rate: of all epochs.
        epochs: how many.
        seed: of weights and batches.
    """

    cell: str
    units: int
    learning_rate: float
    epochs: int
    seed: int


class Diverged(Exception):
    """The loss is no number any more."""


def compiled(task: CellTask, own: CellTraining) -> Any:
    """The model with fresh weights and a built optimizer."""
    keras.utils.set_random_seed(own.seed)
    model = task.model(make(own.cell, own.units, task.steps))
    model.compile(keras.optimizers.Adam(own.learning_rate, global_clipnorm=1.0), **task.objective())
    model.optimizer.build(model.trainable_variables)
    return model


def train(
    task: CellTask, own: CellTraining, folder: Path, progress: Callable[[int, float], None] | None = None
) -> tuple[list[dict[str, float]], float]:
    """Trains, or goes on, or only reads what was measured.

    Nothing else may run on the machine: the seconds are those of `fit`, whoever spent them.

    Args:
        task, own: what is trained. A training that has diverged ends there, and what it had measured counts.
        folder: where checkpoint, settings, the weights of the best epoch and `history.csv` lie. Each row of
            that is an epoch: its `score` on the validation split, and the numbers of Keras.
        progress: told the number of epochs that are done and the last score.

    Returns:
        The rows, and the seconds that `fit` took for all of them: graphs are compiled and the validation
        split is read within these, and what a kill has undone is not.
    """
    finished = folder / "finished.json"
    if finished.exists():
        return read_history(folder), json.loads(finished.read_text(encoding="utf-8"))["seconds"]
    write_text(folder / "settings.json", json.dumps({"task": task.name, **asdict(own)}, indent=2) + "\n")
    checkpoint = TrainingCheckpoint(folder / "checkpoint.npz")
    model = compiled(task, own)
    done, diverged = checkpoint.restore(model), False

    class Write(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            _write_history(task, checkpoint, folder)
            if progress is not None:
                progress(epoch + 1, task.score_of(logs, "val_"))

    try:
        if done < own.epochs:
            model.fit(
                **task.training(own.seed, done, own.epochs),
                initial_epoch=done,
                epochs=own.epochs,
                callbacks=[_KeepBest(task, checkpoint, folder), checkpoint, Write()],
                verbose=0,
            )
    except Diverged:
        diverged = True
    if checkpoint.history:
        _write_history(task, checkpoint, folder)  # where it was killed between the checkpoint and this
    told = {"seconds": checkpoint.seconds, "diverged": diverged}
    write_text(finished, json.dumps(told, indent=2) + "\n")
    return read_history(folder), checkpoint.seconds


def measure(task: CellTask, own: CellTraining, folder: Path) -> dict[str, Any]:
    """The score of the best epoch on the test split, and all parameters but those of an embedding."""
    model = compiled(task, own)
    with np.load(folder / BEST) as file:
        model.set_weights([file[f"arr_{k}"] for k in range(len(file.files))])
    embeddings = {layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)}
    return {
        "with_head": model.count_params() - sum(layer.count_params() for layer in embeddings),
        "score": task.score_of(model.evaluate(**task.test(), verbose=0, return_dict=True)),
    }


class _KeepBest(keras.callbacks.Callback):
    """Writes the weights of each epoch that is better than all before it.

    It stands before the checkpoint: killed between the two, the epoch is taken again and gives the same.
    """

    def __init__(self, task: CellTask, checkpoint: TrainingCheckpoint, folder: Path) -> None:
        super().__init__()
        self.task, self.checkpoint, self.folder = task, checkpoint, folder

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not math.isfinite(logs["loss"]):
            raise Diverged

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not math.isfinite(logs["val_loss"]):
            raise Diverged
        scores = [self.task.score_of(row, "val_") for row in (*self.checkpoint.history, logs)]
        if self.task.best(scores) == epoch:
            with written_whole(self.folder / BEST) as temporary, temporary.open("wb") as file:
                np.savez(file, *self.model.get_weights())


def _write_history(task: CellTask, checkpoint: TrainingCheckpoint, folder: Path) -> None:
    rows = [
        {"epoch": int(row["epoch"]), "score": task.score_of(row, "val_"), **row} for row in checkpoint.history
    ]
    write_rows(rows, folder / "history.csv")
