"""Training step of the same model on our layers and on keras.layers, in one run, interleaved.

    python tests/benchmarks/training_step.py [--repeats 15]

The model is that of the zoo: embedding, one recurrent layer, masked mean and maximum, a logistic head.
"speed" is theirs over ours, above 1 where ours is faster; "same" sets keras.layers against itself and shows
the noise. Nothing else may run on the machine.
"""

import argparse
import json
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from keras_rnn import layers
from keras_rnn.layers import SequencePooling
from keras_rnn.zoo.environment import environment


def make_model(layer, vocabulary=30_000):
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(vocabulary, 64, mask_zero=True)(ids)
    x = SequencePooling(["mean", "max"])(layer(x))
    model = keras.Model(ids, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


def interleave(models, batch, repeats):
    """Median seconds of a training step of each model, the order alternated."""
    seconds = [[] for _ in models]
    for repeat in range(repeats + 3):
        for k in range(len(models)) if repeat % 2 else reversed(range(len(models))):
            began = time.perf_counter()
            models[k].train_on_batch(*batch)
            if repeat >= 3:
                seconds[k].append(time.perf_counter() - began)
    return [statistics.median(s) for s in seconds]


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
            kinds = (peer, ours, peer)
            models = [make_model(kind(units, return_sequences=True)) for kind in kinds]
            theirs, own, again = interleave(models, batch, repeats)
            row = {
                "layer": name,
                "batch, time, units": [batch_size, time_steps, units],
                "keras_ms": round(1e3 * theirs, 1),
                "ours_ms": round(1e3 * own, 1),
                "speed": round((theirs + again) / 2 / own, 3),
                "same": round(again / theirs, 3),
            }
            print(row, flush=True)
            results.append(row)
    print(json.dumps({"results": results, **environment()}))


if __name__ == "__main__":
    main()
