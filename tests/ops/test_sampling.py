"""An id is drawn as its distribution says: by hand, against explicit loops, and counted over many draws."""

import doctest
from itertools import product

import numpy as np
import pytest
import tensorflow as tf
from keras import random

from keras_rnn.ops import sample_logits, sampling

# What is more probable has no lower id; 0 and 3, 2 and 4 are equal.
P = np.array([0.125, 0.5, 0.0625, 0.125, 0.0625, 0.125], "float32")
GRID = (np.arange(4096) + 0.5).astype("float32") / 4096


def shares(p=P, u=GRID, **settings):
    """How often each id is drawn over a grid of u, for one distribution."""
    ids = np.asarray(sample_logits(np.log(np.tile(p, (len(u), 1))), u, **settings))
    assert ids.dtype == "int32"
    return np.bincount(ids, minlength=len(p)) / len(u)


def oracle(log_p, u, temperature=1.0, top_k=0, top_p=1.0):
    """One row, in float64, word by word."""
    order = sorted(range(len(log_p)), key=lambda v: (-log_p[v], v))
    if temperature == 0:
        return order[0]
    if top_k:
        order = order[:top_k]
    q = [np.exp((log_p[v] - log_p[order[0]]) / temperature) for v in order]
    total, kept, mass = sum(q), [], 0.0
    for v, q_v in zip(order, q):
        if not q_v or (top_p < 1 and mass / total >= top_p):
            break
        kept.append((v, q_v))
        mass += q_v
    before = 0.0
    for v, q_v in kept:
        before += q_v / mass
        if u < before:
            return v
    return kept[-1][0]


def test_from_a_grid_each_id_has_its_share():
    assert (shares() == P).all()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"top_k": 1}, [0, 1, 0, 0, 0, 0]),
        ({"top_k": 2}, [1 / 5, 4 / 5, 0, 0, 0, 0]),  # of three equals the lowest id
        ({"top_k": 3}, [1 / 6, 4 / 6, 0, 1 / 6, 0, 0]),
        ({"top_k": 6}, P),
        ({"top_k": 700}, P),
        ({"top_p": 0.01}, [0, 1, 0, 0, 0, 0]),
        ({"top_p": 0.5}, [0, 1, 0, 0, 0, 0]),  # reached, not passed
        ({"top_p": 0.5001}, [1 / 5, 4 / 5, 0, 0, 0, 0]),
        ({"top_p": 0.875}, [1 / 7, 4 / 7, 0, 1 / 7, 0, 1 / 7]),
        ({"top_p": 1.0}, P),
        ({"top_k": 3, "top_p": 0.66}, [0, 1, 0, 0, 0, 0]),  # the mass is one of the three: 4 / 6 of it
        ({"top_k": 3, "top_p": 0.67}, [1 / 5, 4 / 5, 0, 0, 0, 0]),
        ({"temperature": 0.0}, [0, 1, 0, 0, 0, 0]),
        ({"temperature": 0.0, "top_k": 4}, [0, 1, 0, 0, 0, 0]),
        ({"temperature": 1e-6}, [0, 1, 0, 0, 0, 0]),
        ({"temperature": 0.5}, P**2 / (P**2).sum()),
        ({"temperature": 2.0}, P**0.5 / (P**0.5).sum()),
        ({"temperature": 1e6}, np.full(6, 1 / 6)),
        ({"temperature": 0.5, "top_p": 0.83}, np.array([1, 16, 0, 0, 0, 0]) / 17),  # of q: 16/20.5, 17/20.5
    ],
)
def test_settings_by_hand(settings, expected):
    found = shares(**settings)
    assert np.abs(found - expected).max() < 1.01 / len(GRID)
    assert ((found > 0) == (np.array(expected) > 0)).all()


def test_a_number_on_a_border_draws_the_later_id():
    log_p, u = np.log(np.tile(P, (4, 1))), np.array([0, 0.5, 0.625, 0.75], "float32")
    assert np.asarray(sample_logits(log_p, u)).tolist() == [1, 0, 3, 5]


def test_of_equals_the_lower_id_is_the_first():
    equal = np.full(5, 0.2, "float32")
    assert shares(equal, temperature=0).tolist() == [1, 0, 0, 0, 0]
    assert (shares(equal, top_k=3) > 0).tolist() == [True, True, True, False, False]
    assert (shares(equal, top_p=0.35) > 0).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    "settings", [{}, {"top_k": 5}, {"top_p": 0.99}, {"temperature": 3.0}, {"top_p": 1.0}]
)
def test_what_is_forbidden_is_never_drawn(settings):
    with np.errstate(divide="ignore"):
        log_p = np.log([[0.25, 0.0, 0.5, 0.25, 0.0]] * 4 + [[0.0, 0.0, 0.0, 0.0, 1.0]]).astype("float32")
    u = np.array([0, np.nextafter(np.float32(1), 0), 0.5, 0.75, 0.3], "float32")
    ids = np.asarray(sample_logits(log_p, u, **settings))
    assert set(ids[:4]) <= {0, 2, 3}
    assert ids[4] == 4


def test_scores_need_no_norm():
    log_p = np.log(np.tile(P, (len(GRID), 1)))
    settings = {"temperature": 0.7, "top_k": 4, "top_p": 0.9}
    expected = np.asarray(sample_logits(log_p, GRID, **settings))
    assert (np.asarray(sample_logits(log_p + 5, GRID, **settings)) == expected).all()


SETTINGS = [
    {"temperature": t, "top_k": k, "top_p": p} for t, k, p in product([0.0, 0.6, 1.7], [0, 1, 7], [0.4, 1.0])
]


def rows(seed, count=40, V=23):
    generator = np.random.default_rng(seed)
    log_p = generator.normal(size=(count, V)) * 2
    return log_p - np.log(np.exp(log_p).sum(1, keepdims=True)), generator.random(count)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_each_row_is_drawn_as_in_explicit_loops(settings):
    log_p, u = rows(3)
    expected = [oracle(row, x, **settings) for row, x in zip(log_p, u)]
    assert np.asarray(sample_logits(tf.constant(log_p), u, **settings)).tolist() == expected


def test_one_graph_serves_all_settings_and_xla_draws_the_same():
    log_p, u = rows(4)
    traces = []

    def draw(log_p, u, temperature, top_k, top_p):
        traces.append(1)
        return sample_logits(log_p, u, temperature, top_k, top_p)

    graph, xla = tf.function(draw, autograph=False), tf.function(draw, autograph=False, jit_compile=True)
    for settings in SETTINGS:
        expected = np.asarray(sample_logits(log_p.astype("float32"), u.astype("float32"), **settings))
        t, p = (tf.constant(settings[name], tf.float32) for name in ("temperature", "top_p"))
        for function in (graph, xla):
            found = function(
                tf.constant(log_p, tf.float32),
                tf.constant(u, tf.float32),
                t,
                tf.constant(settings["top_k"]),
                p,
            )
            assert (found.numpy() == expected).all()
    assert len(traces) == 2


def test_many_draws_have_the_distribution():
    V, draws = 400, 50_000
    p = 1 / np.arange(1, V + 1)
    p /= p.sum()
    p = np.random.default_rng(0).permutation(p).astype("float32")
    u = np.asarray(random.uniform((draws,), seed=5))
    counts = shares(p, u) * draws
    chi_squared = ((counts - p * draws) ** 2 / (p * draws)).sum()
    assert abs(chi_squared - (V - 1)) < 5 * np.sqrt(2 * (V - 1))


def test_the_example_runs():
    assert doctest.testmod(sampling, extraglobs={"np": np}) == (0, 4)
