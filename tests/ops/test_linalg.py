"""`matrix_exp`, `cayley` and `householder`, and their gradients, against scipy, NumPy and torch."""

import doctest

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from keras_rnn.ops import cayley, exponential, householder, linalg, matrix_exp
from tests.contracts.test_jax import run_on_jax

#: Of an error relative to the norm of the result.
BOUND = {"float32": 1e-5, "float64": 1e-12, "complex64": 1e-5, "complex128": 1e-12}
#: Sizes and scales: each degree of the polynomial, no squaring and many, and a single number.
CASES = [(1, 2.0), (5, 0.003), (6, 0.15), (7, 0.6), (40, 0.1), (40, 1.5), (12, 8.0)]
modes = pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])


def matrix(dtype, n, scale, seed=1):
    random = np.random.default_rng([seed, n])
    a = random.normal(size=(n, n)) + (1j * random.normal(size=(n, n)) if "complex" in dtype else 0)
    return (scale * a).astype(dtype)


def relative(found, expected):
    found = np.asarray(found)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def value_and_gradient(function, jit_compile=None):
    """(f(a), the gradient by a of the real part of sum conj(g) f(a))"""

    def run(a, g):
        with tf.GradientTape() as tape:
            tape.watch(a)
            value = function(a)
        return value, tape.gradient(value, a, g)

    return run if jit_compile is None else tf.function(run, jit_compile=jit_compile, autograph=False)


# Some compile long, and are between those that stand here.
@pytest.mark.parametrize(
    ("dtype", "jit_compile"),
    [*((dtype, None) for dtype in BOUND), ("float32", False), ("float32", True), ("complex128", True)],
)
def test_the_exponential_and_its_gradient_are_those_of_scipy(dtype, jit_compile):
    run = value_and_gradient(matrix_exp, jit_compile)
    for n, scale in CASES if jit_compile is None else CASES[-1:]:
        a, g = matrix(dtype, n, scale), matrix(dtype, n, 1.0, seed=2)
        value, gradient = run(tf.constant(a), tf.constant(g))
        wide = a.astype("complex128")
        expected, derivative = scipy.linalg.expm_frechet(wide.conj().T, g)
        assert value.dtype == gradient.dtype == dtype
        assert relative(value, expected.conj().T) < BOUND[dtype]
        assert relative(gradient, derivative) < BOUND[dtype]


def test_the_exponential_and_its_gradient_are_those_of_torch():
    torch = pytest.importorskip("torch")
    a, g = matrix("float32", 30, 0.5), matrix("float32", 30, 1.0, seed=2)
    value, gradient = value_and_gradient(matrix_exp)(tf.constant(a), tf.constant(g))
    theirs = torch.tensor(a, requires_grad=True)
    expected = torch.matrix_exp(theirs)
    expected.backward(torch.tensor(g))
    assert relative(value, expected.detach().numpy()) < 1e-5
    assert relative(gradient, theirs.grad.numpy()) < 1e-5


def test_each_matrix_of_a_batch_has_its_own_scale():
    """Squared as often as the largest, the small one would lose half of its digits."""
    batch = np.stack([matrix("float32", 6, scale) for scale in (1e-3, 1e-1, 3.0)])
    batch[2] -= batch[2].T
    found = matrix_exp(batch[None]).numpy()
    assert found.shape == (1, 3, 6, 6)
    off = found[0].astype("float64") - scipy.linalg.expm(batch.astype("float64"))
    assert np.all(np.linalg.norm(off, axis=(1, 2)) < [5e-7, 2e-6, 2e-5])
    unknown = tf.function(matrix_exp, [tf.TensorSpec((None, 6, 6), "float32")])
    np.testing.assert_allclose(unknown(batch), found[0], atol=1e-5)


@pytest.mark.parametrize(("scale", "products"), [(0.0, 4), (0.003, 4), (0.1, 5), (0.2, 6), (0.8, 8)])
def test_small_matrices_take_few_products(scale, products, monkeypatch):
    counted = []
    times = exponential._times
    monkeypatch.setattr(exponential, "_times", lambda x, y: counted.append(1) or times(x, y))
    matrix_exp(matrix("float32", 20, scale))
    assert len(counted) == products


def test_nilpotent_and_normal_matrices():
    nilpotent = np.triu(matrix("float64", 5, 30.0), 1)
    assert relative(matrix_exp(nilpotent), scipy.linalg.expm(nilpotent)) < 1e-12
    large = matrix("float64", 20, 40.0)
    large -= large.T
    found = matrix_exp(large).numpy()
    assert np.abs(found.T @ found - np.eye(20)).max() < 1e-11


def cayley_of_numpy(a):
    identity = np.eye(len(a))
    return np.linalg.solve(identity - a / 2, identity + a / 2)


def householder_of_numpy(v):
    Q = np.eye(len(v), dtype=v.dtype)
    for column in v.T:
        if column.any():
            Q = Q @ (np.eye(len(v)) - 2 * np.outer(column, column) / (column @ column))
    return Q


@modes
@pytest.mark.parametrize(
    ("function", "expected", "shape"),
    [(cayley, cayley_of_numpy, (5, 5)), *[(householder, householder_of_numpy, (5, k)) for k in (1, 3, 5)]],
)
def test_cayley_and_householder_are_what_they_say(function, expected, shape, jit_compile):
    random = np.random.default_rng(3)
    a, g = random.normal(size=shape), random.normal(size=(5, 5))
    value, gradient = value_and_gradient(function, jit_compile)(tf.constant(a), tf.constant(g))
    assert relative(value, expected(a)) < 1e-12
    differences = np.zeros(shape)
    for place in np.ndindex(shape):
        step = np.zeros(shape)
        step[place] = 1e-6
        differences[place] = np.sum(g * (expected(a + step) - expected(a - step))) / 2e-6
    assert relative(gradient, differences) < 1e-7


def test_cayley_of_a_complex_matrix_is_unitary():
    a = matrix("complex128", 4, 1.0)
    found = cayley(a - a.conj().T).numpy()
    assert np.abs(found.conj().T @ found - np.eye(4)).max() < 1e-12


def test_a_zero_column_is_the_identity_and_no_square_overflows():
    v = np.array([[1.0, 0.0, 1e30], [2.0, 0.0, 2e30], [0.5, 0.0, -1e30]], "float32")
    expected = householder_of_numpy(v.astype("float64"))
    _, gradient = value_and_gradient(householder)(tf.constant(v), tf.ones((3, 3)))
    assert relative(householder(v), expected) < 1e-6
    assert np.isfinite(gradient).all()


def second_gradient(function, a):
    """The gradient of the sum of the squares of the gradient of sum sin(f(a))."""

    def first(a):
        with tf.GradientTape() as tape:
            tape.watch(a)
            value = tf.reduce_sum(tf.sin(function(a)))
        return tape.gradient(value, a)

    def run(a):
        with tf.GradientTape() as tape:
            tape.watch(a)
            total = tf.reduce_sum(first(a) ** 2)
        return tape.gradient(total, a)

    return tf.function(first), tf.function(run)(a)


def test_second_gradients():
    a = tf.constant(matrix("float64", 3, 1.0))
    first, found = second_gradient(matrix_exp, a)
    differences = np.zeros((3, 3))
    for place in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[place] = 1e-5
        above, below = (np.sum(first(a + sign * step).numpy() ** 2) for sign in (1, -1))
        differences[place] = (above - below) / 2e-5
    assert relative(found, differences) < 1e-7


# ---------------------------------------------------------------------------- what is refused

LARGE = {
    "nan": np.array([[np.nan, 0], [0, 1]]),
    "infinity": np.array([[np.inf, 0], [0, 1]]),
    "an exponential that overflows": np.array([[1e4, 0], [0, 1]]),
    "no digit right": np.array([[0, 1e20], [-1e20, 0]]),
    "a fourth power that overflows": np.array([[0, 1e90], [-1e90, 0]]),
}


@pytest.mark.parametrize("case", LARGE)
def test_what_has_no_exponential_is_an_error_and_not_nan(case):
    with pytest.raises(ValueError, match=r"`a` must be finite, and its norm .*; received shape \(2, 2\)"):
        matrix_exp(LARGE[case])
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be finite, and its norm"):
        tf.function(matrix_exp)(LARGE[case])
    assert np.isnan(tf.function(matrix_exp, jit_compile=True)(LARGE[case])).all()


def test_bad_inputs():
    for function in (matrix_exp, cayley):
        with pytest.raises(ValueError, match=r"`a` must have a known shape .*; received shape \(2, 3\)"):
            function(np.zeros((2, 3)))
        with pytest.raises(TypeError, match=r"`a` must be of dtype .*; received dtype int64"):
            function(np.eye(3, dtype="int64"))
    with pytest.raises(TypeError, match=r"`v` must be of dtype float32, float64; received dtype complex128"):
        householder(np.eye(3, dtype="complex128"))
    with pytest.raises(ValueError, match=r"`v` must have at most .*; received shape \(2, 3\)"):
        householder(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="`v` must be finite"):
        householder(np.full((2, 1), np.nan))


def test_the_examples():
    assert doctest.testmod(linalg, extraglobs={"np": np}).failed == 0


ON_JAX = """
import jax, numpy as np, scipy.linalg
from keras_rnn.ops import cayley, householder, matrix_exp
random = np.random.default_rng(0)
a, g = 3 * random.normal(size=(2, 6, 6)) + 1j * random.normal(size=(2, 6, 6))
value, back = jax.vjp(jax.jit(matrix_exp), a)
expected, derivative = scipy.linalg.expm_frechet(a.T, g)  # without conjugates, as JAX has it
print(np.abs(value - expected.T).max() < 1e-12 * np.abs(expected).max())
print(np.abs(back(g)[0] - derivative).max() < 1e-12 * np.abs(derivative).max())
a = a.real
second = [
    jax.grad(lambda a: (jax.grad(lambda a: (exp(a) ** 2).sum())(a) ** 2).sum())(a[:3, :3] / 3)
    for exp in (matrix_exp, jax.scipy.linalg.expm)
]
print(np.abs(second[0] - second[1]).max() < 1e-10 * np.abs(second[1]).max())
for function in (cayley, householder):
    W = jax.jit(function)(a - a.T)
    print(np.abs(W.T @ W - np.eye(6)).max() < 1e-12)
try:
    matrix_exp(np.full((2, 2), np.nan))
except ValueError as error:
    print("must be finite" in str(error))
print(bool(np.isnan(jax.jit(matrix_exp)(np.full((2, 2), 1e20))).all()))
"""


def test_on_jax():
    assert run_on_jax("-c", ON_JAX).split() == ["True"] * 7
