"""Sentence pairs: what the class accepts, and that its parts share no sentence."""

import doctest

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from keras_rnn.datasets import ParallelText, parallel_text
from keras_rnn.datasets.parallel_text import sentence_groups

# Few different sentences: most pairs share one with another pair.
pairs = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), max_size=60)


def some_text(numbers):
    return ParallelText([f"s{a}" for a, _ in numbers], [f"t{b}" for _, b in numbers], ("en", "de"))


def test_examples_run():
    result = doctest.testmod(parallel_text)
    assert result.attempted > 0
    assert result.failed == 0


def test_data_says_what_it_holds():
    data = some_text([(k, k) for k in range(1500)])
    assert len(data) == 1500
    assert repr(data) == "ParallelText(1,500 sentence pairs, en-de)"
    assert repr(ParallelText([], [])) == "ParallelText(0 sentence pairs, source-target)"


def test_sides_of_other_lengths_are_refused_with_both_counts():
    with pytest.raises(ValueError, match=r"`target` must have one .* received 1,200 en and 1 de sentences"):
        ParallelText(["a"] * 1200, ["b"], ("en", "de"))


@settings(deadline=None)
@given(pairs)
def test_groups_are_the_connected_components(numbers):
    """Against the closure of "shares a sentence", computed by squaring its matrix."""
    data = some_text(numbers)
    group = sentence_groups(data.source, data.target)
    source, target = np.array(numbers, int).reshape(-1, 2).T
    linked = (source[:, None] == source) | (target[:, None] == target)
    for _ in range(6):  # 2 ** 6 pairs in a chain
        linked = (linked.astype(int) @ linked) > 0
    assert group.tolist() == [int(np.flatnonzero(row)[0]) for row in linked]


def test_case_punctuation_and_white_space_make_no_other_sentence():
    source = ["I won!", "i won.", "I  WON", "I  won't", "?!", "!?", "Straße", "STRASSE"]
    target = [f"t{k}" for k in range(len(source))]
    assert sentence_groups(source, target).tolist() == [0, 0, 0, 3, 4, 5, 6, 6]
    assert sentence_groups(target, source).tolist() == [0, 0, 0, 3, 4, 5, 6, 6]
    assert sentence_groups(["a", "b"], ["b", "a"]).tolist() == [0, 1]  # the sides are other languages


@settings(deadline=None)
@given(pairs, st.floats(0.05, 0.6), st.integers(0, 2**32))
@example([(0, 0)] * 3 + [(1, 1)], 0.1, 0)
def test_split_parts_no_group_and_keeps_the_order(numbers, fraction, seed):
    data = some_text(numbers)
    sizes = np.bincount(sentence_groups(data.source, data.target)) if numbers else np.zeros(1)
    assume(fraction * len(data) + sizes.max() < len(data))
    train, held_out = data.split(fraction, seed)
    assert not set(train.source) & set(held_out.source)
    assert not set(train.target) & set(held_out.target)
    assert fraction * len(data) <= len(held_out) < fraction * len(data) + sizes.max()
    assert len(train) + len(held_out) == len(data)
    everything = list(zip(data.source, data.target))
    for part in (train, held_out):
        rows = list(zip(part.source, part.target))
        assert [row for row in everything if row in set(rows)] == rows
        assert part.languages == data.languages
    assert data.split(fraction, seed)[1].source == held_out.source


def test_split_is_random_and_pinned_across_processes_and_versions():
    data = some_text([(k, k) for k in range(12)])
    assert data.split(0.25, seed=1)[1].source == ["s4", "s8", "s11"]
    assert data.split(0.25, seed=2)[1].source != data.split(0.25, seed=1)[1].source


def test_what_cannot_be_split_is_an_error():
    data = some_text([(k, k) for k in range(9)])
    for fraction in (0, 1, -0.1, float("nan")):
        with pytest.raises(ValueError, match=f"`fraction` must lie .*; received fraction={fraction}"):
            data.split(fraction, seed=1)
    with pytest.raises(TypeError, match="`seed` must be an integer of at least 0; received seed=None"):
        data.split(0.1, seed=None)
    for one_group in ([(0, 1), (0, 2), (3, 2)], []):
        with pytest.raises(ValueError, match=r"`fraction` must leave .* groups\. Choose another"):
            some_text(one_group).split(0.5, seed=1)


def test_select():
    data = some_text([(1, 2), (3, 4), (5, 6)])
    assert data.select(np.array([True, False, True])).target == ["t2", "t6"]
