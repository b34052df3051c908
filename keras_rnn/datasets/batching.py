"""Which rows stand together in a batch, and how they become one rectangle: NumPy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

NOISE = 0.1


def bucketed_batches(
    lengths: ArrayLike, batch_size: int, seed: int, epoch: int, drop_remainder: bool = False
) -> list[np.ndarray]:
    """Returns one epoch's batches for training: rows of like length together, batches in random order.

    Rows are sorted by length times a random factor within 10% of one, cut into batches, and the batches are
    shuffled: little is padded, and no two epochs see the same batches. The same `seed` and `epoch` give the
    same batches in every process.

    Args:
        lengths: `(rows,)`, how long each row is.
        batch_size: rows in a batch.
        seed: an integer from 0.
        epoch: an integer from 0; each has its own order.
        drop_remainder: whether to leave out the rows that fill no whole batch. They are drawn at random in
            each epoch, so that no row, and no length, is left out for ever.

    Returns:
        A list of integer arrays of row numbers. Every row stands in exactly one of them, but for the rows
        left out; all have `batch_size` rows, but for one that is smaller if rows remain.
    """
    check_at_least(1, batch_size=batch_size)
    check_at_least(0, seed=seed, epoch=epoch)
    lengths = _as_lengths(lengths)
    random = np.random.default_rng([seed, epoch])
    rows = random.permutation(len(lengths))
    if drop_remainder:
        rows = rows[: len(rows) - len(rows) % batch_size]
    noisy = lengths[rows] * random.uniform(1 - NOISE, 1 + NOISE, len(rows))
    batches = _cut(rows[np.argsort(noisy, kind="stable")], batch_size)
    return [batches[i] for i in random.permutation(len(batches))]


def sorted_batches(lengths: ArrayLike, batch_size: int) -> list[np.ndarray]:
    """Returns batches for inference: every row once, the shortest first, the longest last.

    Args:
        lengths: `(rows,)`, how long each row is.
        batch_size: rows in a batch; the last one may have fewer.

    Returns:
        A list of integer arrays of row numbers. `results[np.concatenate(batches)] = outputs` puts the outputs
        back into the rows' order.
    """
    check_at_least(1, batch_size=batch_size)
    return _cut(np.argsort(_as_lengths(lengths), kind="stable"), batch_size)


def pad(
    rows: Sequence[Sequence[int] | np.ndarray], value: int = 0, length: int | None = None, multiple: int = 1
) -> np.ndarray:
    """Returns rows of integers as one rectangle, filled up on the right.

    >>> pad([[7, 8, 9], [], [5]])
    array([[7, 8, 9],
           [0, 0, 0],
           [5, 0, 0]], dtype=int32)

    Args:
        rows: sequences of integers.
        value: what stands after a row's end.
        length: the number of columns; the longest row by default. No row is ever cut: one that is longer is
            an error.
        multiple: the number of columns is rounded up to a multiple of this, so that fewer shapes are seen.

    Returns:
        An int32 array `(batch, time)`, with at least one column even if every row is empty.
    """
    check_at_least(1, multiple=multiple)
    longest = max((len(row) for row in rows), default=0)
    if length is None:
        length = -(-max(longest, 1) // multiple) * multiple
    check_at_least(1, length=length)
    if length < longest or length % multiple:
        raise ValueError(
            f"`length` must be a multiple of {multiple} and at least the longest row, {longest}; "
            f"received length={length}. Cut the rows first, or leave `length` out."
        )
    padded = np.full((len(rows), length), value, np.int32)
    for target, row in zip(padded, rows):
        target[: len(row)] = row
    return padded


def check_at_least(minimum: int, **arguments: int) -> None:
    """Raises an error that names the first argument which is no integer, or one below `minimum`."""
    for name, value in arguments.items():
        is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not is_integer or value < minimum:
            raise (ValueError if is_integer else TypeError)(
                f"`{name}` must be an integer of at least {minimum}; received {name}={value!r}."
            )


def _as_lengths(lengths: ArrayLike) -> np.ndarray:
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or (lengths.size and lengths.min() < 0):
        raise ValueError(
            f"`lengths` must be one row of numbers from 0; received an array of shape {lengths.shape}"
            f"{f' with the minimum {lengths.min()}' if lengths.size else ''}. Give one length a row."
        )
    return lengths


def _cut(rows: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
