"""The command line: `keras-rnn compare`."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from keras_rnn.terminal import room


def compare(
    task: Annotated[str, typer.Argument(help="imdb, shakespeare, copying or jsb.")],
    cell: Annotated[
        list[str] | None,
        typer.Option(
            help="A recurrent layer, or module:Class for your own; may be repeated. Default: twelve of them."
        ),
    ] = None,
    parameters: Annotated[
        int, typer.Option(min=500, help="Of the recurrent layer, as nearly as its units allow.")
    ] = 50_000,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of each training. Default: the task's.")] = None,
    learning_rate: Annotated[
        list[float] | None,
        typer.Option(help="May be repeated; validation chooses for each cell. Default: the task's."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and batches.")] = 1,
    output: Annotated[Path, typer.Option(help="The folder to write.")] = Path("runs/compare"),
) -> None:
    """Trains cells at equal numbers of parameters: a table, pictures and a page. Killed, it goes on."""
    experiments = room("experiments")
    tasks = experiments.CELL_TASKS
    if task not in tasks:
        near = difflib.get_close_matches(task, tasks, 1, 0.4)
        raise ValueError(
            f"`TASK` must be one of {', '.join(tasks)}; received {task!r}."
            + (f" Did you mean `{near[0]}`?" if near else "")
        )
    if any(":" in name for name in cell or ()):
        sys.path.append("")  # where the reader's own cells lie; of a script Python knows its own folder alone
    experiments.compare_cells(
        tasks[task],
        output,
        cell or experiments.TWELVE,
        parameters,
        epochs,
        learning_rate or None,
        seed,
    )
    print(f"{output}: lstm_or_gru.md, lstm_or_gru/")
