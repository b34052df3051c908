"""The words or characters of a language model, and their ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_rnn.files import write_text
from keras_rnn.text import WordTokenizer, split_words

END, UNKNOWN = "<eos>", "<unk>"
LOWER_CASE = "lower-case word"
LEVELS = ("word", "character", LOWER_CASE)
#: ASCII's record separator, a word of its own for `split_words`, which takes "\n" for white space.
LINE_END = "\x1e"


class Vocabulary:
    r"""The types of a text, in the order of their ids.

    A text is read as words between white space, or as characters; at both levels the token `<eos>` stands
    for each end of a line. White space is that of ASCII, and a line ends with "\n" alone: what Unicode adds,
    U+0085 for one, belongs to the words. Nothing is lower-cased, cut or left out; but of the level
    "lower-case word" it is: its words and punctuation marks are those of `keras_rnn.text.split_words`.

    Args:
        types: all different words, or all different characters.
        level: `"word"`, `"character"` or `"lower-case word"`. Default `"word"`.

    Raises:
        ValueError: if a type stands twice, is empty or cannot be a token of the level; for another `level`.

    Example:

    >>> vocabulary = Vocabulary(["the", "<eos>", "<unk>", "cat"])
    >>> vocabulary.ids("the cat\nthe dog\n")
    array([0, 3, 1, 0, 2, 1], dtype=int32)
    >>> vocabulary.tokens([0, 3, 1])
    ['the', 'cat', '<eos>']
    >>> vocabulary.text([0, 3, 1, 0, 2])
    'the cat\nthe <unk>'
    >>> len(vocabulary), vocabulary.end, vocabulary.unknown
    (4, 1, 2)
    """

    def __init__(self, types: Sequence[str], level: str = "word") -> None:
        check_level(level)
        twice = [token for token, count in Counter(types).items() if count > 1]
        if twice or not types:
            raise ValueError(
                f"`types` must be tokens, all different; received {len(types)}, of which {twice[:5]} twice."
            )
        named = (END, UNKNOWN)  # of more than one character, at either level
        broken = [token for token in types if split_tokens(token, level) != [token] and token not in named]
        if broken:
            raise ValueError(
                f"`types` must be single {level}s; received {broken[:5]}. A vocabulary file holds one a "
                "line, and no blank lines."
            )
        self.types = list(types)
        self.level = level
        self._ids = {token: id for id, token in enumerate(self.types)}
        #: The id of `<eos>`, which ends each line, and of `<unk>`, for words that are not here; or None.
        self.end, self.unknown = self._ids.get(END), self._ids.get(UNKNOWN)

    @classmethod
    def from_tokens(cls, tokens: Iterable[str], level: str = "word") -> Vocabulary:
        """All types of a text, the most frequent first, and the earlier one first where two are equal."""
        return cls([token for token, _ in Counter(tokens).most_common()], level)

    @classmethod
    def from_words(cls, words: Sequence[str]) -> Vocabulary:
        """That of a `keras_rnn.text.WordTokenizer` of these words, with its ids.

        `<eos>` has the id of its padding, `<unk>` that of its unknown word.
        """
        return cls([END, UNKNOWN, *words], LOWER_CASE)

    def tokenizer(self, **kwargs: Any) -> WordTokenizer:
        """The tokenizer with the same ids: the way back from `from_words`.

        Args:
            **kwargs: `max_length` and `truncation` of the `WordTokenizer`.

        Raises:
            ValueError: if the vocabulary is not of the kind that `from_words` makes.
        """
        if self.level != LOWER_CASE or self.types[:2] != [END, UNKNOWN]:
            raise ValueError(
                f"The vocabulary must be of lower-case words, after {END} and {UNKNOWN}, to be that of a "
                f"tokenizer; received {self!r}, of which the first are {self.types[:2]}. Make it with "
                "Vocabulary.from_words(tokenizer.words)."
            )
        return WordTokenizer(self.types[2:], **kwargs)

    @classmethod
    def from_file(cls, path: str | Path, level: str = "word") -> Vocabulary:
        """Reads a vocabulary file: UTF-8, one type a line."""
        # Bytes: in a file that is opened as text, a carriage return ends a line, too.
        return cls(Path(path).read_bytes().decode("utf-8").removesuffix("\n").split("\n"), level)

    def save(self, path: str | Path) -> None:
        """Writes the vocabulary, one type a line."""
        write_text(path, "\n".join(self.types) + "\n")

    def __len__(self) -> int:
        return len(self.types)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} types of {self.level}s)"

    def ids(self, text: str | Iterable[str]) -> np.ndarray:
        """The ids of a text, or of its tokens.

        Args:
            text: a string, or tokens such as `tokens` gives.

        Returns:
            `(tokens,)` int32. A token that is no type is `<unk>`, if there is such a type.

        Raises:
            ValueError: names the first token that is no type, and its line, if there is no `<unk>`.
        """
        tokens = split_tokens(text, self.level) if isinstance(text, str) else list(text)
        missing = -1 if self.unknown is None else self.unknown
        ids = np.array([self._ids.get(token, missing) for token in tokens], np.int32)
        if (ids < 0).any():
            place = int(np.argmax(ids < 0))
            raise ValueError(
                f"`text` must consist of the {len(self):,} {self.level}s of the vocabulary, which has no "
                f"{UNKNOWN}; received {tokens[place]!r} in line {tokens[:place].count(END) + 1}. "
                "Take it out, or take a vocabulary that has it."
            )
        return ids

    def tokens(self, ids: ArrayLike) -> list[str]:
        """The types of the ids."""
        ids = np.asarray(ids)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self):
            raise ValueError(
                f"`ids` must lie in 0..{len(self) - 1}; received ids from {ids.min()} to {ids.max()}. "
                "Take the vocabulary that the ids were made with."
            )
        return [self.types[id] for id in ids.tolist()]

    def text(self, ids: ArrayLike) -> str:
        r"""The tokens of the ids as one string, words with a space between, and "\n" for `<eos>`."""
        tokens = ["\n" if token == END else token for token in self.tokens(ids)]
        return "".join(tokens) if self.level == "character" else re.sub(" ?\n ?", "\n", " ".join(tokens))


def split_tokens(text: str, level: str) -> list[str]:
    r"""Splits a text into words or characters, with `<eos>` for each "\n".

    >>> split_tokens(" no it was\nn't \n", "word")
    ['no', 'it', 'was', '<eos>', "n't", '<eos>']
    >>> split_tokens("no\n", "character")
    ['n', 'o', '<eos>']
    >>> split_tokens("No!\n", "lower-case word")
    ['no', '!', '<eos>']
    """
    if level == LOWER_CASE:
        words = split_words(text.replace("\n", f" {LINE_END} "))
        return [END if word == LINE_END else word for word in words]
    pieces: Iterable[str] = re.findall(r"\n|\S+", text, re.ASCII) if level == "word" else text
    return [END if piece == "\n" else piece for piece in pieces]


def check_level(level: str) -> None:
    """Raises ValueError unless `level` is one of `LEVELS`."""
    if level not in LEVELS:
        raise ValueError(f"`level` must be one of {LEVELS}; received level={level!r}.")
