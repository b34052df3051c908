"""Any UTF-8 text file as a corpus for language models."""

from __future__ import annotations

from pathlib import Path

from keras_rnn.datasets.corpus import Corpus, check_split, read_text
from keras_rnn.datasets.vocabulary import Vocabulary, split_tokens

# Of a text, in percent: where a split begins and ends.
SPLITS = {"train": (0, 90), "validation": (90, 95), "test": (95, 100), "all": (0, 100)}


def load(split: str, path: str | Path, level: str = "word", vocabulary: Vocabulary | None = None) -> Corpus:
    r"""Reads a file, or a part of it.

        train = text_file.load("train", "novel.txt", level="character")
        other = text_file.load("all", "another.txt", vocabulary=train.vocabulary)

    Lines end with "\n" or "\r\n"; the last one needs no end. See `Vocabulary` for what a word is.

    Args:
        split: `"train"`, the first 90% of the tokens, `"validation"` and `"test"`, 5% each, or `"all"`.
        path: the file.
        level: `"word"` or `"character"`; that of the `vocabulary`, if one is given.
        vocabulary: the types. By default those of the whole file, the most frequent first, whatever the
            split: no split has an unknown word.

    Returns:
        The corpus.

    Raises:
        FileNotFoundError, OSError: the file cannot be read.
        ValueError: another `split` or `level`; a file that is empty, is no UTF-8, or holds a token that is
            not in the given vocabulary (which has no `<unk>`).
    """
    check_split(split, tuple(SPLITS))
    text = read_text(path)
    if vocabulary is None:
        vocabulary = Vocabulary.from_tokens(split_tokens(text, level), level)
    ids = vocabulary.ids(text)
    begin, end = (len(ids) * percent // 100 for percent in SPLITS[split])
    return Corpus(ids[begin:end], vocabulary)
