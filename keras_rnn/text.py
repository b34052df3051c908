"""Words to ids: the same rule in Python, for id batches without TensorFlow, and in the TensorFlow graph."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

PADDING, UNKNOWN = 0, 1
SPECIAL = ("[PAD]", "[UNK]")

_SPACE = " \t\n\r\f\v"
# The capitals of the Latin, Greek and Cyrillic blocks with their small letters. A table, for `str.lower` and
# the graph's `tf.strings.lower` disagree: their Unicode versions differ, and the latter cuts a text at NUL
# and, in a process with a Turkish locale, makes a dotless i of every I.
_CODES = 0x530
_SMALL = {code: ord(chr(code).lower()) for code in range(_CODES) if len(chr(code).lower()) == 1}
# Applied in this order after lower-casing, by `re` here and by RE2 in the graph: only what both read alike.
_RULES = (
    (f"<br[{_SPACE}]*/?>", " "),
    ("[\u0085\u00a0]", " "),  # the white space beyond ASCII that real reviews hold
    (r"(^|[^a-z0-9])'+", r"\1 "),  # a quotation mark before a word, but not the apostrophe in don't
    (r"'+([^a-z0-9]|$)", r" \1"),  # and after it
    (r"([!-&(-/:-@\[-`{-~])", r" \1 "),  # every other ASCII punctuation mark is a word of its own
)


def split_words(text: str) -> list[str]:
    """Splits a text into lower-case words and punctuation marks.

    Latin, Greek and Cyrillic capitals become small letters one by one, whatever the locale and the Unicode
    version of the process (so a final sigma is an ordinary one); capitals of other scripts stay.

    >>> split_words("Don't miss it!<br />'Great'...")
    ["don't", 'miss', 'it', '!', 'great', '.', '.', '.']
    """
    text = text.translate(_SMALL)
    for pattern, replacement in _RULES:
        text = re.sub(pattern, replacement, text, flags=re.ASCII)
    return [word for word in re.split(f"[{_SPACE}]+", text) if word]


def split_words_in_graph(texts: Any) -> Any:
    """`split_words` as TensorFlow operations: `(batch,)` strings to ragged `(batch, None)` words."""
    import tensorflow as tf

    codes = tf.strings.unicode_decode(texts, "UTF-8")
    small = tf.constant([_SMALL.get(code, code) for code in range(_CODES)])
    lowered = tf.gather(small, tf.minimum(codes.values, _CODES - 1))
    lowered = tf.where(codes.values < _CODES, lowered, codes.values)
    texts = tf.strings.unicode_encode(codes.with_values(lowered), "UTF-8")
    for pattern, replacement in _RULES:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    words = tf.strings.split(tf.strings.regex_replace(texts, f"[{_SPACE}]+", " "), " ")
    return tf.ragged.boolean_mask(words, tf.not_equal(words, ""))


class WordTokenizer:
    """Turns texts into rows of word ids, with a fixed vocabulary.

    Id 0 is padding, 1 an unknown word, 2 the first word of the vocabulary.

    Args:
        words: the vocabulary, most frequent word first.
        max_length: longest row; a longer text is cut as `truncation` says. `None` reads all of it.
        truncation: what is kept of a text that is too long: `"head"`, `"tail"`, or `"ends"`, the first
            quarter of `max_length` and, from the end, the other three.

    Raises:
        ValueError: if there is no word, or one that stands twice, is empty or holds white space, or if
            `max_length` or `truncation` is not one of the above.

    Example:

    >>> tokenizer = WordTokenizer(["a", "film", "good"])
    >>> tokenizer.encode(["A good, good film"])
    [array([2, 4, 1, 4, 3], dtype=int32)]
    """

    def __init__(self, words: Sequence[str], max_length: int | None = None, truncation: str = "ends") -> None:
        if len(set(words)) != len(words):
            twice = [word for word, count in Counter(words).items() if count > 1]
            raise ValueError(f"`words` must not repeat; received twice: {twice[:5]}.")
        if not words:
            raise ValueError("`words` must hold at least one word; received none.")
        broken = [word for word in words if not word or any(space in word for space in _SPACE)]
        if broken:
            raise ValueError(
                f"`words` must be words without white space; received {broken[:5]}. A vocabulary file holds "
                "one word a line and no blank lines."
            )
        if max_length is not None and max_length < 4:
            raise ValueError(
                f"`max_length` must be None or at least 4 words; received max_length={max_length}."
            )
        if truncation not in ("head", "tail", "ends"):
            raise ValueError(
                f"`truncation` must be 'head', 'tail' or 'ends'; received truncation={truncation!r}."
            )
        self.words = list(words)
        self.max_length = max_length
        self.truncation = truncation
        self._ids = {word: id for id, word in enumerate(self.words, start=len(SPECIAL))}
        self._table: Any = None

    @classmethod
    def from_texts(cls, texts: Iterable[str], vocabulary_size: int, **kwargs: Any) -> WordTokenizer:
        """The tokenizer of the most frequent words, as many as fit `vocabulary_size` with the special ids.

        Words of equal frequency stand in alphabetic order, so that the same texts give the same ids.
        """
        if vocabulary_size <= len(SPECIAL):
            raise ValueError(
                f"`vocabulary_size` must be more than the {len(SPECIAL)} special ids; "
                f"received vocabulary_size={vocabulary_size}."
            )
        counts = Counter(word for text in _several(texts) for word in split_words(text))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(ranked[: vocabulary_size - len(SPECIAL)], **kwargs)

    @classmethod
    def from_file(cls, path: str | Path, **kwargs: Any) -> WordTokenizer:
        """Reads a vocabulary file: UTF-8, one word a line."""
        return cls(Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n"), **kwargs)

    def save(self, path: str | Path) -> None:
        """Writes the vocabulary, one word a line."""
        Path(path).write_text("\n".join(self.words) + "\n", encoding="utf-8")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this tokenizer again."""
        return {"words": self.words, "max_length": self.max_length, "truncation": self.truncation}

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the special ones included."""
        return len(self.words) + len(SPECIAL)

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """One int32 array of ids for each text; an empty text gives an empty array."""
        return [
            np.array(self._cut([self._ids.get(word, UNKNOWN) for word in split_words(text)]), np.int32)
            for text in _several(texts)
        ]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The words that the ids stand for, padding left out."""
        names = [*SPECIAL, *self.words]
        return [names[id] for id in ids if id != PADDING]

    def _cut(self, row: list[int]) -> list[int]:
        if self.max_length is None or len(row) <= self.max_length:
            return row
        head, tail = self._kept
        return row[:head] + row[len(row) - tail :]

    @property
    def _kept(self) -> tuple[int, int]:
        """How many words are kept from the beginning and from the end of a text that is too long."""
        if self.max_length is None:
            raise ValueError("`max_length` is None: no text is too long.")
        head = {"head": self.max_length, "tail": 0, "ends": self.max_length // 4}[self.truncation]
        return head, self.max_length - head

    def encode_in_graph(self, texts: Any) -> Any:
        """The same rule as TensorFlow operations: `(batch,)` strings to `(batch, time)` padded int32 ids.

        Whoever exports the graph must track `lookup_table()`, or it is missing in a clean process.
        """
        import tensorflow as tf

        words = split_words_in_graph(texts)
        ids = words.with_values(self.lookup_table().lookup(words.values))
        if self.max_length is not None:
            head, tail = self._kept
            position = tf.ragged.range(ids.row_lengths()).with_row_splits_dtype(ids.row_splits.dtype)
            length = tf.gather(ids.row_lengths(), ids.value_rowids())
            kept = (length <= self.max_length) | (position.values < head) | (position.values >= length - tail)
            ids = tf.ragged.boolean_mask(ids, ids.with_values(kept))
        dense = ids.to_tensor(PADDING)
        return tf.cond(tf.shape(dense)[1] > 0, lambda: dense, lambda: tf.pad(dense, [[0, 0], [0, 1]]))

    def lookup_table(self) -> Any:
        """The vocabulary as a TensorFlow hash table, made once."""
        import tensorflow as tf

        if self._table is None:
            with tf.init_scope():  # the table must outlive the graph in which it is first wanted
                ids = tf.range(len(SPECIAL), self.vocabulary_size, dtype=tf.int32)
                entries = tf.lookup.KeyValueTensorInitializer(tf.constant(self.words, tf.string), ids)
                self._table = tf.lookup.StaticHashTable(entries, UNKNOWN)
        return self._table


def _several(texts: Iterable[str]) -> Iterable[str]:
    # A string is an iterable of strings, too, and would pass as so many texts of one letter.
    if isinstance(texts, str):
        raise TypeError(f"`texts` must be several texts; received one, {texts[:40]!r}. Put it in a list.")
    return texts
