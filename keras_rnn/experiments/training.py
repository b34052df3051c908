"""One training of an experiment: a network on a task, which can be killed and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras

from keras_rnn.callbacks import Deviation, DynamicTrivialization, TrainingCheckpoint
from keras_rnn.environment import environment, measured_with
from keras_rnn.experiments.networks import NETWORKS
from keras_rnn.experiments.tables import read_history, write_rows
from keras_rnn.experiments.tasks import Task
from keras_rnn.files import write_text

#: Updates between two measurements, and between two checkpoints.
EVERY = 100
HELD_OUT_ROWS = 512
SETTINGS, FINISHED = "settings.json", "finished.json"


@dataclass(frozen=True)
class Settings:
    """What decides a training besides the task.

    Args:
        network: a name of `keras_rnn.experiments.NETWORKS`.
        units: of its layer.
        updates: how many, a multiple of 100.
        batch_size: rows in a batch.
        learning_rate: in the place of the network's own.
        seed: of weights and batches.
    """

    network: str
    units: int
    updates: int
    batch_size: int = 128
    learning_rate: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise ValueError(
                f"`network` must be one of {', '.join(NETWORKS)}; received network={self.network!r}."
            )
        if self.updates < EVERY or self.updates % EVERY:
            raise ValueError(
                f"`updates` must be a multiple of {EVERY}; received updates={self.updates}. "
                "The loss is measured once in so many."
            )


def build(task: Task, settings: Settings) -> Any:
    """The model with fresh weights."""
    keras.utils.set_random_seed(settings.seed)
    return task.model(lambda **arguments: NETWORKS[settings.network].make(settings.units, **arguments))


def compiled(task: Task, settings: Settings) -> Any:
    """The same, with its optimizer, which is built, too."""
    model = build(task, settings)
    model.compile(NETWORKS[settings.network].optimizer(settings.learning_rate), task.objective)
    model.optimizer.build(model.trainable_variables)
    return model


def fit_arguments(task: Task, settings: Settings) -> dict[str, Any]:
    """Those of `fit`, but for the batches: an epoch is 100 updates, after which the loss is measured."""
    return {
        "steps_per_epoch": EVERY,
        "shuffle": False,
        "validation_data": task.held_out(HELD_OUT_ROWS),
        "validation_batch_size": settings.batch_size,
    }


def batches(task: Task, settings: Settings, epoch: int) -> Any:
    """The batches from the beginning of an epoch, counted from 0, to the end of the training."""
    made = task.batches(settings.updates, settings.batch_size, settings.seed, epoch * EVERY)
    return made.for_keras()


def callbacks(settings: Settings) -> list[Any]:
    """Those of the network, which stand before a checkpoint."""
    period = NETWORKS[settings.network].period
    return [Deviation(), *([DynamicTrivialization(period)] if period else [])]


def train(
    task: Task, settings: Settings, folder: Path, progress: Callable[[int, float], None] | None = None
) -> list[dict[str, float]]:
    """Trains, or goes on, or only reads what was measured.

    Args:
        task, settings: what is trained.
        folder: where checkpoint, settings and `history.csv` lie. Each row of that is a measurement after 100
            updates more: the mean `loss` of those batches, `val_loss`, that of rows which no training sees,
            and, of a network with a constrained weight, its `Deviation`.
        progress: told the number of updates that are done and the held-out loss.

    Returns:
        The rows.

    Raises:
        ValueError: if the folder holds a training with other settings.
    """
    wanted = {"task": task.name, **asdict(settings)}
    path = folder / SETTINGS
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(wanted, indent=2) + "\n")
    there = json.loads(path.read_text(encoding="utf-8"))
    # A training may be made longer: its batches do not depend on its length.
    if {**there, "updates": 0} != {**wanted, "updates": 0}:
        raise ValueError(
            f"{folder} holds a training with other settings, {there}, and not {wanted}. "
            "Choose another folder, or delete it."
        )
    epochs, history = settings.updates // EVERY, read_history(folder)
    if len(history) >= epochs:
        return history[:epochs]
    checkpoint = TrainingCheckpoint(folder / "checkpoint.npz")
    model = compiled(task, settings)
    done = checkpoint.restore(model)

    class Write(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            _write_history(folder, checkpoint)
            if progress is not None:
                progress((epoch + 1) * EVERY, logs["val_loss"])

    if done < epochs:
        model.fit(
            batches(task, settings, done),
            initial_epoch=done,
            epochs=epochs,
            callbacks=[*callbacks(settings), checkpoint, Write()],
            verbose=0,
            **fit_arguments(task, settings),
        )
    _write_history(folder, checkpoint)  # where it was killed between the checkpoint and this
    told = environment()
    finished = {"seconds": checkpoint.seconds, "hardware": told["hardware"] + measured_with(told)}
    write_text(folder / FINISHED, json.dumps(finished, indent=2) + "\n")
    return read_history(folder)[:epochs]


def _write_history(folder: Path, checkpoint: TrainingCheckpoint) -> None:
    rows = [
        {"updates": int(row["epoch"]) * EVERY, **{k: v for k, v in row.items() if k != "epoch"}}
        for row in checkpoint.history
    ]
    write_rows(rows, folder / "history.csv")
