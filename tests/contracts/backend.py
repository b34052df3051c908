"""The little that the contracts ask of a backend and Keras does not give: gradients."""

import keras
from keras import ops


def loss(outputs):
    """A number on which every entry of every output has another influence."""
    return sum((k + 1) * ops.sum(y * (y + 1)) for k, y in enumerate(keras.tree.flatten(outputs)))


def value_and_gradients(layer, x, states=(), **call):
    """The loss of `layer(x, initial_state=states, **call)`, and its gradients by x, states and weights."""
    x, states = ops.convert_to_tensor(x), [ops.convert_to_tensor(state) for state in states]
    backend = {"tensorflow": _tensorflow, "jax": _jax}[keras.backend.backend()]
    return backend(layer, x, states, call)


def _tensorflow(layer, x, states, call):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        value = loss(layer(x, **_given(states), **call))
    return value, tape.gradient(value, [x, *states, *(w.value for w in layer.trainable_variables)])


def _jax(layer, x, states, call):
    import jax

    rest = layer.non_trainable_variables

    def function(x, states, weights):
        outputs, _ = layer.stateless_call(weights, rest, x, **_given(states), **call)
        return loss(outputs)

    weights = [w.value for w in layer.trainable_variables]
    value, (by_x, by_states, by_weights) = jax.value_and_grad(function, (0, 1, 2))(x, states, weights)
    return value, [by_x, *by_states, *by_weights]


def _given(states):
    return {"initial_state": states} if states else {}
