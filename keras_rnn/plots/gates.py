"""The gates of a recurrent layer over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops, tree
from numpy.typing import ArrayLike

from keras_rnn import layers
from keras_rnn.plots.figures import new_figure, save

#: The gates in the order in which the step of a cell reckons them.
ORDER = {
    layers.LSTMCell: "ifo",
    layers.LayerNormLSTMCell: "fio",
    layers.PeepholeLSTMCell: "ifo",
    layers.MultiplicativeLSTMCell: "ifo",
    layers.ProjectionLSTMCell: "ifo",
    layers.LayerNormGRUCell: "zr",
    layers.GRUCell: "zr",
    keras.layers.LSTMCell: "ifo",
    keras.layers.GRUCell: "zr",
}


def gate_activations(layer: Any, sequences: ArrayLike) -> dict[str, np.ndarray]:
    """The values of the gates at each step, without dropout and masks.

    Args:
        layer: a layer whose `cell` has gates: LSTM, GRU and others, of keras_rnn or of Keras.
        sequences: `(rows, time, features)`.

    Returns:
        From the name of each gate to `(rows, time, units)`: i, f and o of an LSTM, z and r of a GRU. Those of
        other cells are numbered.

    Raises:
        TypeError: if the cell has no `recurrent_activation`.
    """
    sequences = np.asarray(sequences)
    cell = layer.cell
    gate = getattr(cell, "recurrent_activation", None)
    if gate is None:
        raise TypeError(f"`layer` must have a cell with gates; received layer={layer!r}.")
    if not layer.built:
        layer.build(sequences.shape)
    seen: list[np.ndarray] = []

    def recorded(a: Any) -> Any:
        value = gate(a)
        seen.append(ops.convert_to_numpy(value))
        return value

    states, steps = tree.flatten(layer.get_initial_state(len(sequences))), []
    cell.recurrent_activation = recorded
    try:
        for t in range(sequences.shape[1]):
            seen.clear()
            _, new = cell(ops.convert_to_tensor(sequences[:, t]), states, training=False)
            states = tree.flatten(new)
            steps.append(np.stack(seen))
    finally:
        cell.recurrent_activation = gate
    values = np.stack(steps, axis=2)
    names = ORDER.get(type(cell), [str(k + 1) for k in range(len(values))])
    return dict(sorted(zip(names, values), key=lambda item: "ifozr".find(item[0])))


def gates(
    values: Mapping[str, ArrayLike], path: str | Path, steps: Sequence[str] | None = None, title: str = ""
) -> None:
    """Draws the gates of one sequence: time to the right, units upwards, 0 dark and 1 bright.

    Args:
        values: from the name of each gate to `(time, units)`, one row of what `gate_activations` gives.
        path: the PNG to write.
        steps: what was read at each step, such as words or symbols.
        title: stands above.

    Raises:
        ValueError: if there is no gate, if they differ in shape, or are not as many as the steps.
    """
    arrays = {name: np.asarray(own) for name, own in values.items()}
    shapes = {own.shape for own in arrays.values()}
    shape = next(iter(shapes), ())
    if len(shapes) != 1 or len(shape) != 2 or (steps is not None and len(steps) != shape[0]):
        raise ValueError(
            "`values` must be (time, units) for each gate, and `steps` one for each time; "
            f"received shapes {sorted(shapes)} and {None if steps is None else len(steps)} steps."
        )
    width = min(max(6.0, 0.12 * shape[0]), 40)
    figure, axes = new_figure(len(arrays), title, width=width, rows=True)
    for axis, (name, own) in zip(axes, arrays.items()):
        image = axis.imshow(own.T, aspect="auto", origin="lower", vmin=0, vmax=1, interpolation="nearest")
        axis.set(ylabel="unit", title=name)
    if steps is None:
        axes[-1].set_xlabel("step")
    else:
        axes[-1].set_xticks(range(len(steps)), steps, rotation=90, fontsize=7)
    figure.colorbar(image, ax=axes, label="gate", pad=0.01)
    save(figure, path)
