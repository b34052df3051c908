"""Training step of a block of self-attention against the same block of keras.layers, in one run, interleaved.

    python tests/benchmarks/self_attention.py [--shape 32 256 256] [--repeats 15] [--write]

Theirs is keras.layers.MultiHeadAttention, two Dense, and LayerNormalization: the same equations and sizes,
from the same weights. Unless their outputs agree, nothing is timed. A step is the gradient of inputs and
weights, in a graph of unknown batch and time. "speed" is theirs over ours, above 1 where ours is faster;
"same" is theirs against itself, the noise. Nothing else may run on the machine.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf

from keras_rnn.environment import environment
from keras_rnn.layers import SelfAttentionBlock
from tests.benchmarks.timing import interleave, ratios

RESULTS = Path(__file__).parent / "results" / "self_attention.json"
HEADS, WIDENING = 4, 4


class Theirs(keras.layers.Layer):
    """The block that normalizes before, of layers of Keras, with the weights of ours."""

    def __init__(self, ours, features, causal):
        super().__init__()
        self.causal = causal
        self.attention = keras.layers.MultiHeadAttention(HEADS, features // HEADS)
        self.hidden = keras.layers.Dense(WIDENING * features, "relu")
        self.joining = keras.layers.Dense(features)
        self.norms = [keras.layers.LayerNormalization(epsilon=1e-5) for _ in range(2)]
        self(np.zeros((1, 2, features), "float32"))
        W_1, b_1, W_2, b_2, W_o, b_o, W, b, *norms = ours.get_weights()
        heads = HEADS, features // HEADS
        for dense, kernel, bias in zip(
            (self.attention.query_dense, self.attention.key_dense, self.attention.value_dense),
            np.split(W, 3, axis=1),
            np.split(b, 3),
        ):
            dense.set_weights([kernel.reshape(features, *heads), bias.reshape(heads)])
        self.attention.output_dense.set_weights([W_o.reshape(*heads, features), b_o])
        self.hidden.set_weights([W_1, b_1])
        self.joining.set_weights([W_2, b_2])
        for norm, start in zip(self.norms, (0, 2)):
            norm.set_weights(norms[start : start + 2])

    def call(self, x, counts=None):
        seen = None if counts is None else counts[:, None]
        z = self.norms[0](x)
        x = x + self.attention(z, z, attention_mask=seen, use_causal_mask=self.causal)
        return x + self.joining(self.hidden(self.norms[1](x)))


def training_step(layer, x, dy, mask, name):
    """Forward and backward; what is measured, and what it gives."""
    weights = [variable.value for variable in layer.trainable_variables]
    sizes = tf.TensorSpec((None, None, x.shape[-1]))

    @tf.function(
        input_signature=[sizes, sizes, *([] if mask is None else [tf.TensorSpec((None, None), "bool")])]
    )
    def run(x, dy, *masks):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **({name: masks[0]} if masks else {}))
        return y, tape.gradient(y, [x, *weights], dy)

    def once():
        y, gradients = run(x, dy, *([] if mask is None else [mask]))
        gradients[-1].numpy()
        return y, gradients[0]

    return once


def compare(shape, causal, masked, repeats):
    batch, time, features = shape
    random = np.random.default_rng(0)
    x, dy = (tf.constant(random.normal(size=shape), "float32") for _ in range(2))
    lengths = random.integers(time // 2, time + 1, batch)
    mask = tf.constant(np.arange(time) < lengths[:, None]) if masked else None
    ours = SelfAttentionBlock(HEADS, WIDENING * features, causal=causal)
    ours.build((None, None, features))
    theirs, again = (Theirs(ours, features, causal) for _ in range(2))
    layers = {"theirs": theirs, "ours": ours, "theirs again": again}
    sides = {
        name: training_step(layer, x, dy, mask, "mask" if name == "ours" else "counts")
        for name, layer in layers.items()
    }
    counts = np.ones((batch, time), bool) if mask is None else mask.numpy()
    apart = np.abs(sides["ours"]()[0].numpy() - sides["theirs"]()[0].numpy())[counts].max()
    if not apart < 1e-4:
        raise SystemExit(f"These are two functions, {apart} apart: nothing is timed.")
    seconds = interleave(sides, repeats)
    return {
        "batch, time, features": list(shape),
        "causal": causal,
        "mask": masked,
        **ratios(seconds["theirs"], seconds["theirs again"], seconds["ours"]),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", type=int, nargs=3, default=[32, 256, 256])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    rows = []
    for causal, masked in ((False, False), (False, True), (True, False), (True, True)):
        rows.append(compare(tuple(arguments.shape), causal, masked, arguments.repeats))
        print(json.dumps(rows[-1]), flush=True)
    if arguments.write:
        RESULTS.write_text(
            json.dumps({"rows": rows, **environment()}, indent=2) + os.linesep, encoding="utf-8"
        )


if __name__ == "__main__":
    main()
