"""Which rows stand together in a batch, and how they become one rectangle: NumPy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

NOISE = 0.1
# Two lengths vary, not one: on Multi30k 8% of 4,096 cells are padding, 12% with twice the noise, 4% without.
TOKEN_NOISE = 0.05


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


def token_batches(
    source_lengths: ArrayLike, target_lengths: ArrayLike, tokens: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """Returns one epoch's batches of sentence pairs for training, as many pairs in each as fit `tokens`.

    A batch of n pairs is two padded rectangles of

        n * (max(1, longest source) + max(1, longest target)) <= tokens

    cells together. Pairs are sorted by target length and then by source length, each times a random factor
    within 5% of one, cut into batches, and the batches are shuffled. The same `seed` and `epoch` give the
    same batches in every process.

    Args:
        source_lengths: `(pairs,)`, how long each source is, with all ids that are added to it.
        target_lengths: `(pairs,)`, how long each target is.
        tokens: the most cells of a batch.
        seed: an integer from 0.
        epoch: an integer from 0; each has its own order.

    Returns:
        A list of integer arrays of row numbers. Every row stands in exactly one of them.

    Raises:
        ValueError: a pair does not fit `tokens` by itself; the two rows of lengths are not equally long.
    """
    check_at_least(1, tokens=tokens)
    check_at_least(0, seed=seed, epoch=epoch)
    source, target = _as_lengths(source_lengths), _as_lengths(target_lengths)
    if len(source) != len(target):
        raise ValueError(
            f"`target_lengths` must have one entry for each of the {len(source)} `source_lengths`; "
            f"received {len(target)}."
        )
    lengths = np.maximum(np.stack([source, target], axis=1), 1)
    if len(lengths) and (longest := lengths.sum(axis=1).max()) > tokens:
        raise ValueError(
            f"`tokens` must be at least {longest}, the cells of the longest pair; received tokens={tokens}. "
            "Leave out the longest pairs, or take larger batches."
        )
    random = np.random.default_rng([seed, epoch])
    noisy = lengths * random.uniform(1 - TOKEN_NOISE, 1 + TOKEN_NOISE, lengths.shape)
    # By whole target lengths: within one of them, sources of like length stand together.
    batches = _cut_at_tokens(lengths, np.lexsort([noisy[:, 0], np.round(noisy[:, 1])]), tokens)
    return [batches[i] for i in random.permutation(len(batches))]


def sorted_token_batches(lengths: ArrayLike, tokens: int) -> list[np.ndarray]:
    """Returns batches for inference: every row once, the shortest first, as many in each as fit `tokens`.

    A batch of n rows is a padded rectangle of `n * max(1, longest) <= tokens` cells. A row that is longer
    than that by itself is a batch of its own.

    Args:
        lengths: `(rows,)`, how long each row is.
        tokens: the most cells of a batch.

    Returns:
        A list of integer arrays of row numbers, as that of `sorted_batches`.
    """
    check_at_least(1, tokens=tokens)
    cells = np.maximum(_as_lengths(lengths), 1)
    return _cut_at_tokens(cells[:, None], np.argsort(cells, kind="stable"), tokens)


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


def _cut_at_tokens(lengths: np.ndarray, rows: np.ndarray, tokens: int) -> list[np.ndarray]:
    """Cuts `rows`, in their order, before each that would make a batch larger than `tokens` cells.

    Row i has a part of `lengths[i, k]` cells in each rectangle k of the batch.
    """
    starts, longest = [], None
    for position, row in enumerate(lengths[rows].tolist()):
        widened = row if longest is None else list(map(max, longest, row))
        if longest is None or (position - starts[-1] + 1) * sum(widened) > tokens:
            starts.append(position)
            widened = row
        longest = widened
    return np.split(rows, starts[1:]) if starts else []
