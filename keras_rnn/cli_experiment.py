"""The command line: `keras-rnn experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from keras_rnn.terminal import room

app = typer.Typer(no_args_is_help=True, help="Compares networks; killed, the same command goes on.")
Networks = Annotated[
    list[str] | None, typer.Option("--network", help="One of them; may be repeated. Default: six.")
]
Units = Annotated[int, typer.Option(min=2, help="Units of the recurrent layer.")]
Updates = Annotated[int, typer.Option(min=100, help="A multiple of 100.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Sequences in a batch.")]
LearningRate = Annotated[float | None, typer.Option(help="In the place of each network's own.")]
Seed = Annotated[int, typer.Option(min=0, help="Of weights and batches.")]
Output = Annotated[Path | None, typer.Option(help="The folder to write. Default: runs/ and the name.")]


@app.command("copy-memory")
def copy_memory(
    delay: Annotated[
        list[int] | None, typer.Option(min=1, help="May be repeated. Default: 100, 200, 300 and 500.")
    ] = None,
    network: Networks = None,
    units: Units = 190,
    updates: Updates = 2000,
    batch_size: BatchSize = 128,
    learning_rate: LearningRate = None,
    seed: Seed = 1,
    output: Output = None,
) -> None:
    """The copying task: ten symbols are to be said again after a delay. Writes a table and a picture."""
    tasks = [room("experiments").copying(own) for own in delay or (100, 200, 300, 500)]
    settings = (units, updates, batch_size, learning_rate, seed)
    _compare(tasks, network, settings, output or Path("runs/copy_memory"), "Copying ten symbols")


@app.command()
def adding(
    steps: Annotated[list[int] | None, typer.Option(min=2, help="May be repeated. Default: 400.")] = None,
    network: Networks = None,
    units: Units = 170,
    updates: Updates = 10_000,
    batch_size: BatchSize = 128,
    learning_rate: LearningRate = None,
    seed: Seed = 1,
    output: Output = None,
) -> None:
    """The adding problem: the sum of two marked numbers among many. Writes a table and a picture."""
    tasks = [room("experiments").adding(own) for own in steps or (400,)]
    settings = (units, updates, batch_size, learning_rate, seed)
    _compare(tasks, network, settings, output or Path("runs/adding"), "Adding two of many numbers")


def _compare(tasks: Any, networks: Any, settings: Any, output: Path, title: str) -> None:
    experiments = room("experiments")
    names = networks or list(experiments.SIX)
    experiments.compare(tasks, names, experiments.Settings(names[0], *settings), output, title)
    print(f"{output}: README.md, results.csv, curves.png")
