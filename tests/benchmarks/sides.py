"""What is timed: a layer's training step or inference, in Keras on TensorFlow, and in torch."""

import numpy as np
import tensorflow as tf

KINDS = ("LSTM", "GRU", "SimpleRNN")


def arrays(shape):
    """Inputs and the gradient of the outputs; shape is (batch, time, features, units)."""
    batch, time, features, units = shape
    random = np.random.default_rng(0)
    return (
        random.normal(size=(batch, time, features)).astype("float32"),
        random.normal(size=(batch, time, units)).astype("float32"),
    )


def keras_side(layer, shape, training=True, known_time=False):
    """Forward, and with `training` backward to weights and inputs, in a tf.function; its time is unknown."""
    batch, time, features, units = shape
    time = time if known_time else None
    if not layer.built:
        layer.build((batch, time, features))
    x, dy = map(tf.constant, arrays(shape))
    weights = [variable.value for variable in layer.trainable_variables]
    signature = [tf.TensorSpec((batch, time, features)), tf.TensorSpec((batch, time, units))]

    @tf.function(input_signature=signature)
    def run(x, dy):
        if not training:
            return layer(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return tape.gradient(y, [x, *weights], dy)

    def once():
        result = run(x, dy)
        tf.nest.flatten(result)[-1].numpy()

    return once


def torch_side(kind, shape, training=True):
    """The same in torch; None if it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    _, _, features, units = shape
    layer = getattr(torch.nn, {"SimpleRNN": "RNN"}.get(kind, kind))(features, units, batch_first=True)
    x, dy = map(torch.from_numpy, arrays(shape))
    x.requires_grad_(training)

    def once():
        if not training:
            with torch.inference_mode():
                layer(x)
            return
        layer.zero_grad()
        x.grad = None
        layer(x)[0].backward(dy)

    return once
