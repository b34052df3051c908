"""English sentences with French translations, of Tatoeba, as manythings.org prepares them for Anki.

Short everyday sentences, the shortest first, often with several translations each: 167,130 pairs of 116,830
English and 158,527 French sentences in the file of 2019-04-07. The file is published anew now and then, so no
checksum is fixed, and numbers measured on two versions of it do not compare: name the version.

No split is published. Ours is of whole groups of pairs that share a sentence in either language, up to case
and punctuation: no English and no French sentence stands in two splits. A group belongs to a split by the
checksum of its first English sentence, so most sentences stay in their split in another version of the file.

    split         pairs (2019-04-07)
    train           160,469
    validation        3,366
    test              3,295

Source: http://www.manythings.org/anki/ (6 MB). Terms: CC BY 2.0, manythings.org/anki and tatoeba.org.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from keras_rnn.datasets.corpus import check_split, read_text
from keras_rnn.datasets.corpus_files import find_file
from keras_rnn.datasets.download import DownloadError, data_home
from keras_rnn.datasets.download import download as fetch
from keras_rnn.datasets.parallel_text import ParallelText, sentence_groups
from keras_rnn.files import written_whole

NAME = "anki/fra.txt"
URL = "http://www.manythings.org/anki/fra-eng.zip"
# Of 100 groups: where a split begins and ends.
SPLITS = {"test": (0, 2), "validation": (2, 4), "train": (4, 100)}


def load(
    split: str = "train",
    source: str = "en",
    target: str = "fr",
    path: str | Path | None = None,
    download: bool = True,
) -> ParallelText:
    """Reads one split, in either direction.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        source: the language to translate from: `"en"` or `"fr"`.
        target: the other.
        path: the `anki` folder, or the folder that holds it; see `find`.
        download: whether to download the file if it is not on this disk.

    Returns:
        The pairs, in the order of the file. A sentence with several translations stands in several pairs.

    Raises:
        ValueError: another `split` or language; a line without two columns.
        FileNotFoundError, DownloadError: see `find`.
    """
    check_split(split, ("train", "validation", "test"))
    if {source, target} != {"en", "fr"}:
        raise ValueError(
            f'`source` and `target` must be "en" and "fr", in either order; received {source!r}, {target!r}.'
        )
    english, french = _columns(find(path, download))
    group = sentence_groups(english, french)
    place = np.array([zlib.crc32(sentence.encode()) % 100 for sentence in english])[group]
    begin, end = SPLITS[split]
    sides = (english, french) if source == "en" else (french, english)
    return ParallelText(*sides, (source, target)).select((begin <= place) & (place < end))


def find(path: str | Path | None = None, download: bool = True) -> Path:
    """Finds the file, or downloads the archive and unpacks it.

    An archive that was put into the folder of all corpora by hand is unpacked there.

    Args:
        path: the `anki` folder, or the folder that holds it. If given, no other place is looked at; without
            it, `KERAS_RNN_DATA` and then `~/.cache/keras_rnn/data`.
        download: whether to download the archive if the file is not on this disk.

    Returns:
        The path of `fra.txt`.

    Raises:
        FileNotFoundError: the file is not in `path`, or nowhere and `download` is False.
        DownloadError: the archive could not be downloaded, or is damaged.
    """
    archive = data_home() / URL.rpartition("/")[2]

    def unpack(place: Path) -> None:
        try:
            with zipfile.ZipFile(fetch(URL, archive, None)) as file, written_whole(place) as temporary:
                temporary.write_bytes(file.read("fra.txt"))  # which compares the archive's own checksum
        except (zipfile.BadZipFile, KeyError, zlib.error) as error:
            raise DownloadError(
                f"{archive} must be the complete {URL}; received: {error}. Remove it and call again, or save "
                "the file by hand."
            ) from error

    return find_file(NAME, None, URL, path, unpack if download or archive.exists() else None)


def _columns(file: Path) -> tuple[list[str], list[str]]:
    """English and French. Newer versions of the file name the authors in a third column."""
    rows = [line.split("\t") for line in read_text(file).removesuffix("\n").split("\n")]
    for number, row in enumerate(rows, start=1):
        if len(row) < 2:
            raise ValueError(
                f"{file} must have English and French on each line, with a tab between; line {number:,} has "
                f"none. Unpack {URL} again."
            )
    return [row[0] for row in rows], [row[1] for row in rows]
