"""The attentions are their equations: numbers, mutants, gradients, dropout, precision; what they refuse."""

from functools import cache

import keras
import numpy as np
import pytest

from keras_rnn import layers
from tests.contracts.arrays import EXACT, SAME, distance, flat, normal
from tests.contracts.backend import loss
from tests.layers.attention_cases import (
    ATTENTIONS,
    BATCH,
    HIDDEN,
    MEMORY,
    MEMORY_MASK,
    SOURCE,
    TIME,
    UNITS,
    attention_of,
    by_name,
)
from tests.reference import attention as oracle
from tests.reference.attention import ATTEND_MUTANTS, BAHDANAU_MUTANTS, COVERAGE_MUTANTS, LUONG_MUTANTS

MASKS = {"all": None, "masked": MEMORY_MASK}
COVERING = [name for name in ATTENTIONS if "covering" in name]
VISIBLE = 1e-6


def queries(name):
    return normal(3, BATCH, TIME, ATTENTIONS[name].query)


MEMORIES = normal(4, BATCH, SOURCE, MEMORY)


@cache
def found(name):
    return flat(attention_of(name)(queries(name), MEMORIES, memory_mask=MEMORY_MASK, return_weights=True))


def expected(name, run=oracle.attention, score=None, mask=MEMORY_MASK, time=TIME):
    weights = by_name(attention_of(name))
    return run(score or ATTENTIONS[name].score, queries(name)[:, :time], MEMORIES, weights, mask)


# ---------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", ATTENTIONS)
def test_it_is_its_oracle(name, mask):
    call = {"memory_mask": MASKS[mask], "return_weights": True}
    c, a = attention_of(name)(queries(name), MEMORIES, **call)
    assert distance((c, a), expected(name, mask=MASKS[mask])) < EXACT
    sums = np.asarray(keras.ops.convert_to_numpy(a)).sum(-1)
    assert np.allclose(sums, 1 if mask == "all" else MEMORY_MASK.any(-1)[:, None])


@pytest.mark.parametrize("name", ATTENTIONS)
def test_one_query_has_no_time_axis(name):
    call = {"memory_mask": MEMORY_MASK, "return_weights": True}
    c, a = attention_of(name)(queries(name)[:, 0], MEMORIES, **call)
    assert distance((c, a), [y[:, 0] for y in expected(name, time=1)]) < EXACT
    assert distance(attention_of(name)(queries(name)[:, 0], MEMORIES, memory_mask=MEMORY_MASK), c) == 0


@pytest.mark.parametrize("name", COVERING)
def test_attending_one_by_one_with_the_sum_of_the_weights_is_attending_in_order(name):
    layer = attention_of(name)
    constants, seen = layer.get_constants(MEMORIES, MEMORY_MASK), normal(9, BATCH, SOURCE)
    c, a = layer.attend_in_order(keras.ops.convert_to_tensor(queries(name)), constants, seen)
    for t in range(TIME):
        one = layer.attend(keras.ops.convert_to_tensor(queries(name)[:, t]), constants, seen)
        assert distance(one, (c[:, t], a[:, t])) < SAME
        seen = seen + flat(one[1])[0]


@pytest.mark.parametrize("mutant", ATTEND_MUTANTS)
@pytest.mark.parametrize("name", [name for name in ATTENTIONS if name != "uniform"])
def test_it_differs_from_mutants_of_reading(name, mutant):
    wrong = expected(name, oracle.attention_with(attend=ATTEND_MUTANTS[mutant]))
    assert distance(found(name), wrong) > VISIBLE


@pytest.mark.parametrize("mutant", COVERAGE_MUTANTS)
@pytest.mark.parametrize("name", COVERING)
def test_it_differs_from_mutants_of_coverage(name, mutant):
    assert distance(found(name), expected(name, oracle.attention_with(**COVERAGE_MUTANTS[mutant]))) > VISIBLE


@pytest.mark.parametrize("name", ["bahdanau", "general", "uniform"])
def test_it_differs_from_reading_another_row(name):
    wrong = oracle.attention_with(memory_row=lambda row, rows: (row + 1) % rows)
    assert distance(found(name), expected(name, wrong)) > VISIBLE


@pytest.mark.parametrize("mutant", BAHDANAU_MUTANTS)
def test_additive_scores_differ_from_mutants(mutant):
    name = "bahdanau normalized covering"
    assert distance(found(name), expected(name, score=BAHDANAU_MUTANTS[mutant])) > VISIBLE


@pytest.mark.parametrize("mutant", LUONG_MUTANTS)
@pytest.mark.parametrize("name", ["dot", "scaled_dot", "general", "concat"])
def test_multiplicative_scores_differ_from_mutants(name, mutant):
    wrong = LUONG_MUTANTS[mutant](getattr(oracle, name))
    name = f"{name} scaled covering"
    assert distance(found(name), expected(name, score=wrong)) > VISIBLE


@pytest.mark.parametrize("mutant", oracle.LIKENESS_MUTANTS)
def test_likeness_differs_from_mutants(mutant):
    right, wrong = oracle.LIKENESS_MUTANTS[mutant]
    assert distance(found(right.__name__), expected(right.__name__, score=oracle.luong_with(wrong))) > VISIBLE


@pytest.mark.parametrize("name", ATTENTIONS)
def test_rows_and_padding_do_not_mix(name):
    layer, q = attention_of(name), queries(name)
    call = {"memory_mask": MEMORY_MASK, "return_weights": True}
    other = np.where(MEMORY_MASK[:, :, None], MEMORIES, 7.0 * normal(8, *MEMORIES.shape))
    assert distance(layer(q, other, **call), found(name)) < SAME
    longer = np.concatenate([MEMORIES, normal(8, BATCH, 2, MEMORY)], axis=1)
    c, a = layer(q, longer, memory_mask=np.pad(MEMORY_MASK, [(0, 0), (0, 2)]), return_weights=True)
    assert distance((c, a[:, :, :SOURCE]), found(name)) < SAME and not flat(a)[0][:, :, SOURCE:].any()
    alone = layer(q[2:], MEMORIES[2:], memory_mask=MEMORY_MASK[2:], return_weights=True)
    assert distance(alone, [y[2:] for y in found(name)]) < SAME


# ---------------------------------------------------------------------------- gradients


def central_difference(function, array, place, step=2e-6):
    here = array[place]
    values = []
    for moved in (here + step, here - step):
        array[place] = moved
        values.append(function())
    array[place] = here
    return (values[0] - values[1]) / (2 * step)


def gradients_of(layer, q, memory):
    """Of the loss of context and weights, by queries, memory and weights."""
    import tensorflow as tf

    arrays = [tf.constant(q), tf.constant(memory)]
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        value = loss(layer(*arrays, memory_mask=MEMORY_MASK, return_weights=True))
    sources = [*arrays, *(w.value for w in layer.trainable_variables)]
    return tape.gradient(value, sources, unconnected_gradients="zero")


@pytest.mark.parametrize("name", [name for name in ATTENTIONS if name in COVERING or name == "uniform"])
def test_gradients(name):
    layer = attention_of(name)
    q, memory = queries(name), MEMORIES.copy()
    names = [w.name for w in layer.trainable_variables]
    weights = by_name(layer)

    def oracle_loss():
        c, a = oracle.attention(ATTENTIONS[name].score, q, memory, weights, MEMORY_MASK)
        return np.sum(c * (c + 1)) + 2 * np.sum(a * (a + 1))

    gradients = gradients_of(layer, q, memory)
    arrays = [q, memory, *(weights[n] for n in names)]
    for array, gradient in zip(arrays, flat(gradients), strict=True):
        places = list(np.ndindex(array.shape))
        chosen = np.random.default_rng(3).permutation(len(places))[:16]
        for place in (places[k] for k in chosen):  # a row with nothing to read has gradients, too
            assert abs(gradient[place] - central_difference(oracle_loss, array, place)) < 1e-6


# ---------------------------------------------------------------------------- the rest


@pytest.mark.parametrize("name", ["bahdanau normalized covering", "general scaled covering", "uniform"])
def test_a_graph_of_unknown_sizes_gives_the_same(name):
    import tensorflow as tf

    layer = attention_of(name)
    graph = tf.function(
        lambda q, m, mask: layer(q, m, memory_mask=mask, return_weights=True),
        [
            tf.TensorSpec((None, None, ATTENTIONS[name].query), "float64"),
            tf.TensorSpec((None, None, MEMORY), "float64"),
            tf.TensorSpec((None, None), "bool"),
        ],
    )
    assert distance(graph(queries(name), MEMORIES, MEMORY_MASK), found(name)) < SAME
    c, a = graph(queries(name)[:2, :1], MEMORIES[:2, :3], MEMORY_MASK[:2, :3])
    assert c.shape == (2, 1, MEMORY) and a.shape == (2, 1, 3)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float32"])
@pytest.mark.parametrize("name", ["bahdanau normalized covering", "dot scaled covering", "uniform"])
def test_with_fewer_bits_it_is_as_near_as_the_bits_allow(name, dtype):
    layer = attention_of(name, dtype=dtype)
    layer.set_weights(attention_of(name).get_weights())
    c, a = layer(queries(name), MEMORIES, memory_mask=MEMORY_MASK, return_weights=True)
    assert keras.backend.standardize_dtype(c.dtype) == layer.compute_dtype
    assert keras.backend.standardize_dtype(a.dtype) == "float32"
    assert distance((c, a), found(name)) < (1e-5 if dtype == "float32" else 0.2)


@pytest.mark.parametrize("name", ["bahdanau covering", "general"])
def test_dropout_is_one_mask_of_the_weights_for_all_queries_and_none_at_inference(name):
    layer = attention_of(name, dropout=0.5, seed=4)
    call = {"memory_mask": MEMORY_MASK, "return_weights": True}
    assert distance(layer(queries(name), MEMORIES, **call), found(name)) < SAME
    eye = np.tile(np.eye(SOURCE, MEMORY), (BATCH, 1, 1))  # the context shows the weights that were used
    c, a = flat(layer(queries(name), eye, training=True, return_weights=True))
    factors = c[:, :, :SOURCE] / a
    assert np.allclose(factors, factors[:, :1])
    assert np.allclose(np.sort(np.unique(factors.round(9))), [0, 2])
    assert not np.allclose(factors[0], factors[1])
    # The weights returned are those before dropout: what a plot shows, and coverage counts.
    assert np.allclose(a.sum(-1), 1)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_it_comes_back_from_its_config(name):
    layer = attention_of(name, dropout=0.25, seed=3, name="reads")
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config and again.dropout == 0.25 and again.seed == 3
    again.build((None, None, ATTENTIONS[name].query), (None, None, MEMORY))
    assert [w.name for w in again.weights] == [w.name for w in layer.weights]


def test_the_mask_that_comes_with_the_memory_is_used():
    ids = np.array([[4, 2, 0], [3, 0, 0]])
    memory = keras.layers.Embedding(6, MEMORY, mask_zero=True)(ids)
    q = normal(1, 2, TIME, UNITS).astype("float32")
    layer = layers.LuongAttention()
    _, a = layer(q, memory, return_weights=True)
    assert not flat(a)[0][1, :, 1:].any() and not flat(a)[0][0, :, 2:].any()
    _, plain = layer(q, np.asarray(memory), return_weights=True)
    assert flat(plain)[0].all()


def test_weights_are_as_many_as_the_formula_says_and_start_where_it_says():
    layer = layers.BahdanauAttention(HIDDEN, normalize=True, coverage=True)
    layer.build((None, None, UNITS), (None, None, MEMORY))
    assert layer.count_params() == (UNITS + MEMORY + 2) * HIDDEN + HIDDEN + 1
    assert np.isclose(by_name(layer)["scale"], HIDDEN**-0.5) and not by_name(layer)["bias"].any()
    layer = layers.LuongAttention(scale=True, coverage=True)
    layer.build((None, None, UNITS), (None, None, MEMORY))
    assert by_name(layer)["scale"] == 1 and by_name(layer)["coverage_scale"] == 0


# ---------------------------------------------------------------------------- what is refused

Q, M = np.zeros((2, 4, 3), "float32"), np.zeros((2, 5, 3), "float32")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.BahdanauAttention(0), "`units` must be a positive integer; received units=0"),
        (lambda: layers.BahdanauAttention(3, dropout=1.0), "`dropout` must be .* received dropout=1.0"),
        (lambda: layers.UniformAttention(dropout=-0.5), "`dropout` must be .* received dropout=-0.5"),
        (lambda: layers.LuongAttention("cosine"), "`score` must be one of .*; received score='cosine'"),
        (lambda: layers.LuongAttention("concat"), "`units` is the .* received units=None, score='concat'"),
        (lambda: layers.LuongAttention("dot", 3), "`units` is the size .* received units=3, score='dot'"),
        (lambda: layers.LuongAttention("concat", 0), "`units` must be a positive integer; received units=0"),
        (
            lambda: layers.LuongAttention("dot")(Q[:, :, :2], M),
            r"score='dot' needs queries as long as .* 3; received 2. Take score='general'",
        ),
        (
            lambda: layers.BahdanauAttention(3)(keras.Input((4, None)), M),
            r"The last dimension of the query of `.*` must be known; received shape \(None, 4, None\)",
        ),
        (
            lambda: layers.LuongAttention()(Q, keras.Input((4, None))),
            r"The last dimension of the memory of `.*` must be known; received shape \(None, 4, None\)",
        ),
        (
            lambda: layers.LuongAttention()(Q, M, memory_mask=np.ones((2, 6))),
            r"`memory_mask` must have .* \(2, 5\); received shape \(2, 6\)",
        ),
        (
            lambda: layers.LuongAttention()(Q, M, memory_mask=np.ones((2, 5, 3))),
            r"`memory_mask` must have shape \(batch, .*\); received shape \(2, 5, 3\)",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("layer", [layers.BahdanauAttention, layers.LuongAttention, layers.UniformAttention])
def test_memories_and_queries_of_another_shape(layer):
    make = (lambda: layer(3)) if layer is layers.BahdanauAttention else layer
    memory = r"`memory` of `.*` must have shape \(batch, source, d\); received shape "
    with pytest.raises(ValueError, match=memory + r"\(2, 3\)"):
        make()(Q, M[:, 0])
    with pytest.raises(ValueError, match=memory + r"\(2, 1, 5, 3\)"):
        make()(Q, M[:, None])
    with pytest.raises(ValueError, match=r"`query` of `.*` must have shape .*; received shape \(3,\)"):
        make()(Q[0, 0], M)
    with pytest.raises(ValueError, match="`memory` must have as many rows as the query, 2; received 1"):
        make()(Q, M[:1])
