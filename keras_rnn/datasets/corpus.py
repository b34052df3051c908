"""A text as a row of ids: what the loaders for language models return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_rnn.datasets.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    r"""A text as ids, and the vocabulary they belong to.

    >>> vocabulary = Vocabulary(["the", "<eos>", "cat"])
    >>> Corpus(vocabulary.ids("the cat\nthe the\n"), vocabulary)
    Corpus(6 words in 2 lines, 3 types)

    Args:
        tokens: `(tokens,)` ids, as int32; `<eos>` stands at the end of each line.
        vocabulary: the types.
    """

    tokens: np.ndarray
    vocabulary: Vocabulary

    @property
    def level(self) -> str:
        """What a token is, `"word"` or `"character"`."""
        return self.vocabulary.level

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        lines = np.count_nonzero(self.tokens == self.vocabulary.end)
        return (
            f"{type(self).__name__}({len(self):,} {self.level}s in {lines:,} lines, "
            f"{len(self.vocabulary):,} types)"
        )


def read_text(path: str | Path) -> str:
    r"""Reads a UTF-8 file whose lines end with "\n" or "\r\n", the last one perhaps with nothing.

    Returns:
        The text, in which every line ends with "\n", the last one too.

    Raises:
        FileNotFoundError, OSError: the file cannot be read.
        ValueError: the file is empty, holds nothing but white space, or is no UTF-8.
    """
    # Bytes, and no `splitlines`: Python would also end lines at U+0085 and other characters.
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be UTF-8; byte {error.start} is not. Convert it, or take another file."
        ) from error
    if not text.strip():
        raise ValueError(f"{path} must hold text; received {len(data)} bytes without any. Take another file.")
    return text if text.endswith("\n") else text + "\n"


def check_split(split: str, splits: tuple[str, ...]) -> None:
    """Raises ValueError unless `split` is one of them."""
    if split not in splits:
        names = ", ".join(f'"{name}"' for name in splits[:-1])
        raise ValueError(f'`split` must be {names} or "{splits[-1]}"; received split={split!r}.')
