"""An experiment: networks on tasks, one training after the other, with a table and a picture of all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_rnn import plots
from keras_rnn.experiments.memory_page import LAST, PAGE, page
from keras_rnn.experiments.progress import progress_bar
from keras_rnn.experiments.tables import read_history, read_rows, write_rows
from keras_rnn.experiments.tasks import Task
from keras_rnn.experiments.training import EVERY, FINISHED, SETTINGS, Settings, train
from keras_rnn.files import write_text


def compare(
    tasks: Sequence[Task],
    networks: Sequence[str],
    settings: Settings,
    output: str | Path,
    title: str = "",
    report: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Trains each network on each task, and draws what was measured after each training.

    Killed at any moment, the same call goes on. What other calls have measured in the same folder, of other
    networks and other tasks, is in the table and the picture, too.

    Args:
        tasks: see `keras_rnn.experiments.copying` and `adding`.
        networks: names of `keras_rnn.experiments.NETWORKS`.
        settings: of all trainings; its `network` is replaced.
        output: the folder to write: one folder for each training, `results.csv`, `curves.png` and a page of
            both, `README.md`.
        title: of the picture.
        report: takes one line at a time.

    Returns:
        The rows of `results.csv` on these tasks: of each training the mean of its last 5 measurements of the
        held-out loss, its share of the baseline, the largest deviation from an orthogonal matrix at any time,
        and settings.
    """
    output = Path(output)
    chosen = [replace(settings, network=name) for name in networks]  # a wrong name is told before hours pass
    for task in tasks:
        for own in chosen:
            _train_with_a_bar(task, own, output / task.name / own.network)
            rows = measured(tasks, output)
            _publish(rows, output, title, task.loss)
            row = next(r for r in rows if (r["task"], r["network"]) == (task.name, own.network))
            report(
                f"{task.title}, {own.network}: {row['loss']:.3g}, {100 * row['share']:.3g}% of the baseline "
                f"{task.baseline:.4f}, after {row['updates']} updates"
            )
    return measured(tasks, output)


def _publish(rows: Sequence[Mapping[str, Any]], output: Path, title: str, loss: str) -> None:
    """Writes table, page and picture: of these rows, and those on other tasks whose trainings are here."""
    own = {row["task"] for row in rows}
    known = [row for row in read_rows(output / "results.csv") if row["task"] not in own]
    others = [row for row in known if _curves(output / row["task"])]
    # "delay 100" comes before "delay 1000", and after "delay 20".
    ordered = sorted([*others, *rows], key=lambda row: (len(row["task"]), row["task"]))
    write_rows(ordered, output / "results.csv")
    table = read_rows(output / "results.csv")
    write_text(output / PAGE, page(title, table))
    titles = {row["title"]: row["task"] for row in table}
    curves = {title: _curves(output / task) for title, task in titles.items()}
    baselines = {row["title"]: float(row["baseline"]) for row in table}
    plots.memory_curves(curves, baselines, output / "curves.png", title, loss)


def _train_with_a_bar(task: Task, settings: Settings, folder: Path) -> None:
    done = len(read_history(folder)) * EVERY
    with progress_bar(f"{task.title}, {settings.network}", settings.updates, done) as show:
        train(task, settings, folder, lambda updates, loss: show(updates, f"held-out loss {loss:.2e}"))


def measured(tasks: Sequence[Task], output: str | Path) -> list[dict[str, Any]]:
    """A row for each training of these tasks that has measurements in the folder."""
    rows = []
    for task in tasks:
        for folder in _folders(Path(output) / task.name):
            history = read_history(folder)
            last = [row["val_loss"] for row in history[-LAST:]]
            loss = sum(last) / len(last)
            deviations = [row["deviation"] for row in history if "deviation" in row]
            own = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            done = folder / FINISHED
            told = json.loads(done.read_text(encoding="utf-8")) if done.exists() else {}
            rows.append(
                {
                    "task": task.name,
                    "title": task.title,
                    "network": folder.name,
                    "units": own["units"],
                    "updates": int(history[-1]["updates"]),
                    "loss": loss,
                    "baseline": task.baseline,
                    "share": loss / task.baseline,
                    "deviation": max(deviations, default=""),
                    "minutes": round(told["seconds"] / 60, 1) if told else "",
                    "batch_size": own["batch_size"],
                    "learning_rate": own["learning_rate"],
                    "seed": own["seed"],
                    "hardware": told.get("hardware", ""),
                }
            )
    return rows


def _folders(task: Path) -> list[Path]:
    return [folder for folder in sorted(task.glob("*")) if read_history(folder)]


def _curves(task: Path) -> dict[str, tuple[list[float], list[float]]]:
    curves = {}
    for folder in _folders(task):
        history = read_history(folder)
        curves[folder.name] = ([row["updates"] for row in history], [row["val_loss"] for row in history])
    return curves
