"""Every parametrization gives members, has a gradient and a right inverse, and refuses what it cannot do."""

import doctest
import importlib
import json
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn import parametrizations
from keras_rnn.parametrizations import (
    AlmostOrthogonal,
    Cayley,
    Haar,
    Henaff,
    Orthogonal,
    Skew,
    SpecialOrthogonal,
    SpectralNorm,
    Stiefel,
    Symmetric,
    Unitary,
)

MAPS = ["matrix_exp", "cayley", "householder"]
CASES = [
    *((Orthogonal(name), (5, 5)) for name in MAPS),
    *((SpecialOrthogonal(name), (n, n)) for name in MAPS for n in (4, 5)),
    *((Stiefel(name), shape) for name in MAPS for shape in ((5, 3), (3, 5))),
    *((Stiefel(name, blocks=3), (4, 12)) for name in MAPS),
    *((Unitary(name), (6, 6)) for name in MAPS[:2]),
    (Skew(), (4, 4)),
    (Symmetric(), (4, 4)),
    (SpectralNorm(), (4, 3)),
    (AlmostOrthogonal(0.25), (4, 4)),
]
cases = pytest.mark.parametrize(("p", "shape"), CASES, ids=str)


def normal(seed, shape):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def defect(w):
    return np.abs(w.T @ w - np.eye(w.shape[1])).max()


#: Properties, written out again.
PROPERTIES = {
    Orthogonal: lambda p, w: defect(w),
    SpecialOrthogonal: lambda p, w: max(defect(w), abs(np.linalg.det(w) - 1)),
    Stiefel: lambda p, w: max(
        defect(b if len(b) >= len(b.T) else b.T) for b in np.split(w, p.blocks, axis=1)
    ),
    Unitary: lambda p, w: max(
        defect(w), np.abs(w[:3, :3] - w[3:, 3:]).max(), np.abs(w[:3, 3:] + w[3:, :3]).max()
    ),
    Skew: lambda p, w: np.abs(w + w.T).max(),
    Symmetric: lambda p, w: np.abs(w - w.T).max(),
    SpectralNorm: lambda p, w: abs(np.linalg.norm(w, 2) - 1),
    AlmostOrthogonal: lambda p, w: max(0, np.abs(np.linalg.svd(w)[1] - 1).max() - p.radius),
}


@cases
def test_whatever_is_free_is_mapped_to_a_member(p, shape):
    _, base = p.right_inverse(p.nearest(normal(1, shape)))
    for scale in (0.1, 1.0, 5.0):
        free = scale * normal(2, p.free_shape(shape))
        w = np.array(p(free, base))
        assert w.shape == shape
        assert PROPERTIES[type(p)](p, w) < 1e-12
        assert p.is_member(w, atol=1e-12)
        single = np.array(p(free.astype("float32"), base))
        assert single.dtype == "float32"
        assert PROPERTIES[type(p)](p, single) < 2e-6
        np.testing.assert_allclose(single, w, atol=2e-5 * max(1, scale))


@cases
def test_the_right_inverse_is_one(p, shape):
    w = np.array(p(normal(1, p.free_shape(shape)), p.right_inverse(p.nearest(normal(2, shape)))[1]))
    free, base = p.right_inverse(w)
    assert free.shape == p.free_shape(shape)
    assert (None if base is None else base.shape) == p.base_shape(shape)
    np.testing.assert_allclose(np.array(p(free, base)), w, atol=1e-12)


@cases
def test_what_is_no_member_is_told_how_far_it_is(p, shape):
    w = normal(1, shape)
    assert not p.is_member(w)
    with pytest.raises(ValueError, match=rf"`w` must be a member of .*{p.distance(w):.3g} away"):
        p.right_inverse(w)
    nearest = p.nearest(w)
    assert p.is_member(nearest, atol=1e-12)
    np.testing.assert_allclose(p.nearest(nearest), nearest, atol=1e-12)


@cases
def test_the_gradient_is_the_difference_quotient(p, shape):
    _, base = p.right_inverse(p.nearest(normal(1, shape)))
    free, g = tf.constant(0.5 * normal(2, p.free_shape(shape))), normal(3, shape)
    with tf.GradientTape() as tape:
        tape.watch(free)
        value = tf.reduce_sum(g * p(free, base))
    found = tape.gradient(value, free)
    for seed in (4, 5):
        step = 1e-6 * normal(seed, free.shape)
        difference = np.sum(g * (p(free + step, base) - p(free - step, base))) / 2
        assert abs(np.sum(found * step) - difference) < 1e-12


@cases
def test_it_is_made_again_from_its_configuration(p, shape):
    text = json.dumps(keras.saving.serialize_keras_object(p))
    again = keras.saving.deserialize_keras_object(json.loads(text))
    assert again == p
    assert repr(again) == repr(p)


def test_the_nearest_member_is_the_nearest():
    w = normal(1, (4, 4))
    nearest = Orthogonal().nearest(w)
    others = [np.linalg.qr(nearest + 0.1 * normal(k, (4, 4)))[0] for k in range(9)]
    others = [q * np.sign(np.sum(q * nearest, axis=0)) for q in others]
    assert all(np.linalg.norm(w - q) > np.linalg.norm(w - nearest) for q in others)


def test_a_rotation_is_no_reflection():
    w = np.diag([1.0, 1.0, -1.0])
    assert Orthogonal().is_member(w)
    assert SpecialOrthogonal().distance(w) == 2
    for name in MAPS:
        free, base = Orthogonal(name).right_inverse(w)
        np.testing.assert_allclose(Orthogonal(name)(free, base), w, atol=1e-12)


def test_unitary_takes_complex_matrices():
    U = np.linalg.qr(normal(1, (3, 3)) + 1j * normal(2, (3, 3)))[0]
    p = Unitary()
    assert p.is_member(U, atol=1e-12)
    w = np.array(p(*p.right_inverse(U)))
    np.testing.assert_allclose(p.to_complex(w), U, atol=1e-12)
    h, k = normal(3, (3,)), normal(4, (3,))
    product = (h + 1j * k) @ U
    np.testing.assert_allclose(np.concatenate([h, k]) @ w, [*product.real, *product.imag], atol=1e-12)
    assert not p.is_member(1.1 * U)


@pytest.mark.parametrize(
    "p", [Orthogonal(), Stiefel("cayley", 2), Unitary(), AlmostOrthogonal(1e-9)], ids=repr
)
def test_the_polish_squares_away_what_rounding_leaves(p):
    shape = (20, 40) if isinstance(p, Stiefel) else (20, 20)
    free, base = p.right_inverse(p.nearest(normal(1, shape)))
    error = normal(2, base.shape)
    if isinstance(p, Unitary):
        error = np.block([[error[:10, :10], error[:10, 10:]], [-error[:10, 10:], error[:10, :10]]])
    off = p.joined(base + 1e-5 * error) if isinstance(p, Stiefel) else base + 1e-5 * error
    assert p.distance(off) > 3e-5
    assert p.distance(p(free, base + 1e-5 * error)) < 1e-7


@pytest.mark.parametrize("p", [Orthogonal(), Unitary("cayley")], ids=repr)
def test_base_points_that_move_forty_times_stay_orthogonal(p):
    """As in training: each time the value in float32 becomes the base point."""
    base = np.eye(32)
    for k in range(40):
        free = 0.3 * normal(k, p.free_shape((32, 32)))
        w = np.array(p(free.astype("float32"), base.astype("float32")))
        assert defect(w.astype("float64")) < 1e-6
        _, base = p.right_inverse(w)


# ---------------------------------------------------------------------------- starts


@pytest.mark.parametrize("start", [Haar, Henaff, Cayley])
def test_starts_are_orthogonal_block_by_block_and_reproducible(start):
    w = np.array(start(seed=3)((5, 15), "float64"))
    blocks = np.split(w, 3, axis=1)
    assert max(map(defect, blocks)) < 1e-12
    assert np.abs(blocks[0] - blocks[1]).max() > 0.1
    np.testing.assert_array_equal(w, start(seed=3)((5, 15), "float64"))
    assert np.abs(w - np.array(start(seed=4)((5, 15), "float64"))).max() > 0.1
    again = keras.initializers.get(keras.initializers.serialize(start(seed=3)))
    np.testing.assert_array_equal(w, again((5, 15), "float64"))
    with pytest.raises(ValueError, match=r"draws square matrices, .*; received shape \(5, 7\)"):
        start()((5, 7))


def test_starts_have_the_angles_they_say():
    for start, low, high in ((Henaff, -np.pi, np.pi), (Cayley, 0, np.pi / 2)):
        w = np.array(start(seed=1)((400, 400), "float64"))
        angles = np.arctan2(w[np.arange(0, 400, 2), np.arange(1, 400, 2)], np.diag(w)[::2])
        assert low < angles.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < angles.max() < high
        assert np.count_nonzero(w) <= 800
    # Of Haar's measure: the mean of the squared trace is 1, the determinant of both signs.
    draws = [np.array(Haar(seed=k)((4, 4), "float64")) for k in range(300)]
    assert abs(np.mean([np.trace(w) ** 2 for w in draws]) - 1) < 0.25
    assert 100 < np.sum([np.linalg.det(w) > 0 for w in draws]) < 200
    # With signs that QR leaves to itself, the diagonal would be negative.
    assert abs(np.mean([w[0, 0] for w in draws])) < 0.1


# ---------------------------------------------------------------------------- what is refused


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`map` must be one of .*; received map='exp'"):
        Orthogonal("exp")
    with pytest.raises(ValueError, match=r"`map` must be one of .*; received map='householder'"):
        Unitary("householder")
    with pytest.raises(ValueError, match="`blocks` must be a positive integer; received blocks=0"):
        Stiefel(blocks=0)
    with pytest.raises(ValueError, match=r"`radius` must be in \(0, 1\); received radius=1"):
        AlmostOrthogonal(1)


@pytest.mark.parametrize(
    ("p", "shape", "message"),
    [
        *((p, (3, 4), "needs a square matrix") for p in (Orthogonal(), SpecialOrthogonal(), Unitary())),
        *((p, (3, 4), "needs a square matrix") for p in (Skew(), Symmetric(), AlmostOrthogonal(0.5))),
        (Orthogonal(), (4, 16), r"Stiefel\(blocks=number of gates\)"),
        (SpecialOrthogonal(), (1, 1), "at least 2 rows"),
        (Unitary(), (3, 3), "an even number of rows"),
        (Stiefel(blocks=4), (3, 9), "4 equal block"),
        (Stiefel(), (3,), "needs a matrix"),
        (SpectralNorm(), (3, 4, 5), "needs a matrix"),
    ],
)
def test_shapes_without_a_member(p, shape, message):
    for function in (p.free_shape, lambda shape: p.right_inverse(np.zeros(shape))):
        with pytest.raises(ValueError, match=rf"{message}.*") as error:
            function(shape)
        assert f"received shape {shape}" in str(error.value)


def test_complex_and_infinite_matrices():
    for p, shape in CASES:
        if not isinstance(p, Unitary):
            with pytest.raises(TypeError, match="`w` must be real"):
                p.is_member(np.eye(*shape) * 1j)
        with pytest.raises(TypeError, match=r"`free` must be real, .* received dtype complex128"):
            p(np.zeros(p.free_shape(shape), "complex128"))
        with pytest.raises(ValueError, match="`w` must be finite"):
            p.is_member(np.full(shape, np.nan))
    with pytest.raises(ValueError, match="`w` must not be zero"):
        SpectralNorm().nearest(np.zeros((3, 3)))
    assert not np.isnan(SpectralNorm()(np.zeros((3, 3)))).any()
    with pytest.raises(ValueError, match="`a` must be finite, and its norm"):
        Orthogonal()(np.triu(np.full((3, 3), 1e30)))


MODULES = [module.name for module in pkgutil.iter_modules(parametrizations.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    found = importlib.import_module(f"keras_rnn.parametrizations.{module}")
    names = {"np": np, **{name: getattr(parametrizations, name) for name in parametrizations.__all__}}
    assert doctest.testmod(found, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
