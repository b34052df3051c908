"""Positions: numbers that padding does not move, peers of the formulas, a limit that is told."""

import doctest
from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.layers import LearnedPositions, SinusoidalPositions
from keras_rnn.ops import attention, positions
from keras_rnn.ops.positions import rotate, sinusoids, step_numbers
from tests.contracts.arrays import EXACT, MASKS, ON_JAX, SAME, distance, flat, normal
from tests.reference import self_attention as oracle

BATCH, TIME, FEATURES, LIMIT = 3, 5, 7, 6  # an odd number of features
X = normal(1, BATCH, TIME, FEATURES)


def learned(**arguments):
    layer = LearnedPositions(LIMIT, **{"dtype": "float64", **arguments})
    layer.build((None, None, FEATURES))
    layer.set_weights([normal(2, LIMIT, FEATURES)])
    return layer


MAKERS = {
    "sinusoidal": (lambda: SinusoidalPositions(dtype="float64"), partial(oracle.sinusoids, size=FEATURES)),
    "learned": (learned, lambda p: normal(2, LIMIT, FEATURES)[p]),
}
layers = pytest.mark.parametrize("name", MAKERS)


@pytest.mark.parametrize("mask", MASKS)
@layers
def test_positions_count_the_steps_that_count(name, mask):
    make, vector = MAKERS[name]
    mask = MASKS[mask]
    counts = np.ones((BATCH, TIME), bool) if mask is None else mask
    found = flat(make()(X, **({} if mask is None else {"mask": mask})))[0]
    expected = oracle.with_positions(X, vector, mask)
    assert distance(found[counts], expected[counts]) < EXACT


@layers
def test_padding_on_the_left_moves_nothing(name):
    layer = MAKERS[name][0]()
    padded = np.pad(X[:, :4], [(0, 0), (2, 0), (0, 0)])
    mask = np.pad(np.ones((BATCH, 4), bool), [(0, 0), (2, 0)])
    assert distance(layer(padded, mask=mask)[:, 2:], layer(X[:, :4])) < SAME
    assert distance(layer(padded)[:, 2:], layer(X[:, :4])) > 0.1


@layers
def test_a_mask_that_comes_is_used_and_handed_on(name):
    ids = np.array([[0, 0, 3, 4], [1, 2, 0, 5]])
    x = keras.layers.Embedding(9, FEATURES, mask_zero=True, dtype="float64")(ids)
    layer = MAKERS[name][0]()
    y = layer(x)
    assert np.array_equal(ops.convert_to_numpy(y._keras_mask), ids != 0)
    assert distance(y, layer(np.asarray(x), mask=ids != 0)) == 0
    assert distance(y, layer(np.asarray(x))) > 0.1


@layers
def test_one_step_by_its_number_is_that_of_the_sequence(name):
    layer = MAKERS[name][0]()
    y = flat(layer(X))[0]
    for t in range(TIME):
        assert distance(layer.add(X[:, t], np.full(BATCH, t)), y[:, t]) < SAME


def test_far_positions_are_exact_enough_in_16_bits():
    p = np.arange(3000)
    layer = SinusoidalPositions(dtype="mixed_bfloat16")
    y = layer(np.zeros((1, len(p), 8), "float32"))
    assert distance(y[0], np.array([oracle.sinusoids(t, 8) for t in p])) < 0.01
    exact = sinusoids(ops.convert_to_tensor(p), 8, "float32")
    assert distance(exact, np.array([oracle.sinusoids(t, 8) for t in p])) < 5e-4
    x = ops.cast(ops.ones((1, len(p), 1, 4)), "bfloat16")
    turned = rotate(x, ops.convert_to_tensor(p[None]))
    assert keras.backend.standardize_dtype(turned.dtype) == "bfloat16"
    assert distance(turned[0, :, 0], np.array([oracle.turned(np.ones(4), t) for t in p])) < 0.02


def test_rotation_is_that_of_complex_numbers():
    x = normal(3, BATCH, TIME, 2, 6)
    p = np.random.default_rng(0).integers(0, 50, (BATCH, TIME))
    found = flat(rotate(ops.convert_to_tensor(x), ops.convert_to_tensor(p)))[0]
    for row, t, head in np.ndindex(x.shape[:3]):
        assert distance(found[row, t, head], oracle.turned(x[row, t, head], p[row, t])) < (
            1e-5 if ON_JAX else 1e-10
        )


@pytest.mark.parametrize("module", [attention, positions])
def test_examples_run(module):
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0


def test_numbers_without_a_mask_are_those_of_the_steps():
    assert flat(step_numbers(X))[0].tolist() == [[0, 1, 2, 3, 4]]


TOLD = (
    r"reads sequences of at most limit=6 steps; received a longer one. Make the limit larger, cut the "
    r"sequence, or take positions that have none: SinusoidalPositions, or `rotary=True` of SelfAttention"
)


def test_a_sequence_beyond_the_limit_is_refused_with_the_ways_out():
    with pytest.raises(ValueError, match=TOLD):
        learned()(np.zeros((1, LIMIT + 1, FEATURES)))
    assert learned()(np.zeros((1, LIMIT, FEATURES))).shape == (1, LIMIT, FEATURES)


@pytest.mark.skipif(ON_JAX, reason="on JAX every length is known")
def test_in_a_graph_too():
    import tensorflow as tf

    graph = tf.function(learned(), [tf.TensorSpec((None, None, FEATURES), "float64")])
    assert distance(graph(X), learned()(X)) < SAME
    with pytest.raises(tf.errors.InvalidArgumentError, match=TOLD):
        graph(np.zeros((1, LIMIT + 1, FEATURES)))


@pytest.mark.parametrize("limit", [0, 2.5])
def test_limits_that_are_none(limit):
    with pytest.raises(ValueError, match=f"`limit` must be a positive integer; received limit={limit}"):
        LearnedPositions(limit)


def test_what_is_no_sequence():
    with pytest.raises(ValueError, match=r"reads sequences of shape .*; received shape \(5, 7\)"):
        SinusoidalPositions()(X[0])
