"""The IMDB reviews as a text for language models, one review a line.

    split         reviews  from
    train          74,000  the 25,000 training reviews and the 50,000 unlabelled ones
    validation      1,000  the same
    test            1,000  the test reviews, which the other splits leave unread

in the words and punctuation marks of `keras_rnn.text.split_words`, with `<eos>` after each review: 20,042,627
tokens in the training, of which one in 66 is `<unk>`, and 256,688 in the validation. The reviews are
shuffled, always in the same way, so that neighbours are not of one film. Source and terms: see
`keras_rnn.datasets.imdb`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from keras_rnn.datasets import imdb
from keras_rnn.datasets.corpus import Corpus, check_split
from keras_rnn.datasets.vocabulary import END, Vocabulary
from keras_rnn.text import PADDING, SPECIAL, UNKNOWN, split_words

SPLITS = ("train", "validation", "test")
HELD_OUT, SEED = 1_000, 1


def load(
    split: str = "train",
    path: str | Path | None = None,
    download: bool = True,
    vocabulary_size: int = 30_000,
) -> Corpus:
    """Reads one split. That of the training takes a minute or two, and is needed for the others' ids.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: the `aclImdb` folder, or the folder that holds it; see `keras_rnn.datasets.imdb.find`.
        download: whether to download the reviews if they are not on this disk.
        vocabulary_size: number of types, `<eos>` (0) and `<unk>` (1) among them.

    Returns:
        The corpus. Its vocabulary is that of the training split, most frequent word first after the two:
        `corpus.vocabulary.tokenizer()` gives a classifier the same ids.

    Raises:
        ValueError: another `split`; and see `keras_rnn.datasets.imdb.load`.
        FileNotFoundError, DownloadError: see `keras_rnn.datasets.imdb.find`.
    """
    check_split(split, SPLITS)
    folder = imdb.find(path, download)
    vocabulary, train, validation = _reviews(folder, vocabulary_size)
    if split != "test":
        return Corpus(train if split == "train" else validation, vocabulary)
    texts = imdb.load("test", folder).texts
    chosen = np.random.default_rng(SEED).permutation(len(texts))[:HELD_OUT]
    words = [word for k in chosen for word in (*split_words(texts[k]), END)]
    return Corpus(vocabulary.ids(words), vocabulary)


@lru_cache(maxsize=1)
def _reviews(folder: Path, vocabulary_size: int) -> tuple[Vocabulary, np.ndarray, np.ndarray]:
    """The vocabulary, and the ids of training and validation; kept, for they are read one after the other."""
    texts = [*imdb.load("train", folder).texts, *imdb.load_unlabelled(folder)]
    order = np.random.default_rng(SEED).permutation(len(texts))
    # 21 million words as strings would fill a gigabyte: each is numbered when it is first seen.
    numbers: dict[str, int] = {END: 0}
    rows = [
        np.array([numbers.setdefault(word, len(numbers)) for word in (*split_words(texts[k]), END)], np.int32)
        for k in order
    ]
    train, validation = np.concatenate(rows[HELD_OUT:]), np.concatenate(rows[:HELD_OUT])
    counts = np.bincount(train, minlength=len(numbers))
    names = list(numbers)
    found = [k for k in range(1, len(names)) if counts[k]]
    # As `WordTokenizer.from_texts` ranks them.
    ranked = sorted(found, key=lambda k: (-counts[k], names[k]))[: vocabulary_size - len(SPECIAL)]
    ids = np.full(len(names), UNKNOWN, np.int32)
    ids[0], ids[ranked] = PADDING, np.arange(len(SPECIAL), len(SPECIAL) + len(ranked))
    return Vocabulary.from_words([names[k] for k in ranked]), ids[train], ids[validation]
