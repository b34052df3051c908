r"""The adding problem: the sum of two numbers that are marked among many.

    inputs     x[t] = (u[t], m[t])       u uniform on [0, 1), m[t] = 1 at two steps and else 0
    target     y = u[i] + u[j]           m[i] = m[j] = 1

One mark is in the first half of the sequence and one in the second, each uniformly. Who always answers 1 has
a mean squared error of 1/6, the variance of the sum: `BASELINE`.

Source: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997), section 5.4, in
the form of M. Arjovsky, A. Shah, Y. Bengio, "Unitary Evolution Recurrent Neural Networks", ICML 2016,
section 5.2.

>>> inputs, targets = sample(1, steps=4, random=np.random.default_rng(0))
>>> print(inputs[0].T.round(2), targets.round(2), sep="\n")
[[0.85 0.64 0.51 0.27]
 [1.   0.   1.   0.  ]]
[[1.36]]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_rnn.datasets.batching import check_at_least

BASELINE = 1 / 6


def sample(rows: int, steps: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws rows.

    Args:
        rows: how many.
        steps: length of the sequence, at least 2.
        random: the source of the numbers and of the marked steps.

    Returns:
        `(inputs, targets)`, float32: `(rows, steps, 2)` and `(rows, 1)`.
    """
    check_at_least(1, rows=rows)
    check_at_least(2, steps=steps)
    inputs = np.zeros((rows, steps, 2), np.float32)
    inputs[..., 0] = random.random((rows, steps), np.float32)
    half = steps // 2
    for marked in (random.integers(0, half, rows), random.integers(half, steps, rows)):
        inputs[np.arange(rows), marked, 1] = 1
    return inputs, inputs.prod(axis=2).sum(axis=1, keepdims=True)


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

    check_at_least(1, batch_size=batch_size)
    check_at_least(2, steps=steps)
    return seeded(lambda random: sample(batch_size, steps, random), count, seed, first)
