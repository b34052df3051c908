"""The Penn Treebank on a miniature of it, and the corpus itself where it is at hand."""

import os

import numpy as np
import pytest

from keras_rnn.datasets import penn_treebank
from keras_rnn.datasets.download import DownloadError
from tests.datasets.small_corpora import empty_machine, write_splits

TEXTS = {
    "train": b" the cat <unk> \n cat the N n't cat \n",
    "validation": b" the <unk> N \n",
    "test": b" n't \n cat \n",
}


@pytest.fixture(autouse=True)
def an_empty_machine(request, monkeypatch, tmp_path):
    if "data" not in request.keywords:
        empty_machine(monkeypatch, tmp_path)
        monkeypatch.setattr(penn_treebank, "URL", "http://127.0.0.1:9/")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    return write_splits(monkeypatch, penn_treebank, tmp_path / "data" / "ptb", TEXTS)


def tokens(split, **arguments):
    read = penn_treebank.load(split, **arguments)
    return read.vocabulary.tokens(read.tokens)


def test_words(folder):
    types = ["cat", "the", "<eos>", "<unk>", "N", "n't"]
    assert [penn_treebank.load(split).vocabulary.types for split in TEXTS] == [types] * 3
    assert tokens("train") == ["the", "cat", "<unk>", "<eos>", "cat", "the", "N", "n't", "cat", "<eos>"]
    assert tokens("validation") == ["the", "<unk>", "N", "<eos>"]
    assert penn_treebank.load("test").tokens.tolist() == [5, 2, 0, 2]


def test_characters_are_the_words_spelled(folder):
    assert tokens("train", level="character") == [
        *"the_cat_<unk>",
        "<eos>",
        *"cat_the_N_n't_cat",
        "<eos>",
    ]
    assert tokens("test", level="character") == [*"n't", "<eos>", *"cat", "<eos>"]
    read = penn_treebank.load("test", level="character")
    assert read.level == "character"
    assert read.vocabulary.types[:3] == ["t", "_", "c"]  # of "train"
    assert len(read.vocabulary) == len(set("the_cat_<unk>_N_n't")) + 1


def test_find_takes_the_folder_or_its_parent(folder, tmp_path):
    file = folder / "ptb.train.txt"
    assert penn_treebank.find("train", folder) == penn_treebank.find("train", str(folder.parent)) == file
    assert penn_treebank.find("train") == file
    folder.parent.rename(tmp_path / "elsewhere")
    assert tokens("test", path=tmp_path / "elsewhere") == ["n't", "<eos>", "cat", "<eos>"]
    with pytest.raises(
        FileNotFoundError, match=rf"`path` must be .*; received path='{tmp_path}'\. Put http://127"
    ):
        penn_treebank.find("train", tmp_path)


def test_the_cache_is_looked_at_last(folder, tmp_path):
    cache = tmp_path / "home" / ".cache" / "keras_rnn" / "data"
    cache.mkdir(parents=True)
    folder.rename(cache / "ptb")
    assert penn_treebank.find("test") == cache / "ptb" / "ptb.test.txt"


def test_nothing_found_says_what_goes_where(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        penn_treebank.load("train", download=False)
    assert f"ptb/ptb.train.txt must be in {tmp_path}/data or {tmp_path}/home/.cache" in str(caught.value)
    assert "Put http://127.0.0.1:9/ptb.train.txt there" in str(caught.value)
    assert not (tmp_path / "data").exists()
    with pytest.raises(DownloadError, match=f"save the file by hand as {tmp_path}/data/ptb/ptb.train.txt"):
        penn_treebank.load("train")


def test_another_file_under_the_name_is_an_error(folder):
    (folder / "ptb.test.txt").write_bytes(b"")
    with pytest.raises(DownloadError, match=r"ptb\.test\.txt must be the file published at http://127"):
        penn_treebank.load("test")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"split": "valid"}, r'`split` must be "train", "validation" or "test"; received split=\'valid\''),
        ({"level": "letters"}, r"`level` must be .* received level='letters'"),
    ],
)
def test_other_splits_and_levels_are_refused(folder, arguments, match):
    with pytest.raises(ValueError, match=match):
        penn_treebank.load(**arguments)


needs_data = pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")
SPLITS = ("train", "validation", "test")


@needs_data
@pytest.mark.data
def test_the_corpus_in_words():
    splits = [penn_treebank.load(split, download=False) for split in SPLITS]
    assert [len(split) for split in splits] == [929_589, 73_760, 82_430]
    vocabulary = splits[0].vocabulary
    assert len(vocabulary) == 10_000
    assert vocabulary.types[:4] == ["the", "<unk>", "<eos>", "N"]
    counts = np.bincount(splits[0].tokens, minlength=10_000)
    assert (np.diff(counts) <= 0).all()
    assert counts.min() > 0
    lines = [np.count_nonzero(split.tokens == vocabulary.end) for split in splits]
    assert lines == [42_068, 3_370, 3_761]
    assert vocabulary.text(splits[2].tokens[:8]) == "no it was n't black monday\nbut"


@needs_data
@pytest.mark.data
def test_the_corpus_in_characters():
    splits = [penn_treebank.load(split, level="character", download=False) for split in SPLITS]
    assert [len(split) for split in splits] == [5_017_482, 393_042, 442_423]
    vocabulary = splits[0].vocabulary
    assert len(vocabulary) == 50
    assert vocabulary.text(splits[2].tokens[:30]) == "no_it_was_n't_black_monday\nbut"
    words = penn_treebank.load("test", download=False)
    text = vocabulary.text(splits[2].tokens).replace("_", " ")
    assert words.vocabulary.ids(text).tolist() == words.tokens.tolist()
