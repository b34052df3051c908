"""Training step of the same model on our layers and on keras.layers, in one run, interleaved.

    python tests/benchmarks/training_step.py [--repeats 15]

The model is that of the zoo: embedding, one recurrent layer, masked mean and maximum, a logistic head.
"speed" is theirs over ours, above 1 where ours is faster; "same" sets keras.layers against itself and shows
the noise. Nothing else may run on the machine.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf

from keras_rnn import layers
from keras_rnn.environment import environment
from keras_rnn.layers import SequencePooling
from tests.benchmarks.timing import interleave, ratios


def make_model(layer, vocabulary=30_000):
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(vocabulary, 64, mask_zero=True)(ids)
    x = SequencePooling(["mean", "max"])(layer(x))
    model = keras.Model(ids, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    random = np.random.default_rng(0)
    results = []
    for name in ("LSTM", "GRU", "SimpleRNN"):
        for batch_size, time_steps, units in ((64, 250, 64), (64, 200, 128), (20, 35, 650)):
            lengths = random.integers(time_steps * 9 // 10, time_steps + 1, batch_size)
            ids = random.integers(1, 30_000, (batch_size, time_steps), dtype=np.int32)
            ids *= np.arange(time_steps) < lengths[:, None]
            batch = tf.constant(ids), tf.constant(random.integers(0, 2, (batch_size, 1)), tf.float32)
            peer, ours = getattr(keras.layers, name), getattr(layers, name)
            sides = {
                side: partial(make_model(kind(units, return_sequences=True)).train_on_batch, *batch)
                for side, kind in (("theirs", peer), ("ours", ours), ("theirs again", peer))
            }
            seconds = interleave(sides, repeats)
            row = {
                "layer": name,
                "batch, time, units": [batch_size, time_steps, units],
                **ratios(seconds["theirs"], seconds["theirs again"], seconds["ours"]),
            }
            print(row, flush=True)
            results.append(row)
    print(json.dumps({"results": results, **environment()}))


if __name__ == "__main__":
    main()
