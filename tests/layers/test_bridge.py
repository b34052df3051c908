"""From the last states of an encoder to the first of a decoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_rnn.layers import Bridge
from tests.contracts.arrays import distance, normal

SIZES = (4, 2, 5)
STATES = [normal([1, k], 3, size) for k, size in enumerate(SIZES)]


def bridge(sizes=(3, 6), **arguments):
    layer = Bridge(sizes, dtype="float64", **arguments)
    layer.build([(None, size) for size in SIZES])
    layer.set_weights([normal([2, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


@pytest.mark.parametrize("sizes", [(3, 6), (7,)])
def test_each_state_is_made_of_all(sizes):
    layer = bridge(sizes)
    W, b = layer.get_weights()
    assert W.shape == (sum(SIZES), sum(sizes))
    expected = np.split(np.tanh(np.concatenate(STATES, axis=1) @ W + b), np.cumsum(sizes)[:-1], axis=1)
    found = layer(STATES)
    assert [tuple(s.shape) for s in found] == [(3, size) for size in sizes]
    assert distance(found, expected) < 1e-12


def test_the_activation_is_that_of_the_config():
    layer = bridge(activation="linear", kernel_initializer="zeros")
    again = Bridge.from_config(layer.get_config())
    again.build([(None, size) for size in SIZES])
    assert not ops.convert_to_numpy(again.kernel).any()
    again.set_weights(layer.get_weights())
    assert distance(again(STATES), layer(STATES)) == 0
    assert max(np.abs(ops.convert_to_numpy(s)).max() for s in again(STATES)) > 1


def test_states_stay_in_32_bits():
    layer = Bridge([3], dtype="mixed_bfloat16")
    [s] = layer([tf.cast(state, "float32") for state in STATES])
    assert keras.backend.standardize_dtype(s.dtype) == "float32"


def test_a_size_is_a_positive_integer():
    with pytest.raises(ValueError, match="`state_sizes` must be a positive integer; received state_sizes=0"):
        Bridge([3, 0])
