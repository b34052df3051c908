"""Properties of batches: every row once, like lengths together, the same everywhere."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_rnn.datasets import batching
from keras_rnn.datasets.batching import NOISE, bucketed_batches, pad, sorted_batches

some_lengths = st.lists(st.integers(0, 3000), max_size=200)
batch_sizes = st.integers(1, 70)
seeds = st.integers(0, 2**63)
PINNED = [[5, 0, 2], [1, 6, 3], [4, 7]]


@settings(deadline=None)
@given(some_lengths, batch_sizes, seeds, seeds)
def test_every_row_stands_in_one_batch(lengths, batch_size, seed, epoch):
    batches = bucketed_batches(lengths, batch_size, seed, epoch)
    assert sorted(np.concatenate([*batches, []])) == list(range(len(lengths)))
    sizes = sorted(map(len, batches))
    assert sizes[1:] == [batch_size] * (len(batches) - 1)
    assert sizes[:1] == [len(lengths) % batch_size or batch_size] * bool(lengths)


@settings(deadline=None)
@given(some_lengths, batch_sizes, seeds, seeds)
def test_drop_remainder_leaves_whole_batches_of_distinct_rows(lengths, batch_size, seed, epoch):
    batches = bucketed_batches(lengths, batch_size, seed, epoch, drop_remainder=True)
    assert list(map(len, batches)) == [batch_size] * (len(lengths) // batch_size)
    rows = np.concatenate([*batches, []])
    assert len(set(rows)) == len(rows)
    assert set(rows) <= set(range(len(lengths)))


@settings(deadline=None)
@given(some_lengths, batch_sizes, seeds, seeds)
def test_batches_hold_like_lengths(lengths, batch_size, seed, epoch):
    """Cut from one noisy order, any two batches lie one after the other, up to the noise."""
    batches = bucketed_batches(lengths, batch_size, seed, epoch)
    bounds = [(np.take(lengths, batch).min(), np.take(lengths, batch).max()) for batch in batches]
    swap = (1 + NOISE) / (1 - NOISE) + 1e-9
    for i, (shortest, longest) in enumerate(bounds):
        for other_shortest, other_longest in bounds[:i]:
            assert longest <= other_shortest * swap or other_longest <= shortest * swap


@settings(deadline=None)
@given(some_lengths, batch_sizes, seeds, seeds)
def test_the_same_seed_and_epoch_give_the_same_batches(lengths, batch_size, seed, epoch):
    first = bucketed_batches(lengths, batch_size, seed, epoch)
    again = bucketed_batches(np.array(lengths, np.int64), batch_size, seed, epoch)
    assert list(map(list, first)) == list(map(list, again))


def test_order_is_pinned_across_processes_and_versions():
    lengths = [5, 50, 6, 55, 500, 4, 52, 510]
    assert [list(rows) for rows in bucketed_batches(lengths, 3, seed=1, epoch=2)] == PINNED


def test_epochs_and_seeds_differ_in_members_and_in_order():
    lengths = np.random.default_rng(0).integers(10, 400, 500)
    by_key = {key: bucketed_batches(lengths, 8, *key) for key in [(0, 0), (0, 1), (1, 0)]}
    members = {key: {frozenset(batch) for batch in batches} for key, batches in by_key.items()}
    assert len(members[0, 0] & members[0, 1]) < 5
    assert len(members[0, 0] & members[1, 0]) < 5
    means = [lengths[batch].mean() for batch in by_key[0, 0]]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5  # the batches are shuffled


def test_little_is_padded():
    lengths = np.random.default_rng(0).lognormal(5, 0.7, 5000).astype(int) + 1

    def padded_share(batches):
        return 1 - lengths.sum() / sum(len(batch) * lengths[batch].max() for batch in batches)

    assert padded_share(bucketed_batches(lengths, 64, 0, 0)) < 0.15
    assert padded_share(np.array_split(np.arange(5000), 79)) > 0.5  # what rows in no order cost


def test_no_length_is_dropped_for_ever():
    lengths = np.arange(10, 17)
    left_out = {
        row
        for epoch in range(100)
        for row in set(range(7)) - set(np.concatenate(bucketed_batches(lengths, 3, 0, epoch, True)))
    }
    assert left_out == set(range(7))


@settings(deadline=None)
@given(some_lengths, batch_sizes)
def test_sorted_batches_hold_every_row_once_longest_last(lengths, batch_size):
    batches = sorted_batches(lengths, batch_size)
    rows = np.concatenate([*batches, []]).astype(int)
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths)
    assert list(map(len, batches))[:-1] == [batch_size] * (len(batches) - 1)


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20), max_size=20),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(1, 9),
    st.booleans(),
)
def test_pad_keeps_every_row_and_fills_the_rest(rows, value, multiple, as_arrays):
    padded = pad([np.array(row, int) for row in rows] if as_arrays else rows, value, multiple=multiple)
    longest = max(map(len, rows), default=0)
    assert padded.dtype == np.int32
    assert padded.shape[0] == len(rows)
    assert padded.shape[1] % multiple == 0
    assert max(longest, 1) <= padded.shape[1] < max(longest, 1) + multiple
    for row, target in zip(rows, padded):
        assert list(target) == row + [value] * (padded.shape[1] - len(row))


def test_pad_to_a_length():
    assert pad([[1, 2], []], value=-1, length=4).tolist() == [[1, 2, -1, -1], [-1, -1, -1, -1]]
    assert pad([[], []]).tolist() == [[0], [0]]
    with pytest.raises(ValueError, match=r"`length` must be .* the longest row, 3; received length=2"):
        pad([[1, 2, 3]], length=2)
    with pytest.raises(ValueError, match=r"`length` must be a multiple of 4 .* received length=6"):
        pad([[1, 2, 3]], length=6, multiple=4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bucketed_batches([1], 0, 0, 0), ValueError, "`batch_size` .* received batch_size=0"),
        (lambda: bucketed_batches([1], 2.0, 0, 0), TypeError, "`batch_size` .* received batch_size=2.0"),
        (lambda: bucketed_batches([1], True, 0, 0), TypeError, "`batch_size` .* received batch_size=True"),
        (lambda: bucketed_batches([1], 1, -1, 0), ValueError, "`seed` .* received seed=-1"),
        (lambda: bucketed_batches([1], 1, 0, -1), ValueError, "`epoch` .* received epoch=-1"),
        (lambda: bucketed_batches([[1]], 1, 0, 0), ValueError, r"`lengths` .* shape \(1, 1\)"),
        (lambda: sorted_batches([1, -2], 1), ValueError, "`lengths` .* minimum -2"),
        (lambda: sorted_batches([1], -1), ValueError, "`batch_size` .* received batch_size=-1"),
        (lambda: pad([[1]], multiple=0), ValueError, "`multiple` .* received multiple=0"),
        (lambda: pad([[]], length=0), ValueError, "`length` .* received length=0"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_docstring_examples():
    result = doctest.testmod(batching)
    assert result.attempted > 0
    assert result.failed == 0
