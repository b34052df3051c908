"""What all pictures share: how a figure is made and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_rnn.files import written_whole


def new_figure(panels: int, title: str, width: float = 4.5, rows: bool = False) -> tuple[Any, Any]:
    """A figure and its panels, side by side, or one above the other."""
    # Figure and not pyplot: no global state, no window, safe beside a user's own figures.
    from matplotlib.figure import Figure

    size = (width, 2.2 * panels + 0.6) if rows else (width * panels, 3.4)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
    shape = (panels, 1) if rows else (1, panels)
    return figure, figure.subplots(*shape, squeeze=False, sharex=rows).ravel()


def save(figure: Any, path: str | Path) -> None:
    """Writes a PNG, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)
