"""A mask that comes with a sequence is used, and handed on to whoever reads the outputs."""

import keras
import numpy as np
import pytest

from tests.contracts.arrays import GAPS, SAME, distance, normal
from tests.contracts.catalogue import row_named, rows

#: Zero is padding, in front, behind, and between.
IDS = np.where(GAPS, np.random.default_rng(5).integers(1, 9, GAPS.shape), 0)


def embedding():
    layer = keras.layers.Embedding(9, 2, mask_zero=True, dtype="float64")
    layer.build()
    layer.set_weights([normal(6, 9, 2)])
    return layer


def two_layers(row):
    lower = row.own_layer(return_state=False)
    return lower, row.make(return_sequences=True, dtype="float64")


def one_output(outputs):
    """Of a pair, the first: with merge mode None there are two."""
    return keras.tree.flatten(outputs)[0]


@rows("recurrent", "sample")
def test_the_mask_of_an_embedding_reaches_two_layers(row):
    embed, (lower, upper) = embedding(), two_layers(row)
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, upper(one_output(lower(embed(ids)))))
    x = np.asarray(embed(IDS))
    by_hand = upper(one_output(lower(x, mask=GAPS)), mask=GAPS)
    assert distance(model(IDS), by_hand) < SAME
    assert distance(model(IDS), upper(one_output(lower(x)))) > 1e-3


@rows("recurrent", "sample")
def test_a_mask_stays_with_the_sequence_when_states_are_given(row):
    # Keras looks for a mask only when the sequence is the one tensor that is passed.
    layer, x = row.layer(), embedding()(IDS)
    states = row.states()
    expected = layer(np.asarray(x), initial_state=states, mask=GAPS)
    assert distance(layer(x, initial_state=states), expected) == 0
    assert distance(layer(x, states), expected) == 0
    assert distance(layer(x, initial_state=states, reset_mask=np.zeros(3, bool)), expected) == 0


@rows("recurrent")
def test_outputs_carry_the_mask_and_states_carry_none(row):
    layer, x = row.layer(), embedding()(IDS)
    for states in ({}, {"initial_state": row.states()}):
        result = keras.tree.flatten(layer(x, **states))
        count = len(result) - len(row.sizes)
        for y in result[:count]:
            assert np.array_equal(keras.ops.convert_to_numpy(y._keras_mask), GAPS)
        assert all(getattr(state, "_keras_mask", None) is None for state in result[count:])
    last = keras.tree.flatten(row.layer(return_sequences=False)(x))
    assert all(getattr(y, "_keras_mask", None) is None for y in last)


@rows("recurrent", "sample")
def test_a_mask_that_is_passed_replaces_the_one_that_came(row):
    layer, x, other = row.layer(), embedding()(IDS), ~GAPS
    assert distance(layer(x, mask=other), layer(np.asarray(x), mask=other)) == 0
    states = row.states()
    with_states = layer(x, initial_state=states, mask=other)
    assert distance(with_states, layer(np.asarray(x), initial_state=states, mask=other)) == 0


@rows("recurrent", "sample")
def test_compute_mask(row):
    mask, nones = keras.ops.convert_to_tensor(GAPS), [None] * len(row.sizes)
    x = row.inputs()
    assert row.layer(return_state=False).compute_mask(x, mask) is mask
    assert row.layer(return_state=False).compute_mask(x, None) is None
    assert row.layer().compute_mask(x, mask) == [mask, *nones]
    assert row.layer(return_sequences=False).compute_mask(x, mask) == [None, *nones]
    assert row.layer(return_sequences=False, return_state=False).compute_mask(x, mask) is None


def test_compute_mask_of_a_pair():
    row, mask = row_named("Bidirectional(LSTM, None)"), keras.ops.convert_to_tensor(GAPS)
    pair = row.layer(return_state=False).compute_mask(row.inputs(), mask)
    assert pair == [mask, mask]
    assert row.layer().compute_mask(row.inputs(), mask) == [mask, mask, None, None, None, None]


@rows("pooling")
def test_pooling_reads_the_mask_and_ends_it(row):
    layer, x = row.layer(), embedding()(IDS)
    pooled = layer(x)
    assert distance(pooled, layer(np.asarray(x), mask=GAPS)) == 0
    assert getattr(pooled, "_keras_mask", None) is None


@pytest.mark.parametrize("merge_mode", ["concat", None])
def test_a_mask_passes_through_layers_that_only_support_it(merge_mode):
    row = row_named(f"Bidirectional(LSTM, {merge_mode})")
    layer, drop = row.layer(return_state=False), keras.layers.Dropout(0.5, dtype="float64")
    x = embedding()(IDS)
    assert distance(layer(drop(x)), layer(np.asarray(x), mask=GAPS)) < SAME
