"""Attention weights as pictures: which pieces were read for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.plots.figures import save


def attention(
    weights: Any, source: Sequence[str], target: Sequence[str], path: str | Path, title: str = ""
) -> None:
    """Draws an alignment: the source to the right, the target downwards, the attention weight as brightness.

    Args:
        weights: `(target, source)`, each row a distribution.
        source: the pieces that were read.
        target: the pieces that were written.
        path: the PNG to write.
        title: stands above the panel.

    Raises:
        ValueError: if the weights are not as many as the pieces.
    """
    _draw({title: weights}, source, target, path, ("source", "translation"), limit=1.0)


def attention_maps(
    weights: Mapping[str, Any], words: Sequence[str], path: str | Path, title: str = ""
) -> None:
    """Draws self-attention, one panel for each head: who is read to the right, who reads downwards.

    Args:
        weights: from the title of each panel to `(words, words)`, each row a distribution.
        words: the steps of the sequence.
        path: the PNG to write.
        title: stands above all panels.

    Raises:
        ValueError: if there is no panel, or the weights are not as many as the words.
    """
    _draw(weights, words, words, path, ("is read", "reads"), title)


def _draw(
    weights: Mapping[str, Any],
    columns: Sequence[str],
    rows: Sequence[str],
    path: str | Path,
    labels: tuple[str, str],
    title: str = "",
    limit: float | None = None,
) -> None:
    arrays = {name: np.asarray(own) for name, own in weights.items()}
    shapes = {own.shape for own in arrays.values()}
    if shapes != {(len(rows), len(columns))}:
        raise ValueError(
            f"`weights` must be one row for each of the {len(rows)} pieces that read and one column for each "
            f"of the {len(columns)} that are read; received shapes {sorted(shapes)}."
        )
    from matplotlib.figure import Figure

    width, height = (min(1.5 + 0.36 * len(pieces), 40) for pieces in (columns, rows))
    figure = Figure(figsize=(min(width * len(arrays), 40), height), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(1, len(arrays), squeeze=False)[0]
    # Heads that spread over many words would all be dark on a scale to 1.
    top = max(own.max() for own in arrays.values()) if limit is None else limit
    for axis, (name, own) in zip(axes, arrays.items()):
        image = axis.imshow(own, cmap="gray", vmin=0, vmax=top, aspect="equal")
        for ticks, pieces in ((axis.xaxis, columns), (axis.yaxis, rows)):
            ticks.set_ticks(range(len(pieces)), [piece.replace("\u2581", "_") for piece in pieces])
        axis.xaxis.tick_top()
        axis.tick_params(axis="x", rotation=90)
        axis.set(xlabel=labels[0], title=name)
        axis.xaxis.set_label_position("top")
    axes[0].set_ylabel(labels[1])
    figure.colorbar(image, ax=axes, label="attention weight", shrink=0.6)
    save(figure, path)
