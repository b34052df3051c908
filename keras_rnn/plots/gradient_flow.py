"""How far back in time a recurrent layer is felt: norms of gradients against distance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops, tree
from numpy.typing import ArrayLike

from keras_rnn.models.value_and_gradients import value_and_gradients
from keras_rnn.plots.figures import new_figure, save


def state_gradients(layer: Any, sequences: ArrayLike) -> np.ndarray:
    """The norm of the gradient of the last state by each state before it.

        norm[d] = mean over rows of |ds_T / ds_{T-d}|,    d = 0 .. T

    The norm is the spectral one, and s all states of the layer side by side: for an LSTM h and c, through
    which most flows. norm[0] = 1. Above 1 the gradient explodes, towards 0 it vanishes. It is the product of
    the exact Jacobians of the steps, without dropout and masks.

    Args:
        layer: a layer with a `cell`: of keras_rnn, or of Keras (`keras.layers.RNN`, `LSTM`, ..).
        sequences: `(rows, T, features)`; a few rows will do.

    Returns:
        `(T + 1,)`.
    """
    product: Any = None
    norms = []
    for _, by_state in reversed(list(_jacobians(layer, np.asarray(sequences)))):
        if product is None:
            product = np.broadcast_to(np.eye(by_state.shape[-1]), by_state.shape)
            norms.append(1.0)
        product = product @ by_state
        norms.append(np.linalg.norm(product, 2, axis=(1, 2)).mean())
    return np.array(norms)


def loss_gradients(layer: Any, sequences: ArrayLike, loss: Callable[[Any], Any]) -> np.ndarray:
    """The norm of the gradient of a loss by each state.

        norm[d] = mean over rows of |dL / ds_{T-d}|,    d = 0 .. T

    Args:
        layer: as in `state_gradients`.
        sequences: `(rows, T, features)`.
        loss: from the outputs of all steps, `(rows, T, units)`, to a number L; written in `keras.ops`.

    Returns:
        `(T + 1,)`. Of a mean over rows each row has its share alone.
    """
    sequences = np.asarray(sequences)
    outputs, steps = [], []
    for y, by_output, by_state in _jacobians(layer, sequences, with_outputs=True):
        outputs.append(y)
        steps.append((by_output, by_state))
    y = ops.convert_to_tensor(np.stack(outputs, axis=1))
    _, _, [d_y] = value_and_gradients(lambda theta: (loss(theta[0]), ()))([y])
    d_y = ops.convert_to_numpy(d_y)
    g = np.zeros((len(sequences), steps[0][1].shape[-1]))
    norms = [0.0]  # what follows the last output is read by nobody
    for t, (by_output, by_state) in reversed(list(enumerate(steps))):
        g = np.einsum("bi,bij->bj", g, by_state) + np.einsum("bi,bij->bj", d_y[:, t], by_output)
        norms.append(np.linalg.norm(g, axis=1).mean())
    return np.array(norms)


def gradient_norms(
    curves: Mapping[str, ArrayLike], path: str | Path, title: str = "", ylabel: str = "norm of the gradient"
) -> None:
    """Draws norms against distance, one line for each network, on a logarithmic axis.

    Args:
        curves: of each name what `state_gradients` or `loss_gradients` gives.
        path: the PNG to write.
        title: stands above.
        ylabel: stands beside.

    Raises:
        ValueError: if there is no curve.
    """
    if not curves:
        raise ValueError("`curves` must hold at least one network; received none.")
    figure, (axis,) = new_figure(1, title, width=6.4)
    for name, norms in curves.items():
        norms = np.asarray(norms, float)
        # A zero has no place on a logarithmic axis.
        axis.plot(np.where(norms > 0, norms, np.nan), label=name)
    axis.axhline(1, color="grey", linewidth=0.5)
    axis.set(yscale="log", xlabel="distance in steps", ylabel=ylabel)
    axis.grid(alpha=0.3)
    axis.legend()
    save(figure, path)


def _jacobians(layer: Any, sequences: np.ndarray, with_outputs: bool = False) -> Iterator[Any]:
    """Of each step the output, and the Jacobians `(rows, .., n)` of output and new state by the old state."""
    if sequences.ndim != 3 or not sequences.shape[1]:
        raise ValueError(
            f"`sequences` must be (rows, time, features) with at least one step; received {sequences.shape}."
        )
    if not layer.built:
        layer.build(sequences.shape)
    rows = len(sequences)
    states = tree.flatten(layer.get_initial_state(rows))
    ends = np.cumsum([s.shape[-1] for s in states])[:-1].tolist()

    def one_step(x: Any, states: Any) -> tuple[Any, list[Any]]:
        y, new = layer.cell(x, states, training=False)
        return y, tree.flatten(new)

    def weighted(theta: list[Any], x: Any, weights: Any) -> tuple[Any, Any]:
        y, new = one_step(x, ops.split(theta[0], ends, axis=-1) if ends else theta)
        return ops.sum(ops.cast(ops.concatenate([y, *new], axis=-1), weights.dtype) * weights), ()

    differentiate = value_and_gradients(weighted)
    for t in range(sequences.shape[1]):
        x = ops.convert_to_tensor(sequences[:, t])
        y, new = one_step(x, states)
        s = ops.concatenate(states, axis=-1)
        m, n = y.shape[-1], s.shape[-1]
        # A row for each number that is differentiated: its gradient is a row of the Jacobian.
        weights = ops.convert_to_tensor(np.tile(np.eye(m + n), (rows, 1)), dtype=s.dtype)
        repeated = [ops.repeat(a, m + n, axis=0) for a in (s, x)]
        _, _, [jacobian] = differentiate([repeated[0]], repeated[1], weights)
        jacobian = np.asarray(ops.convert_to_numpy(jacobian), float).reshape(rows, m + n, n)
        y = ops.convert_to_numpy(y)
        yield (y, jacobian[:, :m], jacobian[:, m:]) if with_outputs else (y, jacobian[:, m:])
        states = new
