"""The copying task: remember ten symbols over a long delay.

    inputs     s_1 .. s_10   blank * (delay - 1)   marker   blank * 10
    targets    blank * (delay + 10)                         s_1 .. s_10

The symbols s are drawn uniformly from 0 to 7; the blank is 8, the marker 9. Both rows have delay + 20 steps,
and the cross entropy is the mean over all of them, those of the blanks, too. Without memory the best is to
answer blank at first and each symbol with the same probability at the end.

Source: M. Arjovsky, A. Shah, Y. Bengio, "Unitary Evolution Recurrent Neural Networks", ICML 2016, section
5.1, after S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997.

>>> inputs, targets = sample(1, delay=4, random=np.random.default_rng(0))
>>> print(inputs[0].tolist(), targets[0].tolist(), sep="\\n")
[6, 5, 4, 2, 2, 0, 0, 0, 1, 6, 8, 8, 8, 9, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]
[8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 6, 5, 4, 2, 2, 0, 0, 0, 1, 6]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_rnn.datasets.batching import check_at_least

#: How many symbols are to be remembered, and of how many kinds.
LENGTH = 10
SYMBOLS = 8
BLANK = SYMBOLS
MARKER = SYMBOLS + 1
#: Ids of the inputs, from 0; the targets have all but the last, which is the marker.
VOCABULARY = SYMBOLS + 2


def sample(rows: int, delay: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws rows.

    Args:
        rows: how many.
        delay: steps from the last symbol to the one after the marker.
        random: the source of the symbols.

    Returns:
        `(inputs, targets)`, ids, each `(rows, delay + 20)`.
    """
    check_at_least(1, rows=rows, delay=delay)
    symbols = random.integers(0, SYMBOLS, (rows, LENGTH))
    inputs, targets = (np.full((rows, delay + 2 * LENGTH), BLANK, np.int32) for _ in range(2))
    inputs[:, :LENGTH] = symbols
    inputs[:, LENGTH + delay - 1] = MARKER
    targets[:, -LENGTH:] = symbols
    return inputs, targets


def batches(delay: int, count: int, batch_size: int = 128, seed: int = 0, first: int = 0) -> Any:
    """Batches for `fit`: the k-th follows from `seed` and k alone.

    Args:
        delay: as in `sample`.
        count: number of batches of the whole training; `steps_per_epoch` in `fit` cuts it into epochs.
        batch_size: rows in a batch.
        seed: an integer from 0.
        first: number of the batch to begin with, for a training that goes on.

    Returns:
        A `keras.utils.PyDataset` of pairs `(inputs, targets)`, as
        `keras_rnn.datasets.generated_batches.GeneratedBatches` describes it.
    """
    from keras_rnn.datasets.generated_batches import seeded

    check_at_least(1, delay=delay, batch_size=batch_size)
    return seeded(lambda random: sample(batch_size, delay, random), count, seed, first)


def baseline(delay: int) -> float:
    """The mean cross entropy of the best answer without memory, in nats: `10 ln 8 / (delay + 20)`."""
    check_at_least(1, delay=delay)
    return LENGTH * math.log(SYMBOLS) / (delay + 2 * LENGTH)
