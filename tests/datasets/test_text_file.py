"""Any text file as a corpus, whatever its lines end with."""

import doctest

import numpy as np
import pytest

from keras_rnn.datasets import Corpus, Vocabulary, corpus, text_file


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "text.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / "text.txt"

    return write


def tokens(path, level="word"):
    read = text_file.load("all", path, level)
    return read.vocabulary.tokens(read.tokens)


def test_examples_run():
    assert doctest.testmod(corpus).failed == 0


@pytest.mark.parametrize("text", ["a b\nc\n", "a b\nc", "a b\r\nc\r\n", "a b\r\nc", "\ufeff a  b \nc\t\n"])
def test_words_of_lines(write, text):
    assert tokens(write(text)) == ["a", "b", "<eos>", "c", "<eos>"]


@pytest.mark.parametrize("text", ["a b\nc\n", "a b\nc", "a b\r\nc\r\n", "a b\r\nc", "\ufeffa b\nc\n"])
def test_characters_of_lines(write, text):
    assert tokens(write(text), "character") == ["a", " ", "b", "<eos>", "c", "<eos>"]


def test_only_a_line_feed_ends_a_line(write):
    text = "a\u0085b\u2028c\x1cd\x0be\x0cf\rg\n"
    assert tokens(write(text)) == ["a\u0085b\u2028c\x1cd", "e", "f", "g", "<eos>"]
    assert tokens(write(text), "character") == [*text[:-1], "<eos>"]


def test_empty_lines_are_lines(write):
    assert tokens(write("\na\n\n")) == ["<eos>", "a", "<eos>", "<eos>"]


@pytest.mark.parametrize("text", ["", "\n", " \r\n\t", "\ufeff"])
@pytest.mark.parametrize("level", ["word", "character"])
def test_an_empty_file_is_an_error(write, text, level):
    path = write(text)
    with pytest.raises(ValueError, match=rf"{path} must hold text; received \d bytes without any\. Take"):
        text_file.load("train", path, level)


def test_other_files_are_errors(write, tmp_path):
    with pytest.raises(ValueError, match=r"text\.txt must be UTF-8; byte 3 is not\. Convert it"):
        text_file.load("train", write(b"caf\xe9 au lait"))
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        text_file.load("train", tmp_path / "missing.txt")


def test_splits_are_parts_in_order(write):
    path = write(" ".join(f"w{k}" for k in range(57)))
    parts = [text_file.load(split, path) for split in ("train", "validation", "test", "all")]
    assert [len(part) for part in parts] == [52, 3, 3, 58]
    assert np.concatenate([part.tokens for part in parts[:3]]).tolist() == parts[3].tokens.tolist()
    assert [part.vocabulary.types for part in parts] == [parts[3].vocabulary.types] * 4
    assert parts[0].vocabulary.tokens([0, 57]) == ["w0", "<eos>"]


def test_another_vocabulary_may_be_given(write):
    given = Vocabulary(["<unk>", "b", "<eos>"])
    read = text_file.load("all", write("a b\n"), vocabulary=given)
    assert read.vocabulary is given
    assert read.tokens.tolist() == [0, 1, 2]
    letters = text_file.load("all", write("ab"), vocabulary=Vocabulary(["<eos>", "b", "a"], "character"))
    assert letters.tokens.tolist() == [2, 1, 0]
    assert letters.level == "character"
    with pytest.raises(ValueError, match="received 'x' in line 2"):
        text_file.load("all", write("b\nx"), vocabulary=Vocabulary(["b", "<eos>"]))


def test_corpus_says_what_it_is(write):
    read = text_file.load("all", write("a b\nc a\n"))
    assert isinstance(read, Corpus)
    assert repr(read) == "Corpus(6 words in 2 lines, 4 types)"
    assert read.tokens.dtype == "int32"


@pytest.mark.parametrize("split", ["valid", None])
def test_other_splits_and_levels_are_refused(write, split):
    with pytest.raises(ValueError, match=f'`split` must be "train", .* or "all"; received split={split!r}'):
        text_file.load(split, write("a"))
    with pytest.raises(ValueError, match=r"`level` must be .* received level='byte'"):
        text_file.load("all", write("a"), level="byte")
