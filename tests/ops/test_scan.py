"""`scan` against a Python loop, on every kind of carry and output, in every mode."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_rnn.ops import scan
from tests.contracts.arrays import distance, normal
from tests.contracts.test_one_loop import ops_in

TIME = 6


def python_loop(step, carry, xs):
    """What `scan` says it does."""
    outputs = []
    for t in range(len(keras.tree.flatten(xs)[0])):
        carry, y = step(carry, keras.tree.map_structure(lambda x, t=t: x[t], xs))
        outputs.append(y)
    return carry, keras.tree.map_structure(lambda *ys: np.stack(ys), *outputs)


# ---------------------------------------------------------------------------- the kinds of steps


def plain(carry, x):
    carry = ops.tanh(carry * 0.9 + x)
    return carry, carry * 2


def nested(carry, x):
    """A carry of a dict, a list and a tuple, of other dtypes too; outputs unlike it."""
    total, [last, (count,)] = carry["total"], carry["rest"]
    new = {"total": total + x["a"] * last, "rest": [ops.sin(x["a"] + last), (count + x["b"],)]}
    return new, (ops.sum(new["total"]), {"count": count, "wide": ops.concatenate([last, total], axis=0)})


def silent(carry, x):
    return carry * x + 1, ()


def without_carry(carry, x):
    return (), x * x


CASES = {
    "plain": (plain, normal(1, 3), normal(2, TIME, 3)),
    "nested": (
        nested,
        {"total": normal(3, 4), "rest": [normal(4, 4), (np.array(0, "int32"),)]},
        {"a": normal(5, TIME, 4), "b": np.arange(TIME, dtype="int32")},
    ),
    "no output": (silent, normal(6, 2, 3), normal(7, TIME, 2, 3)),
    "no carry": (without_carry, (), normal(8, TIME, 2)),
}
cases = pytest.mark.parametrize("case", CASES)


@pytest.mark.parametrize("unroll", [False, True])
@cases
def test_scan_is_the_loop(case, unroll):
    step, carry, xs = CASES[case]
    result, expected = scan(step, carry, xs, unroll=unroll), python_loop(step, carry, xs)
    keras.tree.assert_same_structure(result, expected)
    assert distance(result, expected) < 1e-12


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@cases
def test_scan_in_a_graph_with_unknown_length_is_the_loop(case, jit_compile):
    step, carry, xs = CASES[case]
    unknown = keras.tree.map_structure(lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), xs)
    known = keras.tree.map_structure(lambda c: tf.TensorSpec(c.shape, c.dtype), carry)
    graph = tf.function(lambda carry, xs: scan(step, carry, xs), [known, unknown], jit_compile=jit_compile)
    for length in (TIME, 1):
        own = keras.tree.map_structure(lambda x, n=length: x[:n], xs)
        assert distance(graph(carry, own), python_loop(step, carry, own)) < 1e-12
    ops_found = ops_in(graph.get_concrete_function())
    assert ops_found["While"] + ops_found["StatelessWhile"] == 1


def test_an_eager_loop_takes_each_step_once():
    steps = []

    def step(carry, x):
        steps.append(float(x))
        return carry, ()

    scan(step, np.zeros(2), np.arange(3.0), reverse=True)
    assert steps == [2, 1, 0]


def test_dtypes_stay_what_they_are():
    carry, ys = scan(*CASES["nested"])
    assert keras.backend.standardize_dtype(carry["rest"][1][0].dtype) == "int32"
    assert keras.backend.standardize_dtype(ys[1]["count"].dtype) == "int32"
    assert keras.backend.standardize_dtype(ys[0].dtype) == "float64"


# ---------------------------------------------------------------------------- length


@pytest.mark.parametrize("unroll", [False, True])
@cases
def test_no_steps_leave_the_carry_and_give_outputs_of_length_zero(case, unroll):
    step, carry, xs = CASES[case]
    empty = keras.tree.map_structure(lambda x: x[:0], xs)
    result, outputs = scan(step, carry, empty, unroll=unroll)
    assert distance(result, carry) == 0
    _, full = python_loop(step, carry, xs)
    keras.tree.assert_same_structure(outputs, full)
    for y, other in zip(keras.tree.flatten(outputs), keras.tree.flatten(full)):
        assert tuple(y.shape) == (0, *other.shape[1:])
        assert keras.backend.standardize_dtype(y.dtype) == other.dtype


@pytest.mark.parametrize("length", [5, np.int64(5), "tensor"], ids=str)
def test_a_length_without_inputs(length):
    def powers(carry, x):
        assert x == ()
        return carry * 2, carry

    length = ops.convert_to_tensor(5) if isinstance(length, str) else length
    carry, ys = scan(powers, np.float64(1), (), length=length)
    assert float(carry) == 32
    assert np.asarray(ys).tolist() == [1, 2, 4, 8, 16]


def test_there_must_be_a_length():
    with pytest.raises(ValueError, match="from `xs` or from `length`; received neither"):
        scan(plain, np.zeros(3), ())


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"the same number of time steps; received \[2, 3\]"):
        scan(lambda c, x: (c, ()), np.zeros(3), [np.zeros((2, 3)), np.zeros((3, 3))])


def test_an_unknown_length_cannot_be_unrolled():
    graph = tf.function(lambda xs: scan(plain, tf.zeros(3), xs, unroll=True))
    with pytest.raises(ValueError, match="`unroll=True` needs a number of time steps that is known"):
        graph.get_concrete_function(tf.TensorSpec((None, 3)))


# ---------------------------------------------------------------------------- gradients


def loss(carry, xs, weight, **options):
    """Of carry, inputs, and a weight that the step finds around it."""

    def step(c, x):
        c = ops.tanh(c * weight + x)
        return c, c * c * weight

    carry, ys = scan(step, carry, xs, **options)
    return ops.sum(carry**3) + ops.sum(ys * ops.cast(ops.arange(ops.shape(ys)[0]), "float64")[:, None])


def arguments():
    return [tf.constant(a) for a in (normal(1, 3), normal(2, TIME, 3), normal(3, 3))]


def gradients(*args, order=1, **options):
    """First derivatives, or those of the sum of the squares of the first ones."""
    with tf.GradientTape() as outer:
        outer.watch(args)
        with tf.GradientTape() as inner:
            inner.watch(args)
            value = loss(*args, **options)
        first = inner.gradient(value, args)
        if order == 1:
            return first
        total = sum(tf.reduce_sum(g * g) for g in first)
    return outer.gradient(total, args)


def central_differences(function, arrays, step=1e-5):
    found = []
    for k, array in enumerate(arrays):
        found.append(np.zeros(array.shape))
        for place in np.ndindex(*array.shape):
            moved = [[np.array(a) for a in arrays] for _ in range(2)]
            moved[0][k][place] += step
            moved[1][k][place] -= step
            above, below = (function(*[tf.constant(a) for a in args]) for args in moved)
            found[k][place] = (above - below) / (2 * step)
    return found


def test_the_gradient_is_the_difference_quotient():
    assert distance(gradients(*arguments()), central_differences(loss, arguments())) < 1e-7


def test_the_second_gradient_is_the_difference_quotient_of_the_first():
    @tf.function
    def squares(*args):
        return sum(tf.reduce_sum(g * g) for g in gradients(*args))

    second = tf.function(lambda *args: gradients(*args, order=2))(*arguments())
    assert distance(second, central_differences(squares, arguments())) < 1e-5


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_gradients_in_graphs_are_those_of_the_unrolled_loop(order, jit_compile):
    signature = [tf.TensorSpec((3,), "float64"), tf.TensorSpec((None, 3), "float64")]
    signature.append(signature[0])
    graph = tf.function(lambda *args: gradients(*args, order=order), signature, jit_compile=jit_compile)
    expected = gradients(*arguments(), order=order, unroll=True)
    assert distance(graph(*arguments()), expected) < 1e-10
