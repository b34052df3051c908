"""Two files, line by line, whatever their lines end with."""

import pytest

from keras_rnn.datasets import ParallelText, aligned_files


@pytest.fixture
def load(tmp_path):
    def load(source, target, *languages):
        for name, text in (("a.txt", source), ("b.txt", target)):
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return aligned_files.load(tmp_path / "a.txt", str(tmp_path / "b.txt"), *languages)

    return load


@pytest.mark.parametrize(
    "source", ["Ein Hund\n Ü \n", "Ein Hund\n Ü ", "Ein Hund\r\n Ü \r\n", "\ufeffEin Hund\n Ü "]
)
@pytest.mark.parametrize("target", ["A dog\nÜ\n", "A dog\nÜ", "A dog\r\nÜ"])
def test_lines_are_sentences_as_they_are(load, source, target):
    data = load(source, target, ("de", "en"))
    assert isinstance(data, ParallelText)
    assert data.source == ["Ein Hund", " Ü "]
    assert data.target == ["A dog", "Ü"]
    assert data.languages == ("de", "en")


def test_only_a_line_feed_ends_a_line(load):
    line = "a\u0085b\u2028c\x1cd\x0be\x0cf\rg"
    data = load(f"{line}\nx\n", f"y\n{line}")
    assert data.source == [line, "x"]
    assert data.target == ["y", line]
    assert data.languages == ("source", "target")


def test_empty_lines_are_sentences(load):
    data = load("\na\n\n\n", "b\n\n\n \n")
    assert data.source == ["", "a", "", ""]
    assert data.target == ["b", "", "", " "]


@pytest.mark.parametrize(
    ("source", "target", "counts"),
    [
        ("a\n" * 1200, "b\n" * 1199, r"1,200 lines in \S+/a\.txt and 1,199 in \S+/b\.txt"),
        ("a", "b\n\n", r"1 lines in \S+/a\.txt and 2 in \S+/b\.txt"),
    ],
)
def test_another_number_of_lines_says_both(load, source, target, counts):
    with pytest.raises(ValueError, match=f"`target` must have as many lines as `source`; received {counts}"):
        load(source, target)


def test_other_files_are_errors(load, tmp_path):
    with pytest.raises(ValueError, match=r"b\.txt must be UTF-8; byte 3 is not"):
        load("a", b"caf\xe9")
    with pytest.raises(ValueError, match=r"a\.txt must hold text"):
        load("", "b")
    with pytest.raises(FileNotFoundError, match=r"missing\.txt"):
        aligned_files.load(tmp_path / "missing.txt", tmp_path / "b.txt")
