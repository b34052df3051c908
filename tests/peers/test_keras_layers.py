"""A drop-in for keras.layers: the same weights and, whatever is asked for, the same numbers."""

from itertools import product

import keras
import numpy as np
import pytest

from keras_rnn import layers
from tests.contracts.arrays import GAPS, MASKS, SAME, distance
from tests.contracts.catalogue import ROWS, row_named, rows

SWITCHES = ["return_sequences", "go_backwards", "zero_output_for_mask", "unroll"]
COMBINATIONS = list(product([False, True], repeat=len(SWITCHES)))


def twins(row, **arguments):
    """Ours and Keras's, with the same weights."""
    ours = row.layer(**arguments)
    theirs = row.peer(**{"dtype": "float64", "return_sequences": True, "return_state": True, **arguments})
    theirs.build(row.unknown_time)
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def keras_goes_wrong(row, return_sequences, go_backwards, zero_output_for_mask, unroll):
    """Unrolled and backwards, Keras 3.15 zeroes the outputs by a mask that it has not turned round.

    Its Bidirectional refuses a layer that goes backwards, and zeroes masked outputs of both directions.
    """
    if row.name.startswith("Bidirectional"):
        return go_backwards or (unroll and return_sequences)
    return go_backwards and zero_output_for_mask and unroll and return_sequences


CASES = [
    pytest.param(row, switches, id=f"{row.name}-{switches}")
    for row in ROWS
    for switches in COMBINATIONS
    if {"peer", "sample"} <= row.promises and not keras_goes_wrong(row, *switches)
]


@pytest.mark.parametrize(("row", "switches"), CASES)
def test_the_same_numbers(row, switches):
    arguments = dict(zip(SWITCHES, switches))
    ours, theirs = twins(row, **arguments)
    states = {"initial_state": row.states()}
    for mask in (None, GAPS):
        masked = {} if mask is None else {"mask": mask}
        x = row.inputs()
        assert distance(ours(x, **states, **masked), theirs(x, **states, **masked)) < SAME
        assert distance(ours(x, **masked), theirs(x, **masked)) < SAME


@pytest.mark.parametrize("mask", sorted(set(MASKS) - {"none"}))
@rows("peer", "sample")
def test_the_same_numbers_with_every_mask(row, mask):
    ours, theirs = twins(row)
    call = {"initial_state": row.states(), "mask": MASKS[mask]}
    assert distance(ours(row.inputs(), **call), theirs(row.inputs(), **call)) < SAME


@rows("peer")
def test_the_same_numbers_for_every_row(row):
    ours, theirs = twins(row)
    call = {"initial_state": row.states(), "mask": GAPS}
    assert distance(ours(row.inputs(), **call), theirs(row.inputs(), **call)) < SAME


@rows("peer")
def test_weights_go_both_ways(row):
    ours, theirs = twins(row)
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.path.split("/")[-1] for w in ours.weights] == [w.path.split("/")[-1] for w in theirs.weights]
    other = [np.random.default_rng(9).normal(size=w.shape) for w in ours.get_weights()]
    theirs.set_weights(other)
    mine = row.own_layer()
    mine.set_weights(theirs.get_weights())
    assert distance(mine(row.inputs()), theirs(row.inputs())) < SAME


@rows("peer", "sample")
def test_the_same_stateful(row):
    # Without `return_state`, whose masks Keras's stateful Bidirectional cannot compute.
    arguments = {"stateful": True, "return_sequences": True, "return_state": False, "dtype": "float64"}
    ours, theirs = row.own_layer(**arguments), row.peer(**arguments)
    theirs.build(row.shape)
    theirs.set_weights(ours.get_weights())
    x = row.inputs()
    first, second = (ours(x) for _ in range(2))
    assert distance([first, second], [theirs(x) for _ in range(2)]) < SAME
    assert distance(first, second) > 1e-3
    for layer in (ours, theirs):
        layer.reset_states()
    assert distance([ours(x), theirs(x)], [first, first]) < SAME


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU", "Bidirectional(LSTM, concat)"])
def test_the_same_first_weights(name):
    """Initializers fill the same weights, of the same shapes."""
    row = row_named(name)
    drawn = []
    for make in (row.make, row.peer):
        layer = make(
            kernel_initializer=keras.initializers.GlorotUniform(seed=1),
            recurrent_initializer=keras.initializers.Orthogonal(seed=2),
            bias_initializer=keras.initializers.RandomNormal(seed=3),
        )
        layer.build((None, None, 5))
        drawn.append(layer.get_weights())
    assert distance(*drawn) == 0


def test_the_bias_of_a_forget_gate_begins_at_one():
    for unit_forget_bias in (True, False):
        biases = []
        for module in (layers, keras.layers):
            layer = module.LSTM(2, unit_forget_bias=unit_forget_bias, bias_initializer="ones")
            layer.build((None, None, 5))
            biases.append(layer.get_weights()[2])
        assert distance(*biases) == 0
    zeros = layers.LSTM(2)
    zeros.build((None, None, 5))
    assert zeros.get_weights()[2].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_starting_weights_and_a_backward_layer_of_bidirectional():
    row = row_named("Bidirectional(LSTM, concat)")
    weights = row.layer().get_weights()
    for module in (layers, keras.layers):
        backward = module.LSTM(4, go_backwards=True, return_sequences=True, dtype="float64")
        forward = module.LSTM(4, return_sequences=True, dtype="float64")
        layer = module.Bidirectional(forward, backward_layer=backward, dtype="float64")
        layer.build(row.unknown_time)
        layer.set_weights(weights)
        assert distance(layer(row.inputs()), row.layer(return_state=False)(row.inputs())) < SAME
    started = layers.Bidirectional(layers.LSTM(4, dtype="float64"), weights=weights, dtype="float64")
    started.build(row.unknown_time)
    assert distance(started.get_weights(), weights) == 0


def test_a_keras_layer_in_our_bidirectional():
    row = row_named("Bidirectional(LSTM, concat)")
    inner = keras.layers.LSTM(4, return_sequences=True, return_state=True, dtype="float64")
    mixed = layers.Bidirectional(inner, dtype="float64")
    mixed.build(row.unknown_time)
    mixed.set_weights(row.layer().get_weights())
    call = row.call_arguments(GAPS)
    assert distance(mixed(row.inputs(), **call), row.layer()(row.inputs(), **call)) < SAME


def test_our_layer_in_keras_bidirectional():
    row = row_named("Bidirectional(LSTM, concat)")
    inner = layers.LSTM(4, return_sequences=True, return_state=True, dtype="float64")
    mixed = keras.layers.Bidirectional(inner, dtype="float64")
    mixed.build(row.unknown_time)
    mixed.set_weights(row.layer().get_weights())
    call = row.call_arguments(GAPS)
    assert distance(mixed(row.inputs(), **call), row.layer()(row.inputs(), **call)) < SAME
