"""Anki's sentence pairs, on a miniature and on the file where it is at hand: no sentence in two splits."""

import io
import os
import zipfile
import zlib

import pytest

from keras_rnn.datasets import anki
from keras_rnn.datasets.download import DownloadError
from tests.datasets.small_corpora import empty_machine

SPLITS = ("train", "validation", "test")
PINNED = [26, 124, 199, 257]
PAIRS = [(f"Word {k % 700}!", f"Mot {k % 500} {k // 100} ?") for k in range(1000)]


@pytest.fixture(autouse=True)
def an_empty_machine(request, monkeypatch, tmp_path):
    if "data" not in request.keywords:
        empty_machine(monkeypatch, tmp_path)
        monkeypatch.setattr(anki, "URL", "http://127.0.0.1:9/fra-eng.zip")


def text_of(pairs, third=""):
    return "".join(f"{english}\t{french}{third}\n" for english, french in pairs).encode()


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "data" / "anki" / "fra.txt"
    file.parent.mkdir(parents=True)
    file.write_bytes(text_of(PAIRS))
    return file


def rows(data):
    return list(zip(data.source, data.target))


def test_every_pair_stands_in_one_split_and_no_sentence_in_two(file):
    data = [anki.load(split) for split in SPLITS]
    assert sorted(pair for part in data for pair in rows(part)) == sorted(PAIRS)
    for part in data:
        assert part.languages == ("en", "fr")
        assert [pair for pair in PAIRS if pair in set(rows(part))] == rows(part)  # the file's order
        for other in data:
            if other is not part:
                assert not set(part.source) & set(other.source)
                assert not set(part.target) & set(other.target)
    assert len(data[0]) > 900
    assert min(len(data[1]), len(data[2])) > 5


def test_the_checksum_of_the_first_english_sentence_decides(file):
    alone = [(f"S{k}.", f"T{k}.") for k in range(300)]
    file.write_bytes(text_of(alone))
    held_out = [english for english, _ in alone if zlib.crc32(english.encode()) % 100 < 2]
    assert anki.load("test").source == held_out == [f"S{k}." for k in PINNED]
    # Linked to a pair before it, in French, each later pair follows that one.
    linked = [*alone, *((f"later {english}", french) for english, french in alone)]
    file.write_bytes(text_of(linked))
    assert anki.load("test").source == [*held_out, *(f"later {english}" for english in held_out)]


def test_the_other_direction_is_the_same_pairs(file):
    there, back = anki.load("test"), anki.load("test", "fr", "en")
    assert (back.source, back.target, back.languages) == (there.target, there.source, ("fr", "en"))


def test_a_third_column_and_other_ends_of_lines_change_nothing(file):
    before = rows(anki.load("train"))
    file.write_bytes(text_of(PAIRS, "\tCC-BY 2.0 tatoeba.org #1 & #2").replace(b"\n", b"\r\n"))
    assert rows(anki.load("train")) == before


def test_a_line_without_a_tab_is_named(file):
    file.write_bytes(text_of(PAIRS[:7]) + b"Go. Va !\n")
    with pytest.raises(ValueError, match=r"fra\.txt must have English and French .* line 8 has none"):
        anki.load()


def archive_of(name):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text_of(PAIRS))
    return packed.getvalue()


def test_an_archive_saved_by_hand_is_unpacked(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fra-eng.zip").write_bytes(archive_of("fra.txt"))
    assert sum(len(anki.load(split, download=False)) for split in SPLITS) == 1000
    assert (tmp_path / "data" / "anki" / "fra.txt").read_bytes() == text_of(PAIRS)


@pytest.mark.parametrize(
    "damage", [lambda z: z[:500], lambda z: z[:300] + b"??" + z[302:], lambda z: archive_of("x")]
)
def test_a_damaged_archive_leaves_nothing_behind(tmp_path, damage):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fra-eng.zip").write_bytes(damage(archive_of("fra.txt")))
    with pytest.raises(DownloadError, match=r"fra-eng\.zip must be the complete http://127.*Remove it"):
        anki.load()
    assert not list((tmp_path / "data").rglob("*.txt"))


def test_nothing_found_says_what_goes_where(file, tmp_path):
    file.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"anki/fra\.txt must be in .* Put http://127\.0\.0\.1:9/fra-eng\.zip"
    ):
        anki.load(download=False)
    with pytest.raises(DownloadError, match=f"save the file by hand as {tmp_path}/data/fra-eng.zip"):
        anki.load()
    with pytest.raises(FileNotFoundError, match="`path` must be the folder that holds"):
        anki.load(path=tmp_path)


@pytest.mark.parametrize("languages", [("en", "de"), ("en", "en"), ("fr", "fr")])
def test_other_languages_and_splits_are_refused(file, languages):
    with pytest.raises(
        ValueError, match='`source` and `target` must be "en" and "fr", in either order; received'
    ):
        anki.load("train", *languages)
    with pytest.raises(ValueError, match='`split` must be "train", "validation" or "test"'):
        anki.load("valid")


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")
def test_the_file_of_2019():
    data = {split: anki.load(split, download=False) for split in SPLITS}
    assert [len(part) for part in data.values()] == [160_469, 3_366, 3_295]
    for side in ("source", "target"):
        sentences = [set(getattr(part, side)) for part in data.values()]
        assert (
            sum(map(len, sentences))
            == len(set.union(*sentences))
            == {"source": 116_830, "target": 158_527}[side]
        )
