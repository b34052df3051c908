"""BLEU by the length of a sentence."""

import pytest

from keras_rnn import plots
from keras_rnn.metrics import bleu, bleu_by_length

SOURCES = ["a b c d", "one two three four five", "a b", "a b c"]
REFERENCES = [
    "the cat sat on the mat",
    "two dogs run in the park",
    "a man reads a book",
    "it rains all day",
]
FOUND = [
    "the cat sat on the mat",
    "some dogs run in the park",
    "a man reads the book",
    "it rains all day",
]


def test_each_part_is_its_own_corpus():
    short, long = bleu_by_length(FOUND, REFERENCES, SOURCES, parts=2)
    assert (short["shortest"], short["longest"], short["sentences"]) == (2, 3, 2)
    assert (long["shortest"], long["longest"], long["sentences"]) == (4, 5, 2)
    assert short["bleu"] == bleu(FOUND[2:], REFERENCES[2:])["bleu"] < 100
    assert long["bleu"] == bleu(FOUND[:2], REFERENCES[:2])["bleu"] < 100
    assert short["bleu"] != long["bleu"]


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="at least `parts`; received 4, 4, 4 and parts=5"):
        bleu_by_length(FOUND, REFERENCES, SOURCES, parts=5)
    with pytest.raises(ValueError, match="must be as many"):
        bleu_by_length(FOUND, REFERENCES, SOURCES[1:], parts=2)


def test_a_picture_has_a_line_for_each(tmp_path):
    pytest.importorskip("matplotlib")
    rows = bleu_by_length(FOUND, REFERENCES, SOURCES, parts=2)
    sizes = []
    for systems in ({"one": rows}, {"one": rows, "two": rows[::-1]}):
        plots.bleu_by_length(systems, tmp_path / "lengths.png", "Test split")
        sizes.append((tmp_path / "lengths.png").read_bytes())
    assert sizes[0] != sizes[1]
