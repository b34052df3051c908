"""Where in a sequence a step stands: its number, as sines and cosines, as a rotation."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

#: The longest wave has this many times the length of the shortest, 2 pi.
LONGEST = 10_000.0


def step_numbers(sequences: Any, mask: Any = None) -> Any:
    """The number of each step among those that count, from 0.

        p[t] = the number of steps before t that count

    With padding on the left, or within, the first step that counts has number 0, and the content of a
    sequence alone decides the numbers of its steps. Those of masked steps mean nothing.

    Args:
        sequences: `(batch, time, ..)`.
        mask: booleans `(batch, time)`, or None where all steps count.

    Returns:
        int32 `(batch, time)`, or `(1, time)` without a mask.

    Example:

    >>> np.asarray(step_numbers(np.zeros((1, 4)), np.array([[False, True, False, True]]))).tolist()
    [[0, 0, 0, 1]]
    """
    if mask is None:
        return ops.expand_dims(ops.arange(ops.shape(sequences)[1], dtype="int32"), 0)
    return ops.maximum(ops.cumsum(ops.cast(mask, "int32"), axis=1) - 1, 0)


def phases(positions: Any, waves: int, dtype: str) -> Any:
    """The angles of waves of different lengths: `angle[p, i] = p / 10000^(i / waves)`, i = 0 .. waves - 1.

    Args:
        positions: integers `(..)`.
        waves: how many.
        dtype: of the result, `(.., waves)`; not of 16 bits, which cannot count to 2,049.
    """
    rates = ops.convert_to_tensor(np.exp(-math.log(LONGEST) * np.arange(waves) / max(waves, 1)), dtype)
    return ops.expand_dims(ops.cast(positions, dtype), -1) * rates


def sinusoids(positions: Any, size: int, dtype: str) -> Any:
    """Positions as vectors: `P[p, 2 i] = sin(angle[p, i]), P[p, 2 i + 1] = cos(angle[p, i])`.

    Args:
        positions: integers `(..)`.
        size: of a vector; of an odd one the last cosine is left out.
        dtype: of the result, `(.., size)`.

    Source: A. Vaswani and others, "Attention Is All You Need", NIPS 2017, section 3.5. (There the exponent
    is 2 i / size; for an odd size it is 2 i / (size + 1) here.)

    Example:

    >>> np.asarray(sinusoids(np.array([0, 1]), 4, "float32")).round(3).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.8410000205039978, 0.5400000214576721, 0.009999999776482582, 1.0]]
    """
    angle = phases(positions, (size + 1) // 2, dtype)
    pairs = ops.stack([ops.sin(angle), ops.cos(angle)], axis=-1)
    flat = ops.reshape(pairs, (*ops.shape(pairs)[:-2], 2 * pairs.shape[-2]))
    return flat[..., :size]


def rotate(x: Any, positions: Any) -> Any:
    """Turns pairs of features by angles that grow with the position: rotary positions.

        (y[i], y[i + h/2]) = (x[i] cos - x[i + h/2] sin, x[i] sin + x[i + h/2] cos)    of angle[p, i]

    The product of two vectors that were turned so depends on their positions by the distance alone.

    Args:
        x: `(batch, time, heads, h)`, or `(batch, heads, h)` for one step each; h even.
        positions: integers `(batch, time)` or `(1, time)`; `(batch,)` for one step each.

    Returns:
        y of the shape and dtype of x.

    Source: J. Su and others, "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, section
    3.2. There the features 2 i and 2 i + 1 are a pair: another numbering of what is learned.

    Example:

    >>> x = np.array([[[[1.0, 0.0]], [[1.0, 0.0]]]])  # two steps of one head
    >>> np.asarray(rotate(x, np.array([[0, 1]])))[0, :, 0].round(3).tolist()
    [[1.0, 0.0], [0.54, 0.841]]
    """
    dtype = keras.backend.standardize_dtype(x.dtype)
    wide = "float32" if dtype in ("float16", "bfloat16") else dtype
    angle = ops.expand_dims(phases(positions, x.shape[-1] // 2, wide), -2)
    a, b = ops.split(ops.cast(x, wide), 2, axis=-1)
    cos, sin = ops.cos(angle), ops.sin(angle)
    return ops.cast(ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1), dtype)
