"""Sentence pairs as rows of ids, cut into pieces once or anew in each epoch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_rnn.datasets import ParallelText
from keras_rnn.models.pair_batches import PairBatches
from keras_rnn.subwords import END, START, SubwordTokenizer

#: Pieces of a sentence that are read; the rest is left out, with a warning.
LONGEST = 512

Encode = Callable[..., list[np.ndarray]]


def source_rows(tokenizer: SubwordTokenizer, texts: Sequence[str], **sampling: Any) -> list[np.ndarray]:
    """Each sentence with its end."""
    rows = tokenizer.encode(texts, **sampling)
    long = [k for k, row in enumerate(rows) if len(row) > LONGEST - 1]
    if long:
        warnings.warn(
            f"Sentence {long[0] + 1} has {len(rows[long[0]])} pieces; {LONGEST - 1} of them are read. "
            "Cut long texts into sentences.",
            stacklevel=4,
        )
    return [np.append(row[: LONGEST - 1], np.int32(END)) for row in rows]


def target_rows(tokenizer: SubwordTokenizer, texts: Sequence[str], **sampling: Any) -> list[np.ndarray]:
    """Each sentence with start and end."""
    return [
        np.concatenate([[START], row, [END]], dtype=np.int32) for row in tokenizer.encode(texts, **sampling)
    ]


def sentence_batches(
    x: ParallelText,
    source: Encode,
    target: Encode,
    batch_size: int,
    sampling: float = 0.0,
    seed: int = 0,
    **options: Any,
) -> PairBatches:
    """The batches of sentence pairs.

    Args:
        x: the pairs.
        source, target: make rows of the sentences of a side, given `sampling` and a seed.
        batch_size, seed, options: see `PairBatches`.
        sampling: above 0, each epoch has pieces of its own: see `SubwordTokenizer.encode`.
    """

    def encode(epoch: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        draw = 2 * (1000 * seed + epoch) % 2**31
        return (
            source(x.source, sampling=sampling, seed=draw),
            target(x.target, sampling=sampling, seed=draw + 1),
        )

    if sampling:
        return PairBatches(batch_size=batch_size, seed=seed, encode=encode, **options)
    return PairBatches(*encode(0), batch_size=batch_size, seed=seed, **options)
