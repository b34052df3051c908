"""Learning curves, and what a recurrent network does with a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.plots.figures import new_figure, save

NAMES = {"loss": "loss (nats)", "accuracy": "accuracy", "bleu": "BLEU"}


def learning_curves(history: Sequence[Mapping[str, float]], path: str | Path, title: str = "") -> None:
    """Draws each metric against the epoch, training and validation in one panel.

    Args:
        history: one mapping for each epoch, with `epoch`, the metrics, and the same with `val_` before.
        path: the PNG to write.
        title: stands above the panels.

    Raises:
        ValueError: if the history is empty.
    """
    if not history:
        raise ValueError("`history` must hold at least one epoch; received none.")
    from matplotlib.ticker import LogFormatter

    names = sorted({key.removeprefix("val_") for row in history for key in row} - {"epoch", "learning_rate"})
    figure, axes = new_figure(len(names), title)
    epochs = [row["epoch"] for row in history]
    for axis, name in zip(axes, names):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if any(key in row for row in history):
                axis.plot(epochs, [row.get(key, np.nan) for row in history], marker="o", label=label)
        axis.set(xlabel="epoch", ylabel=NAMES.get(name, name))
        axis.xaxis.get_major_locator().set_params(integer=True)
        if name == "perplexity":  # of the first epoch it is many times the last
            axis.set_yscale("log")
            for set_formatter in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
                set_formatter(LogFormatter(minor_thresholds=(2, 0.7)))
        axis.grid(alpha=0.3, which="both")
        axis.legend()
    save(figure, path)


def bleu_by_length(
    systems: Mapping[str, Sequence[Mapping[str, Any]]], path: str | Path, title: str = ""
) -> None:
    """Draws how well translators do on short and on long sentences: one line each.

    Args:
        systems: of each name what `keras_rnn.metrics.bleu_by_length` gives.
        path: the PNG to write.
        title: stands above.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axis = figure.subplots()
    for name, rows in systems.items():
        axis.plot(range(len(rows)), [row["bleu"] for row in rows], marker="o", label=name)
    labels = [f"{row['shortest']}\u2013{row['longest']}" for row in rows]
    axis.set_xticks(range(len(labels)), labels)
    axis.set(xlabel="words of the source", ylabel="BLEU", title=title)
    axis.set_ylim(0, 1.1 * max(row["bleu"] for rows in systems.values() for row in rows) or 1)
    axis.grid(alpha=0.3)
    axis.legend(loc="lower left")
    save(figure, path)


def states_over_text(
    states: Any, words: Sequence[str], path: str | Path, scores: Any = None, title: str = ""
) -> None:
    """Draws the state of a recurrent layer over a text: words to the right, units upwards, value as colour.

    Args:
        states: `(words, units)`.
        words: the words, as many as there are states.
        path: the PNG to write.
        scores: `(words,)`, for example the probability that a model gives after each word; drawn above.
        title: stands above.

    Raises:
        ValueError: if the numbers of words, states and scores differ.
    """
    states = np.asarray(states)
    if states.ndim != 2 or len(states) != len(words) or (scores is not None and len(scores) != len(words)):
        raise ValueError(
            f"`states` must be ({len(words)}, units) and `scores` ({len(words)},), one for each word; "
            f"received shapes {states.shape} and {None if scores is None else np.shape(scores)}."
        )
    rows = 1 if scores is None else 2
    from matplotlib.figure import Figure

    width = min(max(6.0, 0.22 * len(words)), 40)
    figure = Figure(figsize=(width, 3.2 if rows == 1 else 4.6), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=[1, 3][-rows:])[:, 0]
    figure.suptitle(title)
    if scores is not None:
        axes[0].plot(np.asarray(scores), color="black", drawstyle="steps-mid")
        axes[0].axhline(0.5, color="grey", linewidth=0.5)
        axes[0].set(ylim=(0, 1), ylabel="p(positive)")
    # Units that move alike stand together: sorted by their mean position in the text.
    weight = np.abs(states - states.mean(0)) + 1e-9
    order = np.argsort((weight * np.arange(len(states))[:, None]).sum(0) / weight.sum(0))
    limit = float(np.abs(states).max()) or 1.0
    image = axes[-1].imshow(
        states[:, order].T, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
    )
    axes[-1].set_ylabel("unit")
    axes[-1].set_xticks(range(len(words)), words, rotation=90, fontsize=7)
    figure.colorbar(image, ax=axes[-1], label="state", pad=0.01)
    save(figure, path)
