"""Tiny Shakespeare on a miniature of it, and the corpus itself where it is at hand."""

import os

import numpy as np
import pytest

from keras_rnn.datasets import tiny_shakespeare
from keras_rnn.datasets.download import DownloadError
from tests.datasets.small_corpora import empty_machine, sha256

TEXT = b"First Citizen:\nSpeak.\n\nAll:\nSpeak, speak.\n"


@pytest.fixture(autouse=True)
def an_empty_machine(request, monkeypatch, tmp_path):
    if "data" not in request.keywords:
        empty_machine(monkeypatch, tmp_path)
        monkeypatch.setattr(tiny_shakespeare, "URL", "http://127.0.0.1:9/input.txt")


def test_characters_in_splits(monkeypatch, tmp_path):
    folder = tmp_path / "data" / "tinyshakespeare"
    folder.mkdir(parents=True)
    (folder / "input.txt").write_bytes(TEXT)
    with pytest.raises(DownloadError, match=r"input\.txt must be the file published at"):
        tiny_shakespeare.load()
    monkeypatch.setattr(tiny_shakespeare, "SHA256", sha256(TEXT))
    parts = [tiny_shakespeare.load(split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [37, 2, 3]
    assert "".join(part.vocabulary.text(part.tokens) for part in parts).encode() == TEXT
    assert tiny_shakespeare.load("all", folder).tokens.shape == (42,)
    assert parts[2].level == "character"


def test_nothing_found_says_what_goes_where(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tinyshakespeare/input\.txt must be in .* Put http://127"):
        tiny_shakespeare.find(download=False)
    with pytest.raises(DownloadError, match=f"by hand as {tmp_path}/data/tinyshakespeare/input.txt"):
        tiny_shakespeare.load("test")


@pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")
@pytest.mark.data
def test_the_corpus():
    parts = [tiny_shakespeare.load(split, download=False) for split in ("train", "validation", "test", "all")]
    assert [len(part) for part in parts] == [1_003_854, 55_770, 55_770, 1_115_394]
    assert {len(part.vocabulary) for part in parts} == {65}
    assert np.unique(parts[0].tokens).tolist() == list(range(65))
    assert parts[0].vocabulary.text(parts[0].tokens[:20]) == "First Citizen:\nBefor"
