"""Cells side by side on one task, at equal numbers of parameters: a table, two pictures and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from keras_rnn import plots
from keras_rnn.environment import environment, measured_with
from keras_rnn.experiments.cell_page import PAGE, PARTS, page
from keras_rnn.experiments.cell_tasks import CELL_TASKS, CellTask
from keras_rnn.experiments.cell_training import CellTraining, measure, train
from keras_rnn.experiments.cells import TWELVE, count_parameters, find, units_for
from keras_rnn.experiments.progress import progress_bar
from keras_rnn.experiments.tables import read_history, read_rows, write_rows
from keras_rnn.files import write_text

RESULT, SETTINGS = "result.json", "settings.json"


def compare_cells(
    task: CellTask,
    output: str | Path,
    cells: Sequence[str] = TWELVE,
    parameters: int = 50_000,
    epochs: int | None = None,
    learning_rates: Sequence[float] | None = None,
    seed: int = 1,
    report: Callable[[str], None] = print,
) -> list[dict[str, str]]:
    """Trains each cell with each learning rate, and measures the best training of each on the test split.

    Epoch and learning rate are chosen on the validation split, and the test split is read once for each cell.
    Killed at any moment, the same call goes on. Cells and tasks that other calls have measured in the same
    folder stand in the table, too. Times are those of the clock: nothing else may run on the machine.

    Args:
        task: one of `keras_rnn.experiments.CELL_TASKS`.
        output: the folder to write: `lstm_or_gru.md`; beside it, in a folder of that name, `results.csv` and
            two pictures of the task; and `TASK/CELL/LEARNING_RATE` for each training.
        cells: names of `keras_rnn.experiments.CELLS`, in capitals or small letters, or `module:Class` for a
            layer of one's own.
        parameters: that the recurrent layer is to have, as nearly as its number of units allows.
        epochs: of each training. Default: the task's.
        learning_rates: of which each cell has the best. Default: the task's.
        seed: of weights and batches.
        report: takes one line at a time.

    Returns:
        The rows of `results.csv`, those of a task together, the best score first.

    Raises:
        ValueError: if a cell is unknown, a learning rate is not positive, or the folder holds trainings of
            the task with other settings.
    """
    rates = sorted(set(task.learning_rates if learning_rates is None else learning_rates))
    if not rates or not rates[0] > 0:
        raise ValueError(f"`learning_rates` must be positive numbers; received {rates}.")
    names = list(dict.fromkeys(find(cell) for cell in cells))
    epochs = epochs or task.epochs
    tried = " ".join(f"{rate:g}" for rate in rates)
    asked = {"asked": parameters, "epochs": epochs, "learning_rates": tried, "seed": seed}
    output = Path(output)
    rows: list[dict[str, str]] = []
    _settle(output / task.name / SETTINGS, asked)
    left = [name for name in names if not (_folder(output, task, name) / RESULT).exists()]
    with progress_bar(task.title, len(left) * len(rates) * epochs) as bar:

        def show(own: CellTraining, done: int, score: float) -> None:
            before = (left.index(own.cell) * len(rates) + rates.index(own.learning_rate)) * epochs
            bar(before + done, f"{own.cell}, learning rate {own.learning_rate:g}: {task.score} {score:.4f}")

        for name in names:
            if name in left:
                folder = _folder(output, task, name)
                units = units_for(name, task.features, parameters)
                trainings = [CellTraining(name, units, rate, epochs, seed) for rate in rates]
                result = {**_measured(task, trainings, folder, show), **asked, "hardware": _hardware()}
                write_text(folder / RESULT, json.dumps(result, indent=2) + "\n")
            rows = _write(task, output)
            row = next(row for row in rows if (row["task"], row["cell"]) == (task.name, name))
            score = f"{task.score} {float(row['score']):.4f}" if row["score"] else "diverged"
            report(f"{task.title}, {name}: {score}, {row['minutes']} minutes")
    return rows


def _settle(path: Path, asked: dict[str, Any]) -> None:
    """Refuses settings other than those of the folder: cells are compared under the same ones."""
    if not path.exists():
        write_text(path, json.dumps(asked, indent=2) + "\n")
    there = json.loads(path.read_text(encoding="utf-8"))
    if there != asked:
        raise ValueError(
            f"{path.parent} holds trainings with other settings, {there}, and not {asked}. Choose another "
            "folder, or delete it."
        )


def _measured(
    task: CellTask, trainings: Sequence[CellTraining], folder: Path, show: Callable[..., None]
) -> dict[str, Any]:
    """The row of a cell: of its trainings the one with the best epoch, and the score of that."""
    bests = []
    for own in trainings:
        history, seconds = train(task, own, _place(folder, own.learning_rate), partial(show, own))
        scores = [row["score"] for row in history]
        if scores:  # it may have diverged in the first epoch
            epoch = task.best(scores)
            bests.append((scores[epoch], epoch + 1, len(scores), seconds, own))
    own = trainings[0]
    row: dict[str, Any] = {
        "task": task.name,
        "cell": own.cell,
        "units": own.units,
        "parameters": count_parameters(own.cell, own.units, task.features),
    }
    if not bests:
        unknown = ("with_head", "score", "validation", "learning_rate", "epoch", "taken", "minutes")
        return {**row, **dict.fromkeys(unknown)}
    validation, epoch, taken, seconds, own = bests[task.best([best[0] for best in bests])]
    return {
        **row,
        **measure(task, own, _place(folder, own.learning_rate)),
        "validation": validation,
        "learning_rate": own.learning_rate,
        "epoch": epoch,
        "taken": taken,
        "minutes": round(seconds / 60, 2),
    }


def _folder(output: Path, task: CellTask, cell: str) -> Path:
    return output / task.name / cell.replace(":", ".")


def _place(folder: Path, learning_rate: float) -> Path:
    return folder / f"{learning_rate:g}"


def _hardware() -> str:
    told = environment()
    return told["hardware"] + measured_with(told)


def _write(task: CellTask, output: Path) -> list[dict[str, str]]:
    """Writes table, pictures and page of all that is measured, and gives the rows of the table."""
    rows: list[dict[str, Any]] = []
    for other in CELL_TASKS.values():
        paths = sorted((output / other.name).glob(f"*/{RESULT}"))
        found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        measured = [row for row in found if row["score"] is not None]
        rows += sorted(measured, key=lambda row: row["score"], reverse=other.higher_is_better)
        rows += [row for row in found if row["score"] is None]
    write_rows(rows, output / PARTS / "results.csv")
    drawn = {row["cell"]: row for row in rows if row["task"] == task.name and row["score"] is not None}
    if drawn:
        _draw(task, drawn, output)
    table = read_rows(output / PARTS / "results.csv")
    write_text(output / PAGE, page(table))
    return table


def _draw(task: CellTask, rows: dict[str, dict[str, Any]], output: Path) -> None:
    costs = {"minutes": "training (minutes)", "with_head": "parameters of the layer and of what reads it"}
    panels = {
        label: {cell: (row[key], row["score"]) for cell, row in rows.items()} for key, label in costs.items()
    }
    plots.scores(panels, output / PARTS / f"{task.name}.png", task.title, f"{task.score}, test")
    curves = {}
    for cell, row in rows.items():
        history = read_history(_place(_folder(output, task, cell), row["learning_rate"]))
        curves[cell] = ([own["epoch"] for own in history], [own["score"] for own in history])
    label = f"{task.score}, validation"
    plots.score_curves(curves, output / PARTS / f"{task.name}_curves.png", task.title, label)
