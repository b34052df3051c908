"""Time is one While op: the graph does not grow with it, and is made once for all lengths."""

from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from keras_rnn.layers import LSTM, LSTMCell, Recurrent
from keras_rnn.layers.fast_loop import batch_slices, side_by_side
from tests.contracts.arrays import FEATURES, UNITS
from tests.contracts.catalogue import rows
from tests.contracts.test_implementations import fastest


def graph_of(layer, row):
    """The concrete function of a call with mask and unknown batch and time."""
    return tf.function(lambda x, mask: layer(x, mask=mask)).get_concrete_function(
        tf.TensorSpec(row.unknown_time, "float64"), tf.TensorSpec((None, None), "bool")
    )


def ops_in(function):
    """How often each kind of op stands in a graph and in the functions that it calls."""
    definition = function.graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    return Counter(node.op for node in nodes)


def loops_in(ops):
    return ops["While"] + ops["StatelessWhile"]


def loops_over_time(layer, ops):
    """Those that do not belong to what is made once per call, such as a matrix exponential."""
    if not hasattr(layer, "cell"):
        return loops_in(ops)
    constants = tf.function(lambda: keras.tree.flatten(layer._stepper.get_constants(1)))
    return loops_in(ops) - loops_in(ops_in(constants.get_concrete_function()))


@rows("recurrent")
def test_a_layer_is_one_loop(row):
    layer = row.layer(implementation="plain")
    ops = ops_in(graph_of(layer, row))
    loops = 1 if "causal" in row.promises else 2
    assert loops_over_time(layer, ops) == loops
    assert not [op for op in ops if "PyFunc" in op]


@rows("recurrent")
def test_the_fast_path_is_one_loop_for_each_slice_of_the_batch(row):
    layer = row.layer(implementation=fastest(row))
    ops = ops_in(graph_of(layer, row))
    directions = 1 if "causal" in row.promises else 2
    with side_by_side(directions):
        slices = batch_slices(None)
    # An output that is no state is repeated at masked steps by a second, parallel loop.
    legal = {directions, directions * slices, 2 * directions, 2 * directions * slices}
    assert loops_over_time(layer, ops) in legal
    assert not [op for op in ops if "PyFunc" in op]


@rows("recurrent", "sample")
def test_an_unrolled_layer_is_no_loop(row):
    spec = tf.TensorSpec(row.shape, "float64")
    layer = row.layer(unroll=True)
    ops = ops_in(tf.function(layer).get_concrete_function(spec))
    assert loops_over_time(layer, ops) == 0


class CountingCell(LSTMCell):
    steps = 0

    def step(self, projected, states, constants):
        CountingCell.steps += 1
        return super().step(projected, states, constants)


def steps_run_in_python(function, *lengths):
    CountingCell.steps = 0
    for length in lengths:
        function(np.zeros((2, length, FEATURES), "float32"))
    return CountingCell.steps


def test_python_sees_as_many_steps_for_30_as_for_3():
    loop, unrolled = (Recurrent(CountingCell(UNITS), unroll=unroll) for unroll in (False, True))
    for layer in (loop, unrolled):
        layer.build((None, None, FEATURES))
    signature = [tf.TensorSpec((None, None, FEATURES))]
    short, both = (tf.function(loop, signature) for _ in range(2))
    assert steps_run_in_python(both, 3, 30) == steps_run_in_python(short, 3) > 0
    assert both.experimental_get_tracing_count() == 1
    # Such a count shows it: written out, every step is seen.
    assert steps_run_in_python(tf.function(unrolled), 30) == 30


def test_fit_compiles_a_recurrent_model_with_xla_where_it_is_told_to():
    model = keras.Sequential([keras.Input((None, FEATURES)), LSTM(UNITS)])
    model.compile("sgd", "mse", jit_compile=True)
    assert model.jit_compile is True
