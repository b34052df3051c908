"""Tables of measurements as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_rnn.files import write_text


def write_rows(rows: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Writes rows, whole or not at all; the first one names the columns."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, buffer.getvalue())


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows as they are written there; none if there is no such file."""
    if not Path(path).exists():
        return []
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_history(folder: Path) -> list[dict[str, float]]:
    """The `history.csv` of a training; nothing if it has not begun."""
    rows = read_rows(folder / "history.csv")
    return [{key: float(value) for key, value in row.items()} for row in rows]
