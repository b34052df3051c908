"""The sliced likelihood against its equations, autodiff of the plain formula and difference quotients."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.ops.sliced_softmax import sliced_cross_entropy
from tests.contracts.arrays import distance, normal
from tests.contracts.test_jax import run_on_jax
from tests.reference.softmaxes import GRADIENT_MUTANTS, gradients, likelihoods

ROWS, TYPES, FEATURES, EXPERTS = 7, 9, 4, 3
KINDS = {  # name -> (experts, whether there is a bias)
    "plain": (None, True),
    "no bias": (None, False),
    "mixture": (EXPERTS, True),
    "mixture, no bias": (EXPERTS, False),
}
kinds = pytest.mark.parametrize("kind", KINDS)
#: One row at a time, an odd number, all, more than all; and numbers that seven is no multiple of.
slices = pytest.mark.parametrize("slice_rows", [1, 3, 4, 7, 100])
either = pytest.mark.parametrize("training", [False, True])


def draw(kind, rows=ROWS):
    """`(y, [h, w, E, b, log_prior])`, the last two where the kind has them."""
    experts, use_bias = KINDS[kind]
    y = np.random.default_rng(5).integers(0, TYPES, rows)
    h = normal(1, rows, *(() if experts is None else (experts,)), FEATURES)
    given = [h, normal(2, rows) + 0.5, normal(3, TYPES, FEATURES)]
    given += [normal(4, TYPES)] if use_bias else []
    if experts is not None:
        scores = normal(6, rows, experts)
        given.append(scores - np.log(np.exp(scores).sum(1, keepdims=True)))
    return y, given


def named(kind, given):
    h, w, E, *rest = given
    use_bias = KINDS[kind][1]
    b = rest.pop(0) if use_bias else None
    return {"h": h, "weights": w, "matrix": E, "bias": b, "log_prior": rest[0] if rest else None}


def ours(kind, y, given, **options):
    return sliced_cross_entropy(targets=y, **named(kind, given), **options)


def oracle(kind, y, given, function=likelihoods, **wrong):
    x = named(kind, given)
    return function(x["h"], y, x["weights"], x["matrix"], x["bias"], x["log_prior"], **wrong)


def plain(kind, y, given):
    """The formula, left to autodiff."""
    x = named(kind, given)
    z = tf.einsum("...d,vd->...v", x["h"], x["matrix"]) + (0 if x["bias"] is None else x["bias"])
    log_p = tf.nn.log_softmax(z)
    if x["log_prior"] is not None:
        log_p = tf.reduce_logsumexp(x["log_prior"][..., None] + log_p, axis=1)
    nll = -tf.gather(log_p, y, batch_dims=1)
    return tf.reduce_sum(x["weights"] * nll), nll


def value_and_gradients(function, given):
    """Of a number on which the gradient that comes in is neither 1 nor a constant."""
    given = [tf.convert_to_tensor(x) for x in given]
    with tf.GradientTape() as tape:
        tape.watch(given)
        total, nll = function(given)
        value = tf.sin(total) * total
    return [total, nll], tape.gradient(value, given)


@slices
@kinds
@either
def test_it_is_the_oracle(kind, slice_rows, training):
    y, given = draw(kind)
    found = ours(kind, y, given, slice_rows=slice_rows, training=training)
    assert distance(found, oracle(kind, y, given)) < 1e-10


@slices
@kinds
@either
def test_the_gradient_is_that_of_the_plain_formula(kind, slice_rows, training):
    y, given = draw(kind)
    found = value_and_gradients(partial(ours, kind, y, slice_rows=slice_rows, training=training), given)
    assert distance(found, value_and_gradients(partial(plain, kind, y), given)) < 1e-10


@kinds
def test_the_gradient_is_the_difference_quotient(kind):
    y, given = draw(kind)
    for k, found in enumerate(total_gradients(kind, y, given, partial(ours, slice_rows=3))):
        for place in np.ndindex(given[k].shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [x.copy() for x in given]
                moved[k][place] += step
                ends.append(oracle(kind, y, moved)[0])
            assert abs(found.numpy()[place] - (ends[0] - ends[1]) / 2e-5) < 1e-7


def total_gradients(kind, y, given, function=ours):
    tensors = [tf.convert_to_tensor(x) for x in given]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total, _ = function(kind, y, tensors)
    return tape.gradient(total, tensors)


@kinds
def test_the_gradient_is_that_of_the_equations_and_of_no_wrong_ones(kind):
    y, given = draw(kind)
    found = total_gradients(kind, y, given)
    assert distance(found, oracle(kind, y, given, gradients)) < 1e-10
    wrong = list(GRADIENT_MUTANTS) if KINDS[kind][0] else list(GRADIENT_MUTANTS)[:3]
    for mutant in wrong:
        other = oracle(kind, y, given, gradients, **GRADIENT_MUTANTS[mutant])
        assert distance(found, other) > 1e-3, mutant


def test_what_is_left_out_shows():
    y, given = draw("mixture")
    total, nll = oracle("mixture", y, given)
    h, w, E, b, log_prior = given
    for wrong in ([h, w, E, 0 * b, log_prior], [h, w, E, b, 0 * log_prior], [h, 0 * w + 1, E, b, log_prior]):
        assert distance(ours("mixture", y, given), oracle("mixture", y, wrong)) > 1e-3
    assert distance(ours("mixture", y, given), [total, nll]) < 1e-10


@kinds
def test_the_likelihoods_have_no_gradient(kind):
    y, given = draw(kind)
    given = [tf.convert_to_tensor(x) for x in given]
    with tf.GradientTape() as tape:
        tape.watch(given)
        _, nll = ours(kind, y, given)
    assert tape.gradient(nll, given) == [None] * len(given)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("kind", ["plain", "mixture, no bias"])
def test_in_graphs(kind, known, jit_compile):
    y, given = draw(kind)

    def function(y, *given):
        return value_and_gradients(partial(ours, kind, y, slice_rows=3), given)

    def spec(x):
        unknown = not known and len(x) == ROWS
        return tf.TensorSpec([None, *x.shape[1:]] if unknown else x.shape, x.dtype)

    graph = tf.function(function, autograph=False, jit_compile=jit_compile)
    graph = graph.get_concrete_function(spec(y), *(spec(x) for x in given))
    for rows in (ROWS,) if known else (ROWS, 2, 6):
        y, given = draw(kind, rows)
        found = graph(tf.constant(y), *map(tf.constant, given))
        assert distance(found, value_and_gradients(partial(plain, kind, y), given)) < 1e-10


@either
@kinds
def test_without_rows_there_is_nothing(kind, training):
    y, given = draw(kind, 0)
    (total, nll), found = value_and_gradients(partial(ours, kind, y, training=training), given)
    assert total == 0
    assert nll.shape == (0,)
    assert [x.shape for x in found] == [x.shape for x in given]
    assert all(not np.any(x) for x in found)


@kinds
def test_scores_far_apart(kind):
    """The logarithm of a probability that is zero in floating point."""
    y, (h, w, E, *rest) = draw(kind)
    given = [h, w, 1e4 * E, *rest]
    y = np.argmin(np.sum(h.reshape(ROWS, -1, 1, FEATURES) * E, axis=(1, 3)), axis=-1)
    (_, nll), (_, expected) = ours(kind, y, given), plain(kind, y, given)
    assert 1000 < max(nll) < np.inf
    assert distance(nll / expected, np.ones(ROWS)) < 1e-12
    found, expected = total_gradients(kind, y, given), total_gradients(kind, y, given, plain)
    assert distance(found, expected) < 1e-12 * max(np.abs(x).max() for x in expected)


@slices
@kinds
def test_in_16_bits_products_are_rounded_and_sums_are_not(kind, slice_rows):
    y, given = draw(kind)
    h, *rest = (tf.cast(x, "float32") for x in given)
    short = [tf.cast(h, "bfloat16"), *rest]
    with tf.GradientTape() as tape:
        tape.watch(short)
        total, nll = ours(kind, y, short, slice_rows=slice_rows)
    found = tape.gradient(total, short)
    assert [x.dtype for x in (total, nll, *found)] == ["float32"] * 2 + ["bfloat16"] + ["float32"] * len(rest)
    exact = total_gradients(kind, y, given)
    size = max(np.abs(x).max() for x in exact)
    assert 1e-5 < distance(found, exact) < 8 * 2.0**-8 * size
    assert 1e-5 < distance(nll, oracle(kind, y, given)[1]) < 8 * 2.0**-8 * np.abs(nll).max()


# ---------------------------------------------------------------------------- a rest, an augmented total

ALPHA, TAU = 0.7, 2.5


def with_rest(y, given, **options):
    h, w, E, b, log_prior, log_rest = given
    return sliced_cross_entropy(h, y, w, E, b, log_prior, log_rest, **options)


def plain_with_rest(y, given):
    h, w, E, b, log_prior, log_rest = given
    log_p = tf.nn.log_softmax(tf.einsum("...d,vd->...v", h, E) + b)
    p = tf.reduce_sum(tf.exp(log_prior[..., None] + log_p), axis=1)
    nll = -tf.math.log(tf.gather(p, y, batch_dims=1) + tf.exp(log_rest))
    return tf.reduce_sum(w * nll), nll


def augmented(y, given, **options):
    return sliced_cross_entropy(given[0], y, *given[1:], augmentation=(ALPHA, TAU), **options)


def plain_augmented(y, given):
    h, w, E, b = given
    z = h @ tf.transpose(E) + b
    nll = -tf.gather(tf.nn.log_softmax(z), y, batch_dims=1)
    t = tf.stop_gradient(tf.nn.softmax(tf.gather(E, y) @ tf.transpose(E) / TAU))
    divergence = tf.reduce_sum(t * (tf.math.log(t) - tf.nn.log_softmax(z / TAU)), axis=1)
    return tf.reduce_sum(w * (nll + ALPHA * TAU * divergence)), nll


EPS = 0.3


def smoothed(y, given, **options):
    return sliced_cross_entropy(given[0], y, *given[1:], smoothing=EPS, **options)


def plain_smoothed(y, given):
    h, w, E, b = given
    log_p = tf.nn.log_softmax(h @ tf.transpose(E) + b)
    nll = -tf.gather(log_p, y, batch_dims=1)
    return tf.reduce_sum(w * ((1 - EPS) * nll - EPS * tf.reduce_mean(log_p, axis=1))), nll


MORE = {
    "rest": ("mixture", with_rest, plain_with_rest, lambda given: [*given, normal(7, ROWS) - 3]),
    "augmented": ("plain", augmented, plain_augmented, lambda given: given),
    "smoothed": ("plain", smoothed, plain_smoothed, lambda given: given),
}
more = pytest.mark.parametrize("name", MORE)


@slices
@more
def test_more_parts_are_those_of_the_plain_formula(name, slice_rows):
    kind, function, formula, extend = MORE[name]
    y, given = draw(kind)
    given = extend(given)
    found = value_and_gradients(partial(function, y, slice_rows=slice_rows), given)
    assert distance(found, value_and_gradients(partial(formula, y), given)) < 1e-10


@either
def test_a_rest_counts_in_and_out_of_training(training):
    y, given = draw("mixture")
    given = [*given, normal(7, ROWS) - 3]
    found = value_and_gradients(partial(with_rest, y, slice_rows=3, training=training), given)
    assert distance(found, value_and_gradients(partial(plain_with_rest, y), given)) < 1e-10
    assert distance(found[0], ours("mixture", y, given[:-1])) > 1e-2


def test_a_rest_of_nothing_is_none():
    y, given = draw("mixture")
    (total, nll), found = value_and_gradients(partial(with_rest, y), [*given, np.full(ROWS, -1e9)])
    expected, gradients = value_and_gradients(partial(ours, "mixture", y), given)
    assert distance([total, nll], expected) < 1e-12
    assert distance(found, [*gradients, np.zeros(ROWS)]) < 1e-12


@pytest.mark.parametrize("function", [augmented, smoothed])
def test_outside_of_training_a_total_has_nothing_more(function):
    y, given = draw("plain")
    found = value_and_gradients(partial(function, y, training=False, slice_rows=3), given)
    assert distance(found, value_and_gradients(partial(plain, "plain", y), given)) < 1e-10
    trained = function(y, given, slice_rows=3)
    assert abs(float(trained[0] - found[0][0])) > 0.1
    assert distance(trained[1], found[0][1]) < 1e-12


def test_the_gradient_of_an_augmented_total_is_the_difference_quotient():
    """By all but E, of which the target of the second part is made: that is taken for a constant."""
    y, given = draw("plain")
    found = total_gradients("", y, given, lambda kind, y, given: augmented(y, given, slice_rows=3))
    for k in (0, 1, 3):
        for place in np.ndindex(given[k].shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [x.copy() for x in given]
                moved[k][place] += step
                ends.append(float(augmented(y, moved)[0]))
            assert abs(found[k].numpy()[place] - (ends[0] - ends[1]) / 2e-5) < 1e-7


ON_JAX = """
import sys
import jax, jax.numpy as jnp, numpy as np
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy

def draw(experts, use_bias, rows=7, types=9, features=4):
    random = np.random.default_rng(0)
    h = random.normal(size=(rows, *(() if experts is None else (experts,)), features))
    given = {"h": h, "weights": random.normal(size=rows), "matrix": random.normal(size=(types, features))}
    if use_bias:
        given["bias"] = random.normal(size=types)
    if experts is not None:
        given["log_prior"] = np.asarray(jax.nn.log_softmax(random.normal(size=(rows, experts))))
    return random.integers(0, types, rows), given

def plain(y, h, weights, matrix, bias=0.0, log_prior=None):
    log_p = jax.nn.log_softmax(h @ matrix.T + bias)
    if log_prior is not None:
        log_p = jax.nn.logsumexp(log_prior[..., None] + log_p, axis=1)
    nll = -jnp.take_along_axis(log_p, y[:, None], 1)[:, 0]
    return weights @ nll, nll

def number(function, y, **options):
    def of(given):
        total, nll = function(y, **given, **options)
        return jnp.sin(total) * total, nll
    return jax.jit(jax.value_and_grad(of, has_aux=True))

for experts in (None, 3):
    for use_bias in (True, False):
        y, given = draw(experts, use_bias)
        expected = number(plain, y)(given)
        for training in (False, True):
            for slice_rows in (1, 3, 100):
                ours = lambda y, **given: sliced_cross_entropy(
                    targets=y, slice_rows=slice_rows, training=training, **given
                )
                found = number(ours, y)(given)
                pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
                print(all(np.abs(a - b).max() < 1e-10 for a, b in pairs))

def augmented(y, h, weights, matrix, bias):
    z, t = h @ matrix.T + bias, jax.nn.softmax(matrix[y] @ matrix.T / 2.5)
    t = jax.lax.stop_gradient(t)
    total, nll = plain(y, h, weights, matrix, bias)
    return total + 0.7 * 2.5 * weights @ (t * (jnp.log(t) - jax.nn.log_softmax(z / 2.5))).sum(1), nll

def with_rest(y, log_rest, weights, **given):
    _, nll = plain(y, weights=weights, **given)
    nll = -jnp.logaddexp(-nll, log_rest)
    return weights @ nll, nll

for experts, reference, options in ((None, augmented, {"augmentation": (0.7, 2.5)}), (3, with_rest, {})):
    y, given = draw(experts, True)
    if experts:
        given["log_rest"] = given["weights"] - 3
    ours = lambda y, **given: sliced_cross_entropy(targets=y, slice_rows=3, **options, **given)
    found, expected = (jax.tree.leaves(number(function, y)(given)) for function in (ours, reference))
    pairs = zip(found, expected, strict=True)
    print(all(np.abs(a - b).max() < 1e-10 for a, b in pairs))
"""


def test_on_jax():
    assert run_on_jax("-c", ON_JAX).splitlines() == ["True"] * (2 * 2 * 2 * 3 + 2)


PEAKS = """
import json, sys
import tensorflow as tf
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy
from tests.benchmarks.peak_memory import peak_kilobytes

types, features, few, slice_rows, experts = 4000, 8, 2048, int(sys.argv[1]), int(sys.argv[2])
E = tf.random.normal((types, features))

@tf.function(autograph=False)
def step(h, y):
    # The rows are not known while the graph is made, and so are those of a mixture.
    log_prior = tf.nn.log_softmax(tf.zeros((tf.shape(h)[0], experts))) if experts > 1 else None
    with tf.GradientTape() as tape:
        tape.watch([h, E])
        total, _ = sliced_cross_entropy(
            h, y, tf.ones(tf.shape(y)), E, log_prior=log_prior, slice_rows=slice_rows
        )
    return tape.gradient(total, [h, E])

shape = (None, experts, features) if experts > 1 else (None, features)
step = step.get_concrete_function(tf.TensorSpec(shape), tf.TensorSpec((None,), "int32"))
peaks = []
for rows in (few, few, 8 * few):
    step(tf.random.normal((rows, *shape[1:])), tf.zeros(rows, "int32"))
    peaks.append(peak_kilobytes() / 1024)
print(json.dumps(peaks))
"""


@pytest.mark.slow
@pytest.mark.parametrize("experts", [1, 3])
def test_memory_does_not_grow_with_the_rows(experts):
    def growth(slice_rows):
        """Megabytes by which the peak grows when rows become eight times as many."""
        result = subprocess.run(
            [sys.executable, "-c", PEAKS, str(slice_rows), str(experts)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        _, before, after = json.loads(result.stdout.splitlines()[-1])
        return after - before

    all_scores = 8 * 2048 * experts * 4000 * 4 / 2**20  # MB, 250 of each expert
    assert growth(256) < all_scores / 8
    # In one slice it does: seven eighths of them are new.
    assert growth(8 * 2048 * experts) > all_scores * 3 / 4
