"""IWSLT 2015 English-Vietnamese: subtitles of TED talks, in the preprocessing of Luong and Manning.

    split         file       sentences
    train         train        133,317
    validation    tst2012        1,553
    test          tst2013        1,268

True case, split into tokens by white space.

Source: https://nlp.stanford.edu/projects/nmt/ (32 MB). Terms: none stated there; the talks are TED's,
CC BY-NC-ND. M.-T. Luong, C. D. Manning, "Stanford Neural Machine Translation Systems for Spoken Language
Domains", IWSLT 2015.
"""

from __future__ import annotations

from pathlib import Path

from keras_rnn.datasets import aligned_files
from keras_rnn.datasets.corpus import check_split
from keras_rnn.datasets.corpus_files import find_file
from keras_rnn.datasets.download import download as fetch
from keras_rnn.datasets.parallel_text import ParallelText

FOLDER = "iwslt15_en_vi"
URL = "https://nlp.stanford.edu/projects/nmt/data/iwslt15.en-vi/"
LANGUAGES = ("en", "vi")
SPLITS = {"train": "train", "validation": "tst2012", "test": "tst2013"}
FILES = {
    "train.en": "c26dfeed74b6bf3752f5ca552f2412456f0de153f7c804df8717931fb3a5c78a",
    "train.vi": "707206edf2dc0280273952c7b70544ea8a1363aa69aaeb9d70514b888dc3067d",
    "tst2012.en": "b8fbcd0d4199d41276421d1f7228298df67dd9e2c5c134c2ee8cdf3ec27801e2",
    "tst2012.vi": "01004078b3f36b0c46e81b65fc6851230b3c823405c76d1d82ef3b786b512ff0",
    "tst2013.en": "3860ce60bc5b85d96cc2d3d580cf1bc9d62440e939c1b964676d3607c4e8f1df",
    "tst2013.vi": "29af16842808da2812b8fd4d47fc05d082ba870e60ab7755090ad04b380994cd",
}


def load(
    split: str = "train",
    source: str = "en",
    target: str = "vi",
    path: str | Path | None = None,
    download: bool = True,
) -> ParallelText:
    """Reads one split, in either direction.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        source: the language to translate from: `"en"` or `"vi"`.
        target: the other.
        path: the `iwslt15_en_vi` folder, or the folder that holds it; see `find`.
        download: whether to download the files if they are not on this disk.

    Returns:
        The sentences as published.

    Raises:
        ValueError: another `split` or language, or the same language twice.
        FileNotFoundError, DownloadError: see `find`.
    """
    if source == target:
        raise ValueError(f"`target` must be another language than `source`; received {target!r} for both.")
    files = [find(split, language, path, download) for language in (source, target)]
    return aligned_files.load(files[0], files[1], (source, target))


def find(split: str, language: str, path: str | Path | None = None, download: bool = True) -> Path:
    """Finds the file of one split in one language, or downloads it.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        language: `"en"` or `"vi"`.
        path: the `iwslt15_en_vi` folder, or the folder that holds it. If given, no other place is looked at;
            without it, `KERAS_RNN_DATA` and then `~/.cache/keras_rnn/data`.
        download: whether to download the file if it is not on this disk.

    Returns:
        The path of `train.en` and so on.

    Raises:
        ValueError: another `split` or `language`.
        FileNotFoundError: the file is not in `path`, or nowhere and `download` is False.
        DownloadError: it could not be downloaded, or is not the published one.
    """
    check_split(split, tuple(SPLITS))
    if language not in LANGUAGES:
        raise ValueError(f'`source` and `target` must be "en" or "vi"; received {language!r}.')
    name = f"{SPLITS[split]}.{language}"
    bring = (lambda place: fetch(URL + name, place, FILES[name])) if download else None
    return find_file(f"{FOLDER}/{name}", FILES[name], URL + name, path, bring)
