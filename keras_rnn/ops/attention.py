"""Attention of queries to a memory: scores, and what the softmax of them reads."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_rnn.ops.state_product import state_product

#: The score of a position that is not there: finite, for of two infinite ones there is no difference.
NEVER = -1e30


def dot_scores(q: Any, keys: Any) -> Any:
    """Likeness of directions: `e[i] = q . k[i]`.

    Args:
        q: queries `(batch, a)`, or `(batch, time, a)`.
        keys: k with the positions last, `(batch, a, source)`.

    Returns:
        e, `(batch, source)` or `(batch, time, source)`.
    """
    return state_product(q, keys)


def additive_scores(q: Any, keys: Any, v: Any) -> Any:
    """A hidden layer for each pair: `e[i] = v . tanh(q + k[i])`.

    Args:
        q: queries `(batch, a)`, or `(batch, time, a)`.
        keys: `(batch, source, a)`.
        v: `(a,)`.

    Returns:
        e, `(batch, source)` or `(batch, time, source)`.
    """
    keys = keys if len(q.shape) == 2 else ops.expand_dims(keys, 1)
    hidden = ops.tanh(ops.expand_dims(q, -2) + keys)
    return ops.squeeze(ops.matmul(hidden, ops.expand_dims(v, -1)), -1)


def masked_softmax(e: Any, mask: Any = None) -> Any:
    """The softmax over the positions that are there; zeros where none is.

    Args:
        e: scores `(..., source)`.
        mask: booleans that broadcast to e, true where there is a position, or None.

    Example:

    >>> e, mask = np.array([[1.0, 2.0, 3.0]] * 2), np.array([[True, False, False], [False, False, False]])
    >>> np.asarray(masked_softmax(e, mask)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    kept = e if mask is None else ops.where(mask, e, NEVER)
    # Of one position Keras would warn that it is no choice. (Ones would have no gradient, not even zeros.)
    a = ops.exp(kept - kept) if kept.shape[-1] == 1 else ops.softmax(kept, axis=-1)
    return a if mask is None else ops.where(mask, a, 0.0)


def read_memory(weights: Any, values: Any) -> Any:
    """The context `c = sum_i a[i] m[i]`.

    Args:
        weights: a, `(batch, source)` or `(batch, time, source)`.
        values: m, `(batch, source, d)`.

    Returns:
        `(batch, d)` or `(batch, time, d)`.
    """
    return state_product(weights, values)
