"""Batches by tokens: every row once, never too many cells, little padding, the same everywhere."""

import os

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_rnn.datasets import multi30k
from keras_rnn.datasets.batching import _cut_at_tokens, pad, sorted_token_batches, token_batches

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=150)
seeds = st.integers(0, 2**63)
PINNED = [[5, 0, 2], [7, 6], [1], [4, 3]]


def cells(lengths):
    """Of the rectangle that `pad` makes of rows of these lengths."""
    return pad([[1] * length for length in lengths]).size


@settings(deadline=None)
@given(pairs, st.integers(120, 900), seeds, seeds)
@example([(60, 60)] * 3, 120, 0, 0)
@example([(0, 0)] * 100, 120, 0, 0)
def test_every_row_stands_in_one_batch_of_at_most_so_many_cells(lengths, tokens, seed, epoch):
    source, target = np.array(lengths, int).reshape(-1, 2).T
    batches = token_batches(source, target, tokens, seed, epoch)
    assert sorted(np.concatenate([*batches, []])) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) > 0
        assert cells(source[batch]) + cells(target[batch]) <= tokens


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=150), st.integers(1, 900))
@example([500, 1, 500], 20)
def test_sorted_batches_hold_every_row_once_and_are_as_full_as_they_can_be(lengths, tokens):
    batches = sorted_token_batches(lengths, tokens)
    rows = np.concatenate([*batches, []]).astype(int)
    assert sorted(rows) == list(range(len(lengths)))
    assert [max(1, lengths[row]) for row in rows] == sorted(max(1, length) for length in lengths)
    for batch, following in zip(batches, [*batches[1:], None]):
        assert len(batch) == 1 or cells(np.take(lengths, batch)) <= tokens
        if following is not None:
            assert cells(np.take(lengths, [*batch, following[0]])) > tokens


@settings(deadline=None)
@given(pairs, st.integers(1, 300), st.randoms())
def test_rows_in_any_order_are_cut_only_where_the_next_one_has_no_room(lengths, tokens, random):
    lengths = np.maximum(np.array(lengths, int).reshape(-1, 2), 1)
    rows = np.array(random.sample(range(len(lengths)), len(lengths)), int)
    batches = _cut_at_tokens(lengths, rows, tokens)
    assert np.concatenate([*batches, []]).tolist() == rows.tolist()
    for batch, following in zip(batches, [*batches[1:], None]):
        assert len(batch) == 1 or len(batch) * lengths[batch].max(axis=0).sum() <= tokens
        if following is not None:
            assert (len(batch) + 1) * lengths[[*batch, following[0]]].max(axis=0).sum() > tokens


def some_lengths(rows=3000):
    random = np.random.default_rng(0)
    source = random.integers(4, 40, rows)
    return source, np.maximum(1, source + random.integers(-6, 7, rows))


def test_batches_are_full_and_hold_like_lengths():
    source, target = some_lengths()
    batches = token_batches(source, target, 2000, 0, 0)
    used = [len(batch) * (source[batch].max() + target[batch].max()) for batch in batches]
    assert np.mean(used) > 1900
    assert 1 - (source.sum() + target.sum()) / sum(used) < 0.12
    order = np.random.default_rng(0).permutation(3000)
    assert (
        1
        - (source.sum() + target.sum())
        / sum(
            len(rows) * (source[rows].max() + target[rows].max())
            for rows in np.array_split(order, len(batches))
        )
        > 0.4
    )  # what rows in no order cost


def test_seed_and_epoch_give_the_batches():
    source, target = some_lengths()
    by_key = {key: token_batches(source, target, 900, *key) for key in [(0, 0), (0, 1), (1, 0)]}
    again = token_batches(source.tolist(), target.tolist(), 900, 0, 0)
    assert list(map(list, again)) == list(map(list, by_key[0, 0]))
    members = {key: {frozenset(batch) for batch in batches} for key, batches in by_key.items()}
    assert len(members[0, 0] & members[0, 1]) < 5
    assert len(members[0, 0] & members[1, 0]) < 5
    means = [target[batch].mean() for batch in by_key[0, 0]]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3  # the batches are shuffled


def test_order_is_pinned_across_processes_and_versions():
    batches = token_batches([5, 50, 6, 55, 45, 4, 52, 51], [6, 60, 7, 50, 44, 4, 50, 52], 250, 3, 1)
    assert [batch.tolist() for batch in batches] == PINNED


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: token_batches([9], [8], 16, 0, 0), ValueError, "`tokens` must be at least 17, .* tokens=16"),
        (lambda: token_batches([], [], 0, 0, 0), ValueError, "`tokens` .* received tokens=0"),
        (lambda: token_batches([1], [1], 9.0, 0, 0), TypeError, "`tokens` .* received tokens=9.0"),
        (lambda: token_batches([1], [1], 9, -1, 0), ValueError, "`seed` .* received seed=-1"),
        (lambda: token_batches([1], [1], 9, 0, -1), ValueError, "`epoch` .* received epoch=-1"),
        (
            lambda: token_batches([1, 2], [1], 9, 0, 0),
            ValueError,
            "each of the 2 `source_lengths`; received 1",
        ),
        (lambda: token_batches([-1], [1], 9, 0, 0), ValueError, "`lengths` .* minimum -1"),
        (lambda: sorted_token_batches([1], 0), ValueError, "`tokens` .* received tokens=0"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")
def test_multi30k_is_padded_little():
    data = multi30k.load("train", download=False)
    source, target = (
        np.array([len(text.split()) + 1 for text in side]) for side in (data.source, data.target)
    )
    used = [
        len(batch) * (source[batch].max() + target[batch].max())
        for batch in token_batches(source, target, 4096, seed=0, epoch=0)
    ]
    assert max(used) <= 4096
    assert 1 - (source.sum() + target.sum()) / sum(used) < 0.1
