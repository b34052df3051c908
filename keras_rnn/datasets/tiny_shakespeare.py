"""Tiny Shakespeare: speeches from his plays, 1,115,394 characters of 65 types, for a first language model.

    split         characters
    train          1,003,854    the first 90%
    validation        55,770    the next 5%
    test              55,770    the last 5%

Source: https://github.com/karpathy/char-rnn (1 MB). Terms: public domain.
"""

from __future__ import annotations

from pathlib import Path

from keras_rnn.datasets import text_file
from keras_rnn.datasets.corpus import Corpus
from keras_rnn.datasets.corpus_files import find_file
from keras_rnn.datasets.download import download as fetch

NAME = "tinyshakespeare/input.txt"
URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def load(split: str = "train", path: str | Path | None = None, download: bool = True) -> Corpus:
    """Reads one split, as characters.

    Args:
        split: `"train"`, `"validation"`, `"test"`, or `"all"`.
        path: the `tinyshakespeare` folder, or the folder that holds it; see `find`.
        download: whether to download the file if it is not on this disk.

    Returns:
        The corpus; `<eos>` is the end of a line. Its vocabulary is that of the whole text, most frequent
        character first.

    Raises:
        ValueError: another `split`.
        FileNotFoundError, DownloadError: see `find`.
    """
    return text_file.load(split, find(path, download), level="character")


def find(path: str | Path | None = None, download: bool = True) -> Path:
    """Finds the file, or downloads it.

    Args:
        path: the `tinyshakespeare` folder, or the folder that holds it. If given, no other place is looked
            at; without it, `KERAS_RNN_DATA` and then `~/.cache/keras_rnn/data`.
        download: whether to download the file if it is not on this disk.

    Returns:
        The path of `input.txt`.

    Raises:
        FileNotFoundError: the file is not in `path`, or nowhere and `download` is False.
        DownloadError: it could not be downloaded, or is not the published one.
    """
    bring = (lambda place: fetch(URL, place, SHA256, "Tiny Shakespeare")) if download else None
    return find_file(NAME, SHA256, URL, path, bring)
