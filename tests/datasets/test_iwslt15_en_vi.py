"""IWSLT 2015 on a miniature: its text is not at hand."""

import pytest

from keras_rnn.datasets import iwslt15_en_vi
from keras_rnn.datasets.download import DownloadError
from tests.datasets.small_corpora import empty_machine, sha256

SPLITS = {"train": "train", "validation": "tst2012", "test": "tst2013"}
TEXTS = {
    f"{file}.{language}": f"{language} {split} .\n\nT\u00f4i {language}\n".encode()
    for split, file in SPLITS.items()
    for language in ("en", "vi")
}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    empty_machine(monkeypatch, tmp_path)
    monkeypatch.setattr(iwslt15_en_vi, "URL", "http://127.0.0.1:9/")
    monkeypatch.setattr(iwslt15_en_vi, "FILES", {name: sha256(text) for name, text in TEXTS.items()})
    folder = tmp_path / "data" / "iwslt15_en_vi"
    folder.mkdir(parents=True)
    for name, text in TEXTS.items():
        (folder / name).write_bytes(text)
    return folder


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("languages", [("en", "vi"), ("vi", "en")])
def test_both_directions(folder, split, languages):
    data = iwslt15_en_vi.load(split, *languages)
    assert data.languages == languages
    for side, language in zip((data.source, data.target), languages):
        assert side == [f"{language} {split} .", "", f"T\u00f4i {language}"]


def test_a_missing_file_and_another_one(folder, tmp_path):
    assert len(iwslt15_en_vi.load(path=folder)) == len(iwslt15_en_vi.load(path=folder.parent)) == 3
    (folder / "tst2012.vi").write_bytes(b"another\n")
    with pytest.raises(DownloadError, match=r"tst2012\.vi must be the file published at http://127"):
        iwslt15_en_vi.load("validation")
    (folder / "tst2012.vi").unlink()
    with pytest.raises(DownloadError, match=f"save the file by hand as {folder}/tst2012.vi"):
        iwslt15_en_vi.load("validation")
    with pytest.raises(FileNotFoundError, match=r"iwslt15_en_vi/tst2012\.vi must be in"):
        iwslt15_en_vi.load("validation", download=False)


def test_other_splits_and_languages_are_refused(folder):
    with pytest.raises(ValueError, match='`split` must be "train", "validation" or "test"'):
        iwslt15_en_vi.load("tst2012")
    with pytest.raises(ValueError, match=r"`source` and `target` must be .*; received 'de'"):
        iwslt15_en_vi.load("train", "en", "de")
    with pytest.raises(ValueError, match="`target` must be another language than `source`; received 'vi'"):
        iwslt15_en_vi.load("train", "vi", "vi")


def test_the_published_files_are_six_with_a_checksum_each():
    assert sorted(iwslt15_en_vi.FILES) == sorted(TEXTS)
    assert {len(checksum) for checksum in iwslt15_en_vi.FILES.values()} == {64}
    assert len(set(iwslt15_en_vi.FILES.values())) == 6
