"""What a translator gives for a sentence: text, score, pieces, attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_rnn.ops.decoding_step import check_penalties


class Translation(NamedTuple):
    """One hypothesis: its text, its score, the pieces of both sides, and how the one read the other.

    `attention` is `(pieces, source_pieces)`, or None of a model without. Both sides end with the piece
    `</s>`, the target unless it was cut off.
    """

    text: str
    score: float
    pieces: list[str]
    source_pieces: list[str]
    attention: np.ndarray | None


def check_search(
    beam_size: Any, n_best: Any, max_length: Any, length_penalty: Any, coverage_penalty: Any
) -> None:
    """Raises ValueError, which names it, if a number is out of its range."""
    for name, value in (("beam_size", beam_size), ("n_best", n_best)):
        if not (hasattr(value, "__index__") and value >= 1):
            raise ValueError(f"`{name}` must be a positive integer; received {name}={value!r}.")
    if n_best > beam_size:
        raise ValueError(
            f"`n_best` must be at most `beam_size`; received n_best={n_best}, beam_size={beam_size}."
        )
    if max_length is not None and not (hasattr(max_length, "__index__") and max_length >= 1):
        raise ValueError(f"`max_length` must be a positive integer; received max_length={max_length!r}.")
    check_penalties(length_penalty, coverage_penalty)


def read_hypotheses(
    hypotheses: Any, source: Sequence[np.ndarray], source_tokenizer: Any, target_tokenizer: Any
) -> Iterator[list[Translation]]:
    """Of each row the translations that there are, the best first.

    Args:
        hypotheses: `keras_rnn.ops.decoding_step.Hypotheses`.
        source: the ids of each row, without padding.
        source_tokenizer, target_tokenizer: of the two sides.
    """
    ids, lengths, scores = (
        ops.convert_to_numpy(part) for part in (hypotheses.ids, hypotheses.lengths, hypotheses.scores)
    )
    attention = None if hypotheses.attention is None else ops.convert_to_numpy(hypotheses.attention)
    pieces, of_source = target_tokenizer.pieces, source_tokenizer.pieces
    for b, row in enumerate(source):
        own = []
        for n in range(ids.shape[1]):
            if n and not np.isfinite(scores[b, n]):
                continue  # fewer than so many are possible
            written = ids[b, n, : lengths[b, n]]
            weights = None if attention is None else attention[b, n, : len(written), : len(row)]
            text = target_tokenizer.decode([written])[0]
            shown = [pieces[id] for id in written], [of_source[id] for id in row]
            own.append(Translation(text, float(scores[b, n]), *shown, weights))
        yield own
