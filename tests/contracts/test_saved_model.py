"""An exported model runs where nothing of ours is: TensorFlow alone, other batch and time."""

import subprocess
import sys

import keras
import numpy as np

from tests.contracts.arrays import FEATURES, SAME, distance, normal
from tests.contracts.catalogue import ROWS

SERVE = """
import sys
import numpy as np
import tensorflow as tf

served = tf.saved_model.load(sys.argv[1])
for k in range(2):
    results = served.serve(dict(np.load(f"{sys.argv[1]}/x{k}.npz")))
    np.savez(f"{sys.argv[1]}/y{k}.npz", **{name: y.numpy() for name, y in results.items()})
assert "keras_rnn" not in sys.modules
"""


def one_model_of_all():
    """Every row that stands for its kind, side by side; recurrent ones with a mask."""
    inputs = {
        "sequence": keras.Input((None, FEATURES), dtype="float64", name="sequence"),
        "vector": keras.Input((FEATURES,), dtype="float64", name="vector"),
        "ids": keras.Input((None,), dtype="int64", name="ids"),
        "mask": keras.Input((None,), dtype="bool", name="mask"),
    }
    outputs = {}
    for k, row in enumerate(row for row in ROWS if "sample" in row.promises):
        x = inputs[
            {(None, None, FEATURES): "sequence", (None, FEATURES): "vector"}.get(row.unknown_time, "ids")
        ]
        masked = {"mask": inputs["mask"]} if "mask" in row.promises else {}
        for n, y in enumerate(keras.tree.flatten(row.own_layer()(x, **masked))):
            outputs[f"row_{k}_output_{n}"] = y
    return keras.Model(inputs, outputs)


def some_inputs(batch, time):
    random = np.random.default_rng(batch)
    return {
        "sequence": normal(batch, batch, time, FEATURES),
        "vector": normal(batch, batch, FEATURES),
        "ids": random.integers(0, 9, (batch, time)),
        "mask": random.random((batch, time)) < 0.7,
    }


def test_an_exported_model_gives_the_same_in_a_process_that_has_only_tensorflow(tmp_path):
    model, folder = one_model_of_all(), tmp_path / "exported"
    model.export(folder, verbose=False)
    batches = [some_inputs(batch=2, time=7), some_inputs(batch=4, time=1)]
    for k, inputs in enumerate(batches):
        np.savez(folder / f"x{k}.npz", **inputs)
    subprocess.run([sys.executable, "-c", SERVE, folder], check=True, cwd=tmp_path)
    for k, inputs in enumerate(batches):
        served, expected = dict(np.load(folder / f"y{k}.npz")), model(inputs)
        assert distance(served, {name: expected[name] for name in served}) < SAME
        assert set(served) == set(expected)
