"""Attention pooling: weights and pooled vectors, the penalty and its gradient, masks; what is refused."""

import keras
import numpy as np
import pytest

from keras_rnn.layers import AttentionPooling
from tests.contracts.arrays import BATCH, EXACT, MASKS, ON_JAX, TIME, distance, flat, normal
from tests.reference import self_attention as oracle

UNITS, HOPS, FEATURES = 4, 3, 6
X = normal(1, BATCH, TIME, FEATURES)
WEIGHTS = [normal(2, FEATURES, UNITS), normal(3, UNITS, HOPS)]


def pooling(**arguments):
    layer = AttentionPooling(UNITS, HOPS, **{"dtype": "float64", **arguments})
    layer.build((None, None, FEATURES))
    layer.set_weights(WEIGHTS)
    return layer


def call_of(mask):
    return {} if MASKS[mask] is None else {"mask": MASKS[mask]}


@pytest.mark.parametrize("mask", MASKS)
def test_it_is_its_oracle(mask):
    expected = oracle.attention_pooling(WEIGHTS, X, MASKS[mask])
    assert distance(pooling()(X, return_weights=True, **call_of(mask)), expected) < EXACT
    assert distance(pooling()(X, **call_of(mask)), expected[0]) < EXACT


def mutant(x, score=np.tanh, hops=(0, 1, 2), axis=1):
    W_1, W_2 = WEIGHTS
    e = np.exp(score(x @ W_1) @ W_2)
    A = np.swapaxes(e / e.sum(axis, keepdims=True), 1, 2)[:, list(hops)]
    return (A @ x).reshape(BATCH, -1)


@pytest.mark.parametrize(
    "wrong", [{"score": lambda z: z}, {"hops": (0, 0, 0)}, {"hops": (2, 1, 0)}, {"axis": 2}]
)
def test_it_differs_from_mutants(wrong):
    y = pooling()(X)
    assert distance(y, mutant(X)) < EXACT
    assert distance(y, mutant(X, **wrong)) > 1e-3


def by_hand(x, mask):
    A = oracle.attention_pooling(WEIGHTS, x, MASKS[mask])[1]
    return 0.3 * oracle.overlap(A, np.ones((BATCH, TIME), bool) if MASKS[mask] is None else MASKS[mask])


@pytest.mark.parametrize("mask", MASKS)
def test_the_penalty_is_the_mean_over_rows_that_count(mask):
    layer = pooling(penalty=0.3)
    layer(X, training=True, **call_of(mask))
    (loss,) = layer.losses
    assert abs(float(loss) - by_hand(X, mask)) < EXACT


def test_no_penalty_at_inference_nor_without_a_weight():
    for layer, training in ((pooling(penalty=0.3), False), (pooling(), True)):
        layer(X, training=training)
        assert layer.losses == []


@pytest.mark.skipif(ON_JAX, reason="a GradientTape")
def test_the_gradient_of_the_penalty():
    import tensorflow as tf

    layer, x = pooling(penalty=0.3), tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        layer(x, training=True, mask=MASKS["empty row"])
        (loss,) = layer.losses
    gradient = tape.gradient(loss, x).numpy()
    assert np.isfinite(gradient).all() and not gradient[1].any()
    for place in np.random.default_rng(0).permutation(list(np.ndindex(X.shape)))[:20]:
        step = np.zeros_like(X)
        step[tuple(place)] = 1e-6
        change = by_hand(X + step, "empty row") - by_hand(X - step, "empty row")
        assert abs(gradient[tuple(place)] - change / 2e-6) < 1e-7


def test_a_mask_that_comes_is_used_and_ends():
    ids = np.array([[4, 2, 0], [3, 0, 0]])
    x = keras.layers.Embedding(6, FEATURES, mask_zero=True, dtype="float64")(ids)
    y = pooling()(x)
    assert getattr(y, "_keras_mask", None) is None
    assert distance(y, pooling()(np.asarray(x), mask=ids != 0)) == 0
    assert pooling().compute_output_shape((None, None, FEATURES)) == (None, HOPS * FEATURES)


def test_of_one_step_and_in_a_model_that_is_trained():
    assert distance(pooling()(X[:, :1]), np.tile(X[:, 0], HOPS)) < 1e-12
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), AttentionPooling(4, 2, 0.1), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.05), "mse")
    x, y = X.astype("float32"), X[:, 0, :1]
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert np.isfinite(flat(model(x))[0]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AttentionPooling(0), "`units` must be a positive integer; received units=0"),
        (lambda: AttentionPooling(3, 0), "`hops` must be a positive integer; received hops=0"),
        (lambda: AttentionPooling(3, penalty=-1), "`penalty` must be a number of .*; received penalty=-1"),
        (lambda: AttentionPooling(3)(X[0]), r"reads sequences of shape .*; received shape \(5, 6\)"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
