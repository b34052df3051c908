"""Sentence pairs as rows of ids, cut into pieces once or anew in each epoch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_rnn.datasets import ParallelText
from keras_rnn.models.pair_batches import PairBatches
from keras_rnn.subwords import END, START, SubwordTokenizer
from keras_rnn.text import UNKNOWN

#: Pieces of a sentence that are read, its end included; the rest is left out, with a warning.
LONGEST = 512

#: What SentencePiece has in the place of a space.
SPACE = "\u2581"

Encode = Callable[..., list[np.ndarray]]


def source_rows(tokenizer: SubwordTokenizer, texts: Sequence[str], **sampling: Any) -> list[np.ndarray]:
    """Each sentence, or its first pieces, with its end."""
    return [np.append(row, np.int32(END)) for row in _cut(tokenizer.encode(texts, **sampling), "Sentence")]


def target_rows(tokenizer: SubwordTokenizer, texts: Sequence[str], **sampling: Any) -> list[np.ndarray]:
    """Each sentence, or its first pieces, with start and end."""
    rows = _cut(tokenizer.encode(texts, **sampling), "Target sentence")
    return [np.concatenate([[START], row, [END]], dtype=np.int32) for row in rows]


def warn_of_unknown(tokenizer: SubwordTokenizer, rows: Sequence[np.ndarray]) -> None:
    """Names the sentences in which the vocabulary knows nothing, the rows of `source_rows` given."""
    blank = [UNKNOWN, END, *(id for id, piece in enumerate(tokenizer.pieces) if piece == SPACE)]
    nothing = [k + 1 for k, row in enumerate(rows) if len(row) > 1 and np.isin(row, blank).all()]
    if nothing:
        warnings.warn(
            f"{_named('Sentence', nothing)} no character that the vocabulary knows; the translation is made "
            "up.",
            stacklevel=3,
        )


def _cut(rows: Sequence[np.ndarray], kind: str) -> list[np.ndarray]:
    most = LONGEST - 1
    long = [k + 1 for k, row in enumerate(rows) if len(row) > most]
    if long:
        warnings.warn(
            f"{_named(kind, long)} more than {most} pieces; the first {most} of them are read. Cut long "
            "texts into sentences.",
            stacklevel=5,
        )
    return [row[:most] for row in rows]


def _named(kind: str, numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"{kind} {numbers[0]} has"
    told = ", ".join(map(str, numbers[:9]))
    return f"{len(numbers)} {kind.lower()}s ({told}{', …' if len(numbers) > 9 else ''}) have"


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
