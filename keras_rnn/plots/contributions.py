"""A text whose words stand on the colours of what they contribute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from keras_rnn.plots.figures import save

#: Letters in a line; inches that a letter and a line take.
WIDTH, LETTER, LINE = 90, 0.085, 0.26


def contributions(words: Sequence[str], values: ArrayLike, path: str | Path, title: str = "") -> None:
    """Draws a text, each word on a colour: blue speaks for the output, red against it, white is nothing.

    Args:
        words: the words, in order.
        values: what each contributes, `(words,)`: of `keras_rnn.explain.contributions`, the contributions.
        path: the PNG to write.
        title: stands above.

    Raises:
        ValueError: if there are no words, or not as many values.
    """
    values = np.asarray(values, "float64")
    if not len(words) or values.shape != (len(words),):
        raise ValueError(
            f"`values` must be one number for each of the words, of which there must be one; received "
            f"{len(words)} words and values of shape {values.shape}."
        )
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    places, column, line = [], 0, 0
    for word in words:
        if column and column + len(word) > WIDTH:
            column, line = 0, line + 1
        places.append((column, line))
        column += len(word) + 1
    limit = float(np.abs(values).max()) or 1.0
    colours = ScalarMappable(Normalize(-limit, limit), "RdBu")
    figure = Figure(figsize=(WIDTH * LETTER + 1.5, (line + 1) * LINE + 0.9), layout="constrained")
    figure.suptitle(title)
    axis = figure.subplots()
    axis.set(xlim=(-1, WIDTH + 1), ylim=(line + 0.6, -0.6))
    axis.axis("off")
    for word, value, (x, y) in zip(words, values, places):
        red, green, blue, _ = colours.to_rgba(value)
        dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.45
        axis.text(
            x,
            y,
            word.replace("$", r"\$"),
            family="monospace",
            fontsize=9,
            va="center",
            color="white" if dark else "black",
            bbox={"facecolor": (red, green, blue), "edgecolor": "none", "pad": 1.5},
        )
    figure.colorbar(colours, ax=axis, label="contribution", fraction=0.03)
    save(figure, path)
