"""The README says what was measured."""

import json

from tests.benchmarks import report


def test_the_table_of_speeds_is_that_of_the_measured_numbers():
    text = (report.ROOT / "README.md").read_text(encoding="utf-8")
    assert report.filled(text) == text, "run: python tests/benchmarks/recurrence.py --write"
    assert "| LSTM (20, 35, 650, 650) |" in text


def test_the_speeds_of_a_translator_are_those_that_were_measured():
    measured = json.loads((report.ROOT / "tests/benchmarks/results/translation.json").read_text("utf-8"))
    text = " ".join((report.ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"step is {measured['step']['float32 against torch float32']:.2f} times as fast" in text
    assert f"beam search {measured['decode']['against torch']:.2f} times" in text
