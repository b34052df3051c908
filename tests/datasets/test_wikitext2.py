"""WikiText-2 on a miniature of it, and the corpus itself where it is at hand."""

import os
import zipfile

import pytest

from keras_rnn.datasets import wikitext2
from keras_rnn.datasets.download import DownloadError
from tests.datasets.small_corpora import empty_machine, sha256, write_splits

TEXTS = {
    "train": " \n = Cat = \n \n The <unk> @-@ cat caf\u00e9 \n".encode(),
    "validation": b" \n Cat dog \n",
    "test": b" The cat \n",
}


@pytest.fixture(autouse=True)
def an_empty_machine(request, monkeypatch, tmp_path):
    if "data" not in request.keywords:
        empty_machine(monkeypatch, tmp_path)
        monkeypatch.setattr(wikitext2, "URL", "http://127.0.0.1:9/wikitext-2-v1.zip")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    return write_splits(monkeypatch, wikitext2, tmp_path / "data" / "wikitext2", TEXTS)


def tokens(split, **arguments):
    read = wikitext2.load(split, **arguments)
    return read.vocabulary.tokens(read.tokens)


def test_words(folder):
    words = "= Cat = <eos> <eos> The <unk> @-@ cat caf\u00e9"
    assert tokens("train") == ["<eos>", *words.split(" "), "<eos>"]
    assert tokens("validation") == ["<eos>", "Cat", "<unk>", "<eos>"]  # a dog is unknown
    assert wikitext2.load("test").vocabulary.types[:3] == ["<eos>", "=", "Cat"]
    assert tokens("test", path=folder) == ["The", "cat", "<eos>"]


@pytest.mark.parametrize("data", ["data", "home/.cache/keras_rnn/data"])
@pytest.mark.parametrize("download", [True, False])
def test_an_archive_put_there_by_hand_is_unpacked(folder, monkeypatch, tmp_path, data, download):
    expected = {split: tokens(split) for split in TEXTS}
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, _ in wikitext2.FILES.values():
            file.write(folder / name, f"wikitext-2/{name}")
    folder.rename(tmp_path / "old")
    if data != "data":
        monkeypatch.delenv("KERAS_RNN_DATA")
    place = tmp_path / data / "wikitext-2-v1.zip"
    place.parent.mkdir(parents=True, exist_ok=True)
    archive.rename(place)
    with pytest.raises(DownloadError, match=rf"wikitext-2-v1\.zip must be .*{wikitext2.SHA256}"):
        wikitext2.find("test", download=download)
    monkeypatch.setattr(wikitext2, "SHA256", sha256(place.read_bytes()))
    assert {split: tokens(split, download=download) for split in TEXTS} == expected
    assert wikitext2.find("test", download=False) == place.parent / "wikitext2" / "wiki.test.tokens"
    assert sorted(path.name for path in (place.parent / "wikitext2").iterdir()) == sorted(
        name for name, _ in wikitext2.FILES.values()
    )


def test_nothing_found_says_what_goes_where(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"wikitext2/wiki\.test\.tokens must be in .*wikitext-2-v1\.zip"
    ):
        wikitext2.find("test", download=False)
    with pytest.raises(DownloadError, match=rf"save the file by hand as {tmp_path}/data/wikitext-2-v1\.zip"):
        wikitext2.load("test")
    with pytest.raises(ValueError, match=r"`split` must be .* received split='dev'"):
        wikitext2.load("dev")


@pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")
@pytest.mark.data
def test_the_corpus():
    splits = [wikitext2.load(split, download=False) for split in ("train", "validation", "test")]
    assert [len(split) for split in splits] == [2_088_628, 217_646, 245_569]
    assert {len(split.vocabulary) for split in splits} == {33_278}
    assert splits[1].vocabulary.text(splits[1].tokens[:7]) == "\n= Homarus gammarus =\n\n"
