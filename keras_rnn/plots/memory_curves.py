"""The loss of networks on tasks of memory, against the number of updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from keras_rnn.plots.figures import new_figure, save

Curve = tuple[Sequence[float], Sequence[float]]

#: The label of a baseline.
WITHOUT = "without memory"


def memory_curves(
    curves: Mapping[str, Mapping[str, Curve]],
    baselines: Mapping[str, float],
    path: str | Path,
    title: str = "",
    ylabel: str = "loss",
) -> None:
    """Draws one panel for each task, with one line for each network and the loss without memory.

    Args:
        curves: of each task, by its title, of each network `(updates, losses)`.
        baselines: of each task the loss of the best answer without memory: a dashed line.
        path: the PNG to write.
        title: stands above the panels.
        ylabel: stands beside them.

    Raises:
        ValueError: if there is no task.
    """
    if not curves:
        raise ValueError("`curves` must hold at least one task; received none.")
    figure, axes = new_figure(len(curves), title, width=4.0)
    # A network has one colour in all panels, whichever of them it is in.
    names = sorted({name for own in curves.values() for name in own})
    for axis, (task, own) in zip(axes, curves.items()):
        for name, (updates, losses) in own.items():
            axis.plot(updates, losses, label=name, color=f"C{names.index(name)}")
        axis.axhline(baselines[task], color="grey", linestyle="dashed", label=WITHOUT)
        axis.set(title=task, xlabel="updates", yscale="log")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(ylabel)
    # Of all panels, and below them: no panel has room for it that a curve does not need.
    lines = {line.get_label(): line for axis in axes for line in axis.get_lines()}
    handles = [lines[name] for name in (*names, WITHOUT)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3 * len(curves), fontsize="small")
    save(figure, path)
