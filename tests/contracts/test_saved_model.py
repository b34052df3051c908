"""An exported model runs where nothing of ours is: TensorFlow alone, other batch and time."""

import subprocess
import sys

import keras
import numpy as np

from tests.contracts.arrays import SAME, distance, normal
from tests.contracts.catalogue import ROWS
from tests.contracts.rows import IdsRow

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


def kind(row):
    """The name of the input that the row reads."""
    if isinstance(row, IdsRow):
        return "ids"
    return f"{'vector' if len(row.unknown_time) == 2 else 'sequence'}_of_{row.unknown_time[-1]}"


#: Of each input its shape and dtype.
KINDS = {
    **{kind(row): (row.unknown_time, "float64") for row in ROWS if "sample" in row.promises},
    "ids": ((None, None), "int64"),
    "mask": ((None, None), "bool"),
}


def one_model_of_all():
    """Every row that stands for its kind, side by side; recurrent ones with a mask."""
    inputs = {name: keras.Input(shape[1:], dtype=dtype, name=name) for name, (shape, dtype) in KINDS.items()}
    outputs = {}
    for k, row in enumerate(row for row in ROWS if "sample" in row.promises):
        x = inputs[kind(row)]
        masked = {"mask": inputs["mask"]} if "mask" in row.promises else {}
        for n, y in enumerate(keras.tree.flatten(row.own_layer()(x, **masked))):
            outputs[f"row_{k}_output_{n}"] = y
    return keras.Model(inputs, outputs)


def some_inputs(batch, time):
    random = np.random.default_rng(batch)
    inputs = {
        name: normal(batch, batch, *(time if size is None else size for size in shape[1:]))
        for name, (shape, dtype) in KINDS.items()
        if dtype == "float64"
    }
    ids = random.integers(0, 9, (batch, time))
    return {**inputs, "ids": ids, "mask": random.random((batch, time)) < 0.7}


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
