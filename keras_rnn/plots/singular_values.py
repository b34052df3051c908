"""The singular values of a recurrent weight over a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from keras_rnn.plots.figures import new_figure, save


def singular_values(values: ArrayLike, path: str | Path, title: str = "", xlabel: str = "epoch") -> None:
    """Draws all singular values against time, one line for each, the largest on top.

    Args:
        values: `(times, n)`, such as `keras_rnn.callbacks.SingularValues(..).values` has them.
        path: the PNG to write.
        title: stands above.
        xlabel: stands below.

    Raises:
        ValueError: if `values` is not such an array.
    """
    values = np.asarray(values)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"`values` must be (times, n); received shape {values.shape}.")
    figure, (axis,) = new_figure(1, title, width=6.4)
    axis.plot(values, color="tab:blue", alpha=0.35, linewidth=0.8)
    axis.plot(np.median(values, axis=1), color="black", label="median")
    axis.axhline(1, color="grey", linewidth=0.5)
    axis.set(xlabel=xlabel, ylabel="singular values", ylim=(0, 1.05 * values.max()))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
    axis.legend()
    save(figure, path)
