"""A progress bar, where there is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(name: str, total: int, done: int = 0) -> Iterator[Callable[[int, str], None]]:
    """Shows how much of a work is done; gives a function of that number and of what is to be told of it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not Console().is_terminal) as bar:
        line = bar.add_task(name, total=total, completed=done)
        yield lambda done, told: bar.update(line, completed=done, description=f"{name}, {told}")
