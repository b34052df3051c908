"""Scores of several models, against what they cost and while they learn: each point and line has its name."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.plots.figures import new_figure, save

Points = Mapping[str, tuple[float, float]]


def scores(panels: Mapping[str, Points], path: str | Path, title: str = "", ylabel: str = "score") -> None:
    """Draws one panel for each cost, with one labelled point for each model.

    Args:
        panels: of each cost, by the label of its axis, of each model `(cost, score)`.
        path: the PNG to write.
        title: stands above the panels.
        ylabel: stands beside them.

    Raises:
        ValueError: if there is no panel, or none has a point.
    """
    colours = _colours(name for points in panels.values() for name in points)
    figure, axes = new_figure(len(panels), title, width=5.0)
    for axis, (xlabel, points) in zip(axes, panels.items()):
        for name, point in points.items():
            axis.plot(*point, marker="o", color=colours[name])
        _label(axis, points, colours)
        axis.set(xlabel=xlabel)
    axes[0].set_ylabel(_wrapped(ylabel))
    save(figure, path)


def score_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    path: str | Path,
    title: str = "",
    ylabel: str = "score",
) -> None:
    """Draws one line for each model, labelled at its end. The axis has room for all but the first quarter.

    Args:
        curves: of each model `(epochs, scores)`.
        path: the PNG to write.
        title: stands above.
        ylabel: stands beside it.

    Raises:
        ValueError: if there is no line.
    """
    colours = _colours(curves)
    figure, [axis] = new_figure(1, title, width=7.0)
    for name, line in curves.items():
        axis.plot(*line, color=colours[name])
    _label(axis, {name: (x[-1], y[-1]) for name, (x, y) in curves.items()}, colours)
    # Beside the first epochs all that comes later would look alike.
    late = np.concatenate([np.asarray(y, float)[len(y) // 4 :] for _, y in curves.values()])
    margin = 0.05 * np.ptp(late) or 0.05
    axis.set(xlabel="epoch", ylabel=_wrapped(ylabel), ylim=(late.min() - margin, late.max() + margin))
    axis.xaxis.get_major_locator().set_params(integer=True)
    save(figure, path)


def _wrapped(label: str) -> str:
    return textwrap.fill(label, 32)  # what stands beside a panel must be no longer than it


def _colours(names: Iterable[str]) -> dict[str, Any]:
    from matplotlib import colormaps

    ordered = sorted(set(names))
    if not ordered:
        raise ValueError("There must be at least one model to draw; received none.")
    return {name: colormaps["tab20"](k % 20) for k, name in enumerate(ordered)}


def _label(axis: Any, points: Points, colours: Mapping[str, Any]) -> None:
    """Writes the names right of the panel, in the order of the scores, and joins each with its point."""
    # Beside the points they would stand on one another wherever two models score alike.
    for k, name in enumerate(sorted(points, key=lambda name: points[name][1])):
        axis.annotate(
            name,
            points[name],
            (1.04, (k + 0.5) / len(points)),
            textcoords="axes fraction",
            # From the left of the name: from its middle a steep line would cross other names.
            arrowprops={"arrowstyle": "-", "color": colours[name], "linewidth": 0.6, "relpos": (0, 0.5)},
            verticalalignment="center",
            fontsize="small",
        )
    axis.grid(alpha=0.3)
