"""Multi30k on a miniature of it, packed and unpacked, and the corpus itself where it is at hand."""

import gzip
import os

import pytest

from keras_rnn.datasets import multi30k
from keras_rnn.datasets.download import DownloadError
from tests.datasets.small_corpora import empty_machine, sha256

LANGUAGES = ("en", "de", "fr")
SPLITS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
TEXTS = {
    f"{file}.{language}": f"{language} {split} Eins\n\u00c4 {language}\u00a0{split}\n".encode()
    for split, file in SPLITS.items()
    for language in LANGUAGES
}
PACKED = {name: gzip.compress(text, mtime=0) for name, text in TEXTS.items()}


@pytest.fixture(autouse=True)
def an_empty_machine(request, monkeypatch, tmp_path):
    if "data" not in request.keywords:
        empty_machine(monkeypatch, tmp_path)
        monkeypatch.setattr(multi30k, "URL", "http://127.0.0.1:9/")
        files = {name: (sha256(TEXTS[name]), sha256(PACKED[name])) for name in TEXTS}
        monkeypatch.setattr(multi30k, "FILES", files)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data" / "multi30k"
    folder.mkdir(parents=True)
    for name, text in TEXTS.items():
        (folder / name).write_bytes(text)
    return folder


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("source", LANGUAGES)
@pytest.mark.parametrize("target", LANGUAGES)
def test_any_direction(folder, split, source, target):
    if source == target:
        with pytest.raises(ValueError, match=f"`target` must be another .* received '{target}' for both"):
            multi30k.load(split, source, target)
        return
    data = multi30k.load(split, source, target)
    assert data.languages == (source, target)
    assert data.source == [f"{source} {split} Eins", f"\u00c4 {source}\u00a0{split}"]
    assert data.target == [f"{target} {split} Eins", f"\u00c4 {target}\u00a0{split}"]


def test_find_takes_the_folder_or_its_parent(folder, tmp_path):
    file = folder / "val.fr"
    assert (
        multi30k.find("validation", "fr", folder) == multi30k.find("validation", "fr", folder.parent) == file
    )
    assert multi30k.find("validation", "fr") == file
    folder.parent.rename(tmp_path / "elsewhere")
    assert multi30k.load("test", path=tmp_path / "elsewhere").target[0] == "de test Eins"
    with pytest.raises(
        FileNotFoundError, match=r"holds multi30k/train\.en; .* Put http://127\.0\.0\.1:9/train\.en\.gz"
    ):
        multi30k.find("train", "en", tmp_path)


def test_a_packed_file_is_unpacked_without_a_connection(tmp_path):
    folder = tmp_path / "data" / "multi30k"
    folder.mkdir(parents=True)
    for language in ("en", "fr"):
        (folder / f"val.{language}.gz").write_bytes(PACKED[f"val.{language}"])
    assert multi30k.load("validation", "fr", "en", download=False).source[0] == "fr validation Eins"
    assert (folder / "val.fr").read_bytes() == TEXTS["val.fr"]


def test_nothing_found_says_what_goes_where(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"multi30k/train\.en must be in .*Put http://127.*train\.en\.gz there"
    ):
        multi30k.load(download=False)
    assert not (tmp_path / "data").exists()
    with pytest.raises(DownloadError, match=f"save the file by hand as {tmp_path}/data/multi30k/train.en.gz"):
        multi30k.load()


def test_another_file_under_the_name_is_an_error(folder):
    (folder / "train.de").write_bytes(TEXTS["train.en"])
    with pytest.raises(DownloadError, match=r"train\.de must be the file published at http://127"):
        multi30k.load("train")
    (folder / "train.de").unlink()
    (folder / "train.de.gz").write_bytes(PACKED["train.en"])
    with pytest.raises(DownloadError, match=r"train\.de\.gz must be the file published at http://127"):
        multi30k.load("train")
    assert not (folder / "train.de").exists()


def test_other_splits_and_languages_are_refused(folder):
    with pytest.raises(ValueError, match=r'`split` must be "train", "validation" or "test"; .*\'val\''):
        multi30k.load("val")
    with pytest.raises(ValueError, match=r"`source` and `target` must be .*; received 'cs'"):
        multi30k.load("train", "en", "cs")


needs_data = pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")


@needs_data
@pytest.mark.data
def test_the_corpus():
    data = {split: multi30k.load(split, download=False) for split in SPLITS}
    assert [len(part) for part in data.values()] == [29_000, 1_014, 1_000]
    assert data["test"].source[0] == "A man in an orange hat starring at something."
    assert data["test"].target[0] == "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt."
    assert sum("\u00a0" in sentence for sentence in data["train"].target) == 44
    assert multi30k.load("test", "fr", "en", download=False).target == data["test"].source
    assert all(sentence.strip() for part in data.values() for sentence in part.source + part.target)
