"""What was traced can be freed: no gradient of ours holds its graph in a registry of the process."""

import gc
import weakref
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python import framework as package
from tensorflow.python.framework import ops as framework

from keras_rnn import layers
from keras_rnn.ops.custom_gradient import custom_gradient

LAYERS = {
    "fast": lambda: layers.LSTM(2),
    "taped": lambda: layers.NAS(2),
    "linear": lambda: layers.LRU(2),
    "chunked": lambda: layers.MLSTM(2, heads=1),
    "orthogonal": lambda: layers.ExpRNN(2),
    "attentive": lambda: layers.SelfAttention(heads=1),
}


def registered():
    return {name for name in framework.gradient_registry.list() if name.startswith("CustomGradient")}


def traced(layer):
    """The graph of one training step, and its gradients."""

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(x))
        return tape.gradient(total, layer.trainable_variables)

    x = tf.ones((2, 5, 3))
    return weakref.ref(step.get_concrete_function(x).graph), step(x)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_graph_of_a_training_step_is_freed(kind):
    layer = LAYERS[kind]()
    layer.build((2, 5, 3))
    before = registered()
    graph, gradients = traced(layer)
    assert all(np.isfinite(g).all() for g in gradients)
    gc.collect()
    assert graph() is None
    assert registered() <= before


def test_in_keras_alone_it_stays():
    # The day this fails, TensorFlow has mended it, and ours can go.
    @tf.function
    def step(x):
        @keras.ops.custom_gradient
        def double(x):
            return 2 * x, lambda d: 2 * d

        return double(x)

    graph = weakref.ref(step.get_concrete_function(tf.ones(2)).graph)
    del step
    gc.collect()
    assert graph() is not None


def test_as_long_as_the_graph_is_there_its_gradient_is_found():
    def triple(x):
        @custom_gradient
        def run(x):
            return 3 * x, lambda d: 5 * d  # another number, so that it is seen which one was used

        return run(x)

    inner = tf.function(triple).get_concrete_function(tf.TensorSpec(2))
    gc.collect()

    @tf.function
    def outer(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = inner(x)
        return y, tape.gradient(y, x)

    assert [a.numpy().tolist() for a in outer(tf.ones(2))] == [[3, 3], [5, 5]]


def test_another_tensorflow_keeps_the_gradient_where_it_is(monkeypatch):
    monkeypatch.setattr(package, "ops", SimpleNamespace())  # for those who look for it now
    before = registered()
    _, gradients = traced(layers.LSTM(2))
    assert all(np.isfinite(g).all() for g in gradients)
    gc.collect()
    assert registered() - before


@pytest.mark.parametrize("graph", [False, True])
def test_several_tensors_and_one_inside_the_other(graph):
    @custom_gradient
    def outside(x, y):
        @custom_gradient
        def inside(x):
            return tf.square(x), lambda d: 7 * d

        return (inside(x), y), lambda d, e: (11 * d, 13 * e)

    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            a, b = outside(x, 2 * x)
            total = a + b
        return tape.gradient(total, x)

    assert (tf.function(gradients) if graph else gradients)(tf.constant(1.0)) == 11 + 26
