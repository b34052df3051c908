"""Parity: whether the number of ones so far is odd.

    inputs     b[1] .. b[steps]                     bits, each 0 or 1 with probability 1/2
    targets    p[t] = (b[1] + .. + b[t]) mod 2

One bit has to be kept without fail, and each one turns it over: a network whose recurrence is linear in its
state, with eigenvalues that are real and positive, cannot do it for long. The last target alone is the parity
of the row. Without memory the cross entropy is at best ln 2: `BASELINE`.

>>> inputs, targets = sample(1, steps=8, random=np.random.default_rng(0))
>>> print(inputs[0].tolist(), targets[0].tolist())
[1, 1, 1, 0, 0, 0, 0, 0] [1, 0, 1, 1, 1, 1, 1, 1]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_rnn.datasets.batching import check_at_least

BASELINE = math.log(2)


def sample(rows: int, steps: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws rows.

    Args:
        rows: how many.
        steps: number of bits in a row.
        random: the source of the bits.

    Returns:
        `(inputs, targets)`, integers, each `(rows, steps)`.
    """
    check_at_least(1, rows=rows, steps=steps)
    bits = random.integers(0, 2, (rows, steps), np.int32)
    return bits, np.cumsum(bits, axis=1, dtype=np.int32) % 2


def batches(steps: int, count: int, batch_size: int = 128, seed: int = 0, first: int = 0) -> Any:
    """Batches for `fit`: the k-th follows from `seed` and k alone.

    Args:
        steps: as in `sample`.
        count: number of batches of the whole training; `steps_per_epoch` in `fit` cuts it into epochs.
        batch_size: rows in a batch.
        seed: an integer from 0.
        first: number of the batch to begin with, for a training that goes on.

    Returns:
        A `keras.utils.PyDataset` of pairs `(inputs, targets)`, as
        `keras_rnn.datasets.generated_batches.GeneratedBatches` describes it.
    """
    from keras_rnn.datasets.generated_batches import seeded

    check_at_least(1, batch_size=batch_size, steps=steps)
    return seeded(lambda random: sample(batch_size, steps, random), count, seed, first)
