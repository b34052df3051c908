"""Piano rolls: found or converted, in their splits, and refused if damaged."""

import os

import numpy as np
import pytest
from scipy.io import savemat

from keras_rnn.datasets import polymusic
from keras_rnn.datasets.download import DownloadError

RANDOM = np.random.default_rng(0)
PIECES = {
    short: [(RANDOM.random((n, 88)) < 0.05).astype("float64") for n in lengths]
    for short, lengths in (("train", (4, 2, 3)), ("valid", (5,)), ("test", (1, 6)))
}


def write_matlab(path):
    cells = {}
    for short, pieces in PIECES.items():
        own = np.empty((1, len(pieces)), object)
        own[0, :] = pieces
        cells[f"{short}data"] = own
    savemat(path, cells)


def test_the_published_form_is_converted_and_read(tmp_path, monkeypatch):
    fetched = []

    def fetch(url, path, sha256, description):
        fetched.append(url)
        write_matlab(path)
        return path

    monkeypatch.setattr(polymusic, "fetch", fetch)
    monkeypatch.setenv("KERAS_RNN_DATA", str(tmp_path))
    for split, short in polymusic.SPLITS.items():
        rolls = polymusic.load(split, "musedata")
        assert [roll.dtype for roll in rolls] == [np.uint8] * len(rolls)
        assert all(np.array_equal(one, other) for one, other in zip(rolls, PIECES[short], strict=True))
    assert fetched == [f"{polymusic.URL}/MuseData.mat"]  # once
    assert (tmp_path / "polymusic" / "MuseData.npz").exists()


def test_what_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_RNN_DATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"`collection` must be one of jsb, .*'bach'"):
        polymusic.load("train", "bach")
    with pytest.raises(ValueError, match="`split`"):
        polymusic.load("valid")
    with pytest.raises(FileNotFoundError, match=r"JSB_Chorales\.npz"):
        polymusic.load(download=False)
    (tmp_path / "polymusic").mkdir()
    damaged = tmp_path / "polymusic" / "JSB_Chorales.npz"
    damaged.write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match="is damaged"):
        polymusic.load(download=False)
    np.savez(damaged, train_roll=np.zeros((3, 88)), train_lengths=[1, 1])
    with pytest.raises(ValueError, match=r"is damaged: \(3, 88\) is not the shape of 2 steps"):
        polymusic.load(download=False)
    savemat(tmp_path / "other.mat", {"traindata": np.zeros(3)})
    with pytest.raises(DownloadError, match="holds no piano rolls"):
        polymusic.convert(tmp_path / "other.mat", tmp_path / "new.npz")
    assert not (tmp_path / "new.npz").exists()


@pytest.mark.data
@pytest.mark.skipif("KERAS_RNN_DATA" not in os.environ, reason="KERAS_RNN_DATA is unset: no real corpora")
def test_the_chorales_are_those_of_the_paper():
    splits = [polymusic.load(split) for split in ("train", "validation", "test")]
    assert [len(rolls) for rolls in splits] == [229, 76, 77]
    assert [sum(map(len, rolls)) for rolls in splits] == [13_807, 4_602, 4_725]
    notes = np.flatnonzero(np.concatenate(splits[0]).sum(0)) + polymusic.LOWEST
    assert (notes.min(), notes.max()) == (43, 96)
