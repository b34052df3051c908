"""Decoding against all hypotheses enumerated, plain loops and tables set by hand; graphs; bad input."""

import doctest
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_rnn.ops import Hypotheses, beam_search, greedy, repeat_rows, sample, sample_logits
from tests.contracts.test_jax import run_on_jax
from tests.ops.decoding_oracle import TreeModel, enumerate_all, repeats, search

END = 1


def arrays(found):
    return [None if x is None else ops.convert_to_numpy(x) for x in found]


def stepper(model, beam_size=1, with_attention=True):
    """A `step` and its first states: the number of the prefix, and how many ids have been read."""
    count = model.rows * model.nodes
    log_p = ops.convert_to_tensor(model.log_p.reshape(count, model.V), "float32")
    attention = ops.convert_to_tensor(model.attention.reshape(count, model.attention.shape[-1]), "float32")
    repeated = repeat_rows(ops.arange(model.rows, dtype="int32"), beam_size) * model.nodes

    def step(y, states, first=repeated):
        node, [count] = states
        node = ops.where(count[:, 0] == 0, 0, node * model.V + 1 + y)  # `start` is in no prefix
        place = first + ops.minimum(node, model.nodes - 1)  # of hypotheses that have ended nobody asks
        # A list where a tuple came in, and a tuple where a list did, are as good.
        found = ops.take(log_p, place, axis=0), [node, (count + 1,)]
        return (*found, ops.take(attention, place, axis=0)) if with_attention else found

    return step, (ops.zeros((model.rows,), "int32"), [ops.zeros((model.rows, 1))])


def search_all(model, beam_size, max_length, **settings):
    """`beam_search` of a `TreeModel`, as arrays; the same whether rows that are done leave it or stay."""
    step, states = stepper(model, beam_size)
    given = (step, states, 0, END, max_length, beam_size)
    found = arrays(beam_search(*given, source_mask=model.source_mask, **settings))
    assert not any(np.isnan(x).any() for x in found)
    if keras.backend.backend() == "tensorflow":
        constants = ops.arange(model.rows, dtype="int32") * model.nodes
        settings = {**settings, "constants": constants, "shrinking": True}
        again = arrays(beam_search(*given, source_mask=model.source_mask, **settings))
        for one, other in zip(found, again, strict=True):
            np.testing.assert_array_equal(one, other)
    return found


def assert_are(found, expected, model, n_best, max_length):
    """The hypotheses found, of all rows, are the first `n_best` of those expected, `search`'s."""
    ids, lengths, scores, log_p, attention = found
    assert ids.dtype == lengths.dtype == "int32" and scores.dtype == log_p.dtype == "float32"
    assert attention.shape == (model.rows, n_best, max_length, model.attention.shape[-1])
    for row, hypotheses in enumerate(expected):
        for n in range(n_best):
            score, total, y = hypotheses[n] if n < len(hypotheses) else (-np.inf, -np.inf, [])
            length = lengths[row, n]
            assert ids[row, n].tolist() == y + [END] * (max_length - len(y))
            assert length == len(y)
            np.testing.assert_allclose([scores[row, n], log_p[row, n]], [score, total], rtol=1e-5, atol=1e-5)
            for t, a in enumerate(attention[row, n]):
                written_by = model.after(row, y[:t])[1] if t < length else 0
                np.testing.assert_allclose(a, np.broadcast_to(written_by, a.shape), rtol=1e-6)


# ---------------------------------------------------------------------------- all hypotheses, enumerated


@pytest.fixture(scope="module")
def two_hundred():
    return TreeModel(seed=0, rows=200, V=5, depth=6)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0, -1.0])
@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_a_beam_of_full_width_finds_the_best_of_all(two_hundred, alpha, beta):
    # At most 4^5 prefixes live, and with their 5 continuations all are looked at if 2 * K of them are. By
    # log p alone half as many do, since of one length the best by log p is the best.
    K = 4**5 * 5 // 2 if beta else 4**5
    ids, lengths, scores, log_p, _ = search_all(
        two_hundred, K, 6, length_penalty=alpha, coverage_penalty=beta, n_best=3
    )
    every, ids_of = enumerate_all(two_hundred, END, alpha, beta)
    best = np.argsort(-every, axis=1)[:, :3]
    np.testing.assert_allclose(scores, np.take_along_axis(every, best, axis=1), rtol=1e-6, atol=1e-5)
    for row in range(two_hundred.rows):
        for n in range(3):
            y = ids_of(best[row, n])
            assert ids[row, n].tolist() == y + [END] * (6 - len(y))
            assert lengths[row, n] == len(y)
    if alpha == beta == 0:
        assert (scores == log_p).all()


def test_the_enumeration_is_the_search_without_a_limit(two_hundred):
    every, ids_of = enumerate_all(two_hundred, END, 0.6, 0.5)
    for row in range(2):
        score, _, ids = search(two_hundred, row, END, K=4**5 * 5, limit=6, alpha=0.6, beta=0.5)[0]
        assert ids == ids_of(np.argmax(every[row]))
        assert abs(score - every[row].max()) < 1e-12


# ---------------------------------------------------------------------------- plain loops, narrow beams

CASES = {
    "K 1": (1, 1, {}),
    "K 2": (2, 2, {}),
    "K 3, length": (3, 3, {"alpha": 1.0}),
    "K 3, negative length": (3, 3, {"alpha": -1.0}),
    "K 4, coverage": (4, 4, {"beta": 0.7}),
    "K 3, n_best above K": (3, 9, {"alpha": 0.8, "beta": 0.3}),
    "K 7, wider than V": (7, 4, {"alpha": 1.2, "beta": 0.2}),
    "minimum length": (3, 3, {"min_length": 3}),
    "no id twice": (3, 3, {"ngram": 1}),
    "no pair twice": (3, 3, {"ngram": 2, "alpha": 1.0, "min_length": 6}),
    "no triple twice": (4, 2, {"ngram": 3, "min_length": 6}),
}


@pytest.mark.parametrize("forbidden", [0.0, 0.4], ids=["all allowed", "some forbidden"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_search_in_plain_loops(case, forbidden):
    K, n_best, how = CASES[case]
    model = TreeModel(seed=len(case), rows=24, V=4, depth=6, forbidden=forbidden)
    if "ngram" in how:
        model = TreeModel(seed=len(case), rows=24, V=3, depth=8, forbidden=forbidden)
    limit = model.depth
    names = {"alpha": "length_penalty", "beta": "coverage_penalty", "ngram": "no_repeat_ngram"}
    found = search_all(model, K, limit, n_best=n_best, **{names.get(k, k): v for k, v in how.items()})
    expected = [search(model, row, END, K, limit, **how) for row in range(model.rows)]
    assert_are(found, expected, model, n_best, limit)


def test_each_row_has_its_limit():
    model, limits = TreeModel(seed=3, rows=12, V=4, depth=5), np.tile([1, 2, 3, 5], 3)
    expected = [search(model, row, END, 3, limits[row], 1.0) for row in range(model.rows)]
    for max_length in (limits, ops.convert_to_tensor(limits)):
        found = search_all(model, 3, max_length, length_penalty=1.0, n_best=3)
        assert_are(found, expected, model, 3, 5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    V=st.integers(2, 4),
    K=st.integers(1, 5),
    n_best=st.integers(1, 4),
    limit=st.integers(1, 4),
    forbidden=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    alpha=st.floats(-2, 2),
    beta=st.sampled_from([0.0, 1.5]),
    min_length=st.integers(0, 5),
    ngram=st.integers(0, 3),
)
def test_nothing_surprises_it(seed, V, K, n_best, limit, forbidden, alpha, beta, min_length, ngram):
    model = TreeModel(seed, rows=1, V=V, depth=limit, forbidden=forbidden)  # another would hide an early end
    found = search_all(
        *(model, K, limit),
        length_penalty=alpha,
        coverage_penalty=beta,
        min_length=min_length,
        no_repeat_ngram=ngram,
        n_best=n_best,
    )
    expected = search(model, 0, END, K, limit, alpha, beta, min_length, ngram)
    assert_are(found, [expected], model, n_best, limit)


# ---------------------------------------------------------------------------- tables set by hand


class Counted:
    """A first-order model, p[y] of the id after y, that counts its steps while it runs eagerly."""

    def __init__(self, p):
        with np.errstate(divide="ignore"):
            self.log_p, self.steps = ops.convert_to_tensor(np.log(p), "float32"), 0

    def __call__(self, y, states):
        self.steps += 1
        return ops.take(self.log_p, y, axis=0), states


def ids_and_p(found, row=0):
    """`[(ids, p)]` of a row, without what fills it up."""
    ids, lengths, _, log_p, _ = arrays(found)
    return [
        (y[:length].tolist(), round(float(np.exp(total)), 4))
        for y, length, total in zip(ids[row], lengths[row], log_p[row])
    ]


# Ids: 0 and 2 are words, 1 ends; 3 is only read first.
GREEDY_IS_WRONG = [[0.3, 0.4, 0.3, 0.0], [0.9, 0.1, 0.0, 0.0], [0.0, 0.9, 0.1, 0.0], [0.6, 0.0, 0.4, 0.0]]


def test_greedy_is_wrong_and_a_beam_is_right():
    step = Counted(GREEDY_IS_WRONG)
    assert ids_and_p(greedy(step, (), np.array([3]), END, 5)) == [([0, 1], 0.24)]
    assert ids_and_p(beam_search(step, (), np.array([3]), END, 5, beam_size=2)) == [([2, 1], 0.36)]


def test_what_is_finished_stays_as_it_is():
    # After the end, which would be read as any id, nearly all goes to id 0: that is no continuation of it.
    step = Counted(
        [[0.5, 0.25, 0.25, 0.0], [0.99, 0.0, 0.01, 0.0], [0.8, 0.1, 0.1, 0.0], [0.3, 0.4, 0.3, 0.0]]
    )
    found = ids_and_p(beam_search(step, (), np.array([3]), END, 6, beam_size=2, n_best=4))
    assert found[0] == ([1], 0.4)
    assert found[1] == ([0, 1], 0.075)
    assert all(y[-1] == END or len(y) == 6 for y, _ in found)
    assert all(END not in y[:-1] for y, _ in found)


def test_no_search_ends_while_a_longer_one_may_win():
    # By log p the end at once, 0.4, is best from the fifth step on, when the other has 0.6 * 0.9^4 = 0.39.
    p = np.array([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.6, 0.4, 0.0]])
    step = Counted(p)
    assert ids_and_p(beam_search(step, (), np.array([2]), END, 8, length_penalty=0.0)) == [([1], 0.4)]
    assert step.steps == 5
    step = Counted(p)
    found = beam_search(step, (), np.array([2]), END, 8, length_penalty=1.0)
    assert ids_and_p(found) == [([0] * 8, round(0.6 * 0.9**7, 4))]
    np.testing.assert_allclose(arrays(found)[2], np.log(0.6 * 0.9**7) / (13 / 6), rtol=1e-6)
    assert step.steps == 8


@pytest.mark.parametrize(
    ("p", "alpha", "n_best", "expected"),
    [
        # log 0.15 / lp(2) is less than log 0.4, and log 0.15 / lp(8) more; below 0 the other way round.
        ([[1, 0, 0], [0, 1, 0], [0.15, 0.4, 0]], 1.0, 1, [([0] * 8, 0.15)]),
        ([[0, 1, 0], [0, 1, 0], [0.6, 0.4, 0]], -1.0, 1, [([0, 1], 0.6)]),
        ([[0.5, 0.5, 0], [0, 1, 0], [0.6, 0.4, 0]], 0.0, 3, [([1], 0.4), ([0, 1], 0.3), ([0, 0, 1], 0.15)]),
    ],
    ids=["a longer one", "a shorter one", "one more"],
)
def test_a_row_alone_is_not_given_up(p, alpha, n_best, expected):
    found = beam_search(Counted(p), (), np.array([2]), END, 8, length_penalty=alpha, n_best=n_best)
    assert ids_and_p(found) == expected


def test_of_equals_the_earlier_stays_and_the_lower_id():
    step = Counted([[0.25, 0.5, 0.25, 0], [0, 1, 0, 0], [0.25, 0.5, 0.25, 0], [0.5, 0.25, 0.25, 0]])
    for n_best in (1, 2, 4):  # what ends with the second id is as probable as what ends at once
        found = ids_and_p(beam_search(step, (), np.array([3]), END, 6, beam_size=4, n_best=n_best))
        assert found == [([1], 0.25), ([0, 1], 0.25), ([2, 1], 0.125), ([0, 0, 1], 0.0625)][:n_best]


@pytest.mark.parametrize("search", [greedy, beam_search], ids=lambda search: search.__name__)
def test_the_loop_ends_with_the_last_row(search):
    p = np.full((5, 5), 0.0) + 0.01
    p[[0, 2, 3, 4], [2, 3, 4, 1]] = 0.96  # 0, 2, 3, 4 and the end
    p[1] = 0  # no way out
    for start, steps in (([4, 4], 1), ([4, 2], 3), ([0, 3], 4), ([1, 1], 1)):
        step = Counted(p)
        search(step, (), np.array(start), END, 1000)
        assert step.steps == steps


def test_a_beam_of_one_is_greedy_or_better():
    model = TreeModel(seed=9, rows=200, V=4, depth=5)
    step, states = stepper(model)
    first = arrays(greedy(step, states, 0, END, 5))
    found = arrays(beam_search(step, states, 0, END, 5, beam_size=1))
    same = (first[0] == found[0]).all((1, 2))
    assert (found[2][~same] > first[2][~same]).all()
    assert (found[2][same] == first[2][same]).all()
    assert 100 < same.sum() < 200
    # With no end that is second best there is no other.
    end_is_second = np.sort(model.log_p, axis=-1)[..., -2] == model.log_p[..., END]
    model.log_p[end_is_second, END] = -np.inf
    step, states = stepper(model)
    first = arrays(greedy(step, states, 0, END, 5))
    found = arrays(beam_search(step, states, 0, END, 5, beam_size=1))
    assert all(map(np.array_equal, first[:4], found[:4]))


# ---------------------------------------------------------------------------- one hypothesis


@pytest.mark.parametrize("ngram", [0, 2], ids=["repeating", "no pair twice"])
@pytest.mark.parametrize("forbidden", [0.0, 0.5], ids=["all allowed", "some forbidden"])
@pytest.mark.parametrize("min_length", [0, 3])
@pytest.mark.parametrize(
    "how", [None, {}, {"temperature": 1.7, "top_k": 3}], ids=["greedy", "sample", "top 3"]
)
def test_one_id_after_the_other(how, min_length, forbidden, ngram):
    model = TreeModel(seed=4, rows=40, V=4, depth=5, forbidden=forbidden)
    step, states = stepper(model)
    u, limits = np.random.default_rng(0).random((5, 40)).astype("float32"), np.tile([1, 5, 4, 5], 10)
    settings = {"min_length": min_length, "no_repeat_ngram": ngram, "source_mask": model.source_mask}
    if how is None:
        found = greedy(step, states, 0, END, limits, **settings)
    else:
        found = sample(step, states, 0, END, limits, u, **how, **settings)

    def by_hand(row):
        y, total = [], 0.0
        for t in range(limits[row]):
            log_p = model.after(row, y)[0].copy()
            log_p[END] = -np.inf if t + 1 < min_length else log_p[END]
            log_p[[repeats([*y, v], ngram) for v in range(4)]] = -np.inf
            if log_p.max() == -np.inf:
                return []
            drawn = sample_logits(log_p[None], u[t, [row]], **({"temperature": 0} if how is None else how))
            y.append(int(drawn[0]))
            total += log_p[y[-1]]
            if y[-1] == END:
                break
        return [(total, total, y)]

    assert_are(arrays(found), [by_hand(row) for row in range(40)], model, 1, 5)


# ---------------------------------------------------------------------------- graphs


class Translator(tf.Module):
    """Random weights: a recurrent decoder that attends to a memory, in float tensors."""

    V, UNITS = 11, 6

    def __init__(self, seed=1):
        random = np.random.default_rng(seed)
        shapes = {"E": (self.V, self.UNITS), "U": (self.UNITS, self.UNITS), "W": (self.UNITS, self.V)}
        self.weights = {
            name: tf.Variable(random.normal(size=s), dtype="float32") for name, s in shapes.items()
        }

    def search(self, memory, mask, max_length, beam_size, length_penalty, method=beam_search, **settings):
        E, U, W = (tf.convert_to_tensor(self.weights[name]) for name in "EUW")
        rows = 1 if method is greedy else beam_size
        repeated = repeat_rows((memory, mask), rows)

        def step(y, states, constants=repeated):
            own, seen = constants
            h = ops.tanh(ops.take(E, y, axis=0) + ops.matmul(states["h"], U))
            a = ops.softmax(ops.where(seen, ops.einsum("bu,bsu->bs", h, own), -1e9))
            z = ops.matmul(h + ops.einsum("bs,bsu->bu", a, own), W)
            return ops.log_softmax(z), {"h": h}, a

        if method is beam_search:
            settings = {"beam_size": beam_size, "length_penalty": length_penalty, "n_best": 2, **settings}
            settings["coverage_penalty"] = 0.3
        states = {"h": ops.zeros((ops.shape(memory)[0], self.UNITS))}
        return method(step, states, 0, END, max_length, source_mask=mask, no_repeat_ngram=2, **settings)

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None, UNITS], tf.float32),
            tf.TensorSpec([None, None], tf.bool),
            tf.TensorSpec([], tf.int32),
            tf.TensorSpec([], tf.int32),
            tf.TensorSpec([], tf.float32),
        ],
    )
    def translate(self, memory, mask, max_length, beam_size, length_penalty):
        given = (memory, mask, max_length, beam_size, length_penalty)
        found = self.search(*given, constants=(memory, mask), shrinking=True)
        return found._asdict()


def sentences(rows=5, time=4, seed=2):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, time + 1, rows)
    memory = random.normal(size=(rows, time, Translator.UNITS)).astype("float32")
    return tf.constant(memory), tf.constant(np.arange(time) < lengths[:, None])


def assert_same(found, expected):
    for name, x, y in zip(Hypotheses._fields, arrays(found), arrays(expected)):
        assert x.shape == y.shape, name
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5, err_msg=name)


def test_one_graph_serves_all_sizes():
    model = Translator()
    for rows, time, max_length, beam_size in ((5, 4, 7, 3), (1, 2, 12, 1), (3, 6, 1, 20), (0, 3, 4, 2)):
        given = (*sentences(rows, time), max_length, beam_size)
        expected = model.search(*given, length_penalty=0.8)
        found = model.translate(*given[:2], *map(tf.constant, given[2:]), tf.constant(0.8))
        assert found["ids"].shape == (rows, 2, max_length)
        assert_same([found[name] for name in expected._fields], expected)
    nothing = model.translate(*sentences(), tf.constant(0), tf.constant(3), tf.constant(0.8))
    assert nothing["ids"].shape == (5, 2, 0) and not nothing["lengths"].numpy().any()
    assert (nothing["scores"] == -np.inf).numpy().all()
    assert model.translate.experimental_get_tracing_count() == 1


def test_a_saved_graph_of_greedy_and_sample_serves_all_sizes(tmp_path):
    model = Translator()

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None, Translator.UNITS], tf.float32),
            tf.TensorSpec([None, None], tf.bool),
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([], tf.float32),
        ],
    )
    def both(memory, mask, u, temperature):
        steps, rest = tf.shape(u)[0], (1, 0.0)
        drawn = {"u": u, "temperature": temperature, "top_k": 5, "top_p": 0.9}
        found = model.search(memory, mask, steps, *rest, method=sample, **drawn)
        best = model.search(memory, mask, steps, *rest, method=greedy)
        return found._asdict(), best._asdict()

    model.both = both
    tf.saved_model.save(model, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    different = 0
    for rows, time, steps, temperature in ((5, 4, 7, 4.0), (1, 2, 12, 1.0), (3, 6, 1, 2.0)):
        (memory, mask), u = sentences(rows, time), np.random.default_rng(3).random((steps, rows))
        u, own = u.astype("float32"), {"temperature": temperature, "top_k": 5, "top_p": 0.9}
        drawn = model.search(memory, mask, steps, 1, 0.0, method=sample, u=u, **own)
        best = model.search(memory, mask, steps, 1, 0.0, method=greedy)
        different += int((arrays(drawn)[0] != arrays(best)[0]).any())
        for graph in (both, loaded.both):
            for found, expected in zip(graph(memory, mask, u, tf.constant(temperature)), (drawn, best)):
                assert_same([found[name] for name in expected._fields], expected)
    assert different


@pytest.mark.parametrize("method", [greedy, beam_search], ids=lambda method: method.__name__)
def test_xla_finds_the_same(method):
    model = Translator()

    @tf.function(autograph=False, jit_compile=True)
    def compiled(memory, mask):
        return model.search(memory, mask, 6, 3, 1.0, method=method, min_length=2)

    expected = model.search(*sentences(), 6, 3, 1.0, method=method, min_length=2)
    assert_same(compiled(*sentences()), expected)


@pytest.mark.parametrize("method", [greedy, beam_search], ids=lambda method: method.__name__)
def test_rows_do_not_know_each_other(method):
    model, (memory, mask) = Translator(), sentences()
    together = arrays(model.search(memory, mask, 9, 3, 1.0, method=method))
    for row in range(5):
        alone = model.search(memory[row : row + 1], mask[row : row + 1], 9, 3, 1.0, method=method)
        assert_same(alone, [x[row : row + 1] for x in together])
    assert len(set(together[1][:, 0].ravel())) > 1  # they do not end together


def test_a_saved_model_searches(tmp_path):
    model, given = Translator(), (*sentences(), tf.constant(7), tf.constant(4), tf.constant(0.5))
    tf.saved_model.save(model, str(tmp_path), signatures=model.translate)
    loaded, expected = tf.saved_model.load(str(tmp_path)), model.search(*sentences(), 7, 4, 0.5)
    found = loaded.translate(*given)
    assert_same([found[name] for name in expected._fields], expected)
    names = ("memory", "mask", "max_length", "beam_size", "length_penalty")
    served = loaded.signatures["serving_default"](**dict(zip(names, given)))
    assert_same([served[name] for name in expected._fields], expected)


@pytest.mark.slow
def test_on_jax():
    tests = "(plain_loops and (coverage or triple) or after_the_other and top and pair) and some"
    command = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", tests)
    assert "4 passed" in run_on_jax(*command)


# ---------------------------------------------------------------------------- ends, bad input


def test_without_a_mask_no_attention_is_asked_for_or_kept():
    model = TreeModel(seed=5, rows=3, V=3, depth=4)
    expected = search_all(model, 3, 4, length_penalty=1.0, n_best=2)
    for with_attention in (False, True):
        step, states = stepper(model, 3, with_attention)
        found = beam_search(step, states, 0, END, 4, 3, length_penalty=1.0, n_best=2)
        assert found.attention is None
        assert all(map(np.array_equal, arrays(found)[:4], expected))


def test_a_position_without_attention_leaves_a_finite_score():
    model = TreeModel(seed=5, rows=3, V=3, depth=4)
    model.attention[..., 0], model.source_mask[:, 0] = 0, [True, False, True]
    scores = search_all(model, 2, 4, coverage_penalty=0.1)[2]
    assert (np.isfinite(scores) & ((scores < -8) == model.source_mask[:, :1])).all()


def test_a_source_of_padding_alone_is_covered():
    model = TreeModel(seed=5, rows=3, V=3, depth=4)
    model.source_mask[1] = False
    _, _, scores, log_p, _ = search_all(model, 2, 4, coverage_penalty=0.1)
    assert ((scores == log_p)[:, 0] == [False, True, False]).all()


def test_rows_without_a_legal_continuation():
    model = TreeModel(seed=6, rows=3, V=3, depth=4)
    model.log_p[1, 0] = -np.inf
    ids, lengths, scores, log_p, attention = search_all(model, 4, 4, n_best=2)
    assert (lengths[1] == 0).all() and (lengths[[0, 2]] > 0).all()
    assert (ids[1] == END).all() and (attention[1] == 0).all()
    assert (scores[1] == -np.inf).all() and (log_p[1] == -np.inf).all()


def test_nothing_is_drawn_from_nothing(monkeypatch):
    def draw(log_p, *settings):
        assert (np.max(log_p, axis=-1) > -np.inf).all()
        return sample_logits(log_p, *settings)

    monkeypatch.setattr(sys.modules["keras_rnn.ops.decoding"], "sample_logits", draw)
    model = TreeModel(seed=6, rows=3, V=3, depth=4)
    model.log_p[1, 0] = -np.inf
    step, states = stepper(model)
    assert (np.asarray(sample(step, states, 0, END, 4, np.zeros((4, 3))).lengths)[:, 0] > 0).tolist() == [
        1,
        0,
        1,
    ]


@pytest.mark.parametrize("method", [greedy, beam_search, "sample"])
def test_no_rows(method):
    model = TreeModel(seed=6, rows=0, V=3, depth=4)
    step, states = stepper(model, 5 if method is beam_search else 1)
    if method == "sample":
        found = sample(step, states, 0, END, 4, np.zeros((4, 0)), source_mask=model.source_mask)
    else:
        found = method(step, states, 0, END, 4, source_mask=model.source_mask)
    assert [x.shape for x in arrays(found)] == [(0, 1, 4), (0, 1), (0, 1), (0, 1), (0, 1, 4, 3)]


def test_repeated_rows_stand_together():
    found = repeat_rows({"a": np.array([1, 2]), "b": [np.array([[3, 4], [5, 6]])]}, 2)
    assert np.asarray(found["a"]).tolist() == [1, 1, 2, 2]
    assert np.asarray(found["b"][0]).tolist() == [[3, 4], [3, 4], [5, 6], [5, 6]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beam_size": 0}, "`beam_size` must be an integer from 1; received beam_size=0"),
        ({"beam_size": 2.5}, "`beam_size` must be"),
        ({"n_best": 0}, "`n_best` must be an integer from 1"),
        ({"max_length": 0}, "`max_length` must be a positive integer, or one for each row; received"),
        ({"max_length": [3, 0]}, "`max_length` must be"),
        ({"max_length": 2.5}, "`max_length` must be"),
        ({"min_length": -1}, "`min_length` must be an integer from 0"),
        ({"no_repeat_ngram": -1}, "`no_repeat_ngram` must be an integer from 0"),
        ({"coverage_penalty": -0.1}, "`coverage_penalty` must be a finite number from 0"),
        ({"coverage_penalty": 0.1}, "`coverage_penalty` needs the attention"),
        ({"length_penalty": float("nan")}, "`length_penalty` must be a finite number"),
        (
            {"source_mask": np.ones((2, 3))},
            "`step` must return .log_p, states, attention. where `source_mask`",
        ),
        ({"end": 4}, "`end` must be an id from 0 to 3; received end=4"),
        ({"start": 3}, "`start` must be .batch,. where `states` are empty"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(wrong, message):
    given = {"start": np.array([3, 3]), "end": END, "max_length": 3, **wrong}
    with pytest.raises(ValueError, match=message):
        beam_search(Counted(GREEDY_IS_WRONG), (), **given)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -1}, "`temperature` must be a finite number from 0; received temperature=-1"),
        ({"temperature": float("nan")}, "`temperature` must be"),
        ({"top_k": -2}, "`top_k` must be an integer from 0"),
        ({"top_k": 2.5}, "`top_k` must be"),
        ({"top_p": 0.0}, "`top_p` must lie above 0 and be at most 1"),
        ({"top_p": 1.5}, "`top_p` must"),
    ],
    ids=str,
)
def test_what_cannot_be_sampled(wrong, message):
    with pytest.raises(ValueError, match=message):
        sample(Counted(GREEDY_IS_WRONG), (), np.array([3]), END, 2, np.zeros((2, 1)), **wrong)
    with pytest.raises(ValueError, match=message):
        sample_logits(np.zeros((1, 3)), np.zeros(1), **wrong)


def test_too_few_numbers_to_sample_by():
    with pytest.raises(ValueError, match="`u` must have a step for each of 3 ids; received 2 steps"):
        sample(Counted(GREEDY_IS_WRONG), (), np.array([3]), END, 3, np.zeros((2, 1)))


@pytest.mark.parametrize(("name", "least"), [("beam_search", 5), ("decoding", 6), ("decoding_step", 1)])
def test_the_examples_run(name, least):
    module = sys.modules[f"keras_rnn.ops.{name}"]
    failed, count = doctest.testmod(module, extraglobs={"np": np})
    assert failed == 0 and count >= least
