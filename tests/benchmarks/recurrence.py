"""Speed and memory of the recurrent layers, against keras.layers and torch, in one run.

    python tests/benchmarks/recurrence.py [PART ...] [--write]

Parts: step (the shapes of language and text models), grid (batch 1/20/64, time 20/100/500, units
64/256/650), cells (custom cells against keras.layers.RNN of the same cell), dropout, linear (parallel against
sequential, growth with time), memory (peak of a training step), long (time and memory from 256 to 16,384
steps), bfloat16. Default: all.

"speed" is theirs over ours, above 1 where ours is faster; "same" sets theirs against itself and shows the
noise. Nothing else may run on the machine. `--write` saves the numbers as results/recurrence.json and the
table of the README.
"""

import argparse
import itertools
import json
import os
import sys
from collections import Counter
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch's idle threads would spin beside TensorFlow's
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np

from keras_rnn import layers
from keras_rnn.datasets import TokenStream
from keras_rnn.datasets.download import data_home
from keras_rnn.environment import environment
from tests.benchmarks import peak_memory
from tests.benchmarks.sides import KINDS, keras_side, torch_side
from tests.benchmarks.timing import interleave, ratios

RESULTS = Path(__file__).parent / "results" / "recurrence.json"
SHAPES = ((20, 35, 650, 650), (20, 20, 200, 200), (64, 200, 128, 128))
FAMILY = (
    layers.AntisymmetricRNNCell,
    layers.CoupledInputForgetLSTMCell,
    layers.EchoStateCell,
    layers.GRUCell,
    layers.IndRNNCell,
    layers.LRUCell,
    layers.LayerNormGRUCell,
    layers.LayerNormSimpleRNNCell,
    layers.MGUCell,
    partial(layers.MLSTMCell, heads=4),
    layers.MinGRUCell,
    layers.MinLSTMCell,
    layers.MultiplicativeLSTMCell,
    layers.NASCell,
    layers.NonNormalRNNCell,
    partial(layers.ProjectionLSTMCell, projection_units=200),
    layers.QRNNCell,
    layers.RGLRUCell,
    layers.S5Cell,
    layers.SLSTMCell,
    layers.SRUCell,
    layers.SimpleRNNCell,
)
GRID = tuple(itertools.product((1, 20, 64), (20, 100, 500), (64, 256, 650)))


def against_keras_and_torch(kind, shape, training):
    make = {"ours": getattr(layers, kind), "theirs": getattr(keras.layers, kind)}
    make["theirs again"] = make["theirs"]
    sides = {
        name: keras_side(layer(shape[-1], return_sequences=True), shape, training)
        for name, layer in make.items()
    }
    torch = torch_side(kind, shape, training)
    if torch is not None:
        sides["torch"] = torch
    seconds = interleave(sides)
    row = ratios(seconds["theirs"], seconds["theirs again"], seconds["ours"])
    if torch is not None:
        row |= {"torch_ms": round(1e3 * seconds["torch"], 2)}
        row |= {"speed_torch": round(seconds["torch"] / seconds["ours"], 3)}
    keras.backend.clear_session()
    return {"layer": kind, "shape": list(shape), "training": training, **row}


def step():
    for kind, shape, training in itertools.product(KINDS, SHAPES, (True, False)):
        yield against_keras_and_torch(kind, shape, training)


def grid():
    for kind, (batch, time, units), training in itertools.product(("LSTM", "GRU"), GRID, (True, False)):
        row = against_keras_and_torch(kind, (batch, time, units, units), training)
        if row["speed"] < 1:
            row["measured_again"] = against_keras_and_torch(kind, (batch, time, units, units), training)[
                "speed"
            ]
        yield row


def cells():
    shape = (20, 35, 200, 200)
    for cell in (
        partial(layers.PeepholeLSTMCell, 200),
        partial(layers.LayerNormLSTMCell, 200),
        partial(layers.RecurrentHighwayCell, 200, depth=5),
        partial(layers.LSTMCell, 200),
        partial(layers.UnitaryRNNCell, 100),  # 200 numbers
        *(partial(cell, 200) for cell in FAMILY),
    ):
        rnn = partial(keras.layers.RNN, return_sequences=True)
        sides = {
            "ours": keras_side(layers.Recurrent(cell(), return_sequences=True), shape),
            "theirs": keras_side(rnn(cell()), shape),
            "theirs again": keras_side(rnn(cell()), shape),
        }
        seconds = interleave(sides, repeats=41)  # of a few milliseconds each
        yield {
            "cell": cell.func.__name__,
            "shape": list(shape),
            **ratios(seconds["theirs"], seconds["theirs again"], seconds["ours"]),
        }


def dropout():
    for shape in ((20, 35, 650, 650), (64, 200, 128, 128)):
        units = shape[-1]
        sides = {
            "none": layers.LSTM(units, return_sequences=True),
            "none again": layers.LSTM(units, return_sequences=True),
            "recurrent_dropout": layers.LSTM(
                units, return_sequences=True, recurrent_dropout=0.5, dropout=0.5
            ),
            "weight_drop": layers.Recurrent(
                layers.WeightDrop(layers.LSTMCell(units), 0.5), return_sequences=True
            ),
            "variational_dropout": layers.Recurrent(
                layers.VariationalDropout(layers.LSTMCell(units), 0.5, 0.5), return_sequences=True
            ),
            "keras recurrent_dropout": keras.layers.LSTM(
                units, return_sequences=True, recurrent_dropout=0.5, dropout=0.5
            ),
        }
        seconds = interleave({name: keras_side(layer, shape) for name, layer in sides.items()})
        yield {
            "shape": list(shape),
            "none_ms": round(1e3 * seconds["none"], 2),
            **{name: round(seconds[name] / seconds["none"], 3) for name in sides if name != "none"},
        }


def linear():
    for kind in ("MinGRU", "LRU"):
        for time in (1024, 4096, 16384):
            shape, layer = (8, time, 64, 64), getattr(layers, kind)
            sides = {
                name: keras_side(layer(64, return_sequences=True, implementation=name), shape)
                for name in ("parallel", "plain")
            }
            seconds = interleave(sides, repeats=5)
            yield {
                "layer": kind,
                "time": time,
                "parallel_ms": round(1e3 * seconds["parallel"], 1),
                "sequential_ms": round(1e3 * seconds["plain"], 1),
                "speed": round(seconds["plain"] / seconds["parallel"], 2),
            }


def memory():
    shape = (32, 2000, 128, 256)
    peaks = {name: peak_memory.measure(name, shape)["megabytes"] for name in peak_memory.LAYERS}
    yield {
        "shape": list(shape),
        **{f"{name}_mb": peak for name, peak in peaks.items()},
        **{name: round(peaks[name] / peaks["keras"], 3) for name in ("ours", "recompute")},
    }


def long():
    for time in (256, 1024, 4096, 16384):
        yield {
            "time": time,
            **{name: peak_memory.measure(name, (8, time, 64, 64)) for name in peak_memory.LAYERS},
        }


def bfloat16():
    """16-bit products against keras.layers in float32, and how far apart 200 losses of a model are."""
    shape = (20, 35, 650, 650)
    for kind in ("LSTM", "GRU"):
        sides = {
            "ours": keras_side(
                getattr(layers, kind)(650, return_sequences=True, dtype="mixed_bfloat16"), shape
            ),
            "theirs": keras_side(getattr(keras.layers, kind)(650, return_sequences=True), shape),
            "theirs again": keras_side(getattr(keras.layers, kind)(650, return_sequences=True), shape),
        }
        seconds = interleave(sides)
        row = ratios(seconds["theirs"], seconds["theirs again"], seconds["ours"])
        curves = {dtype: loss_curve(kind, dtype) for dtype in ("float32", "mixed_bfloat16")}
        apart = np.abs(curves["mixed_bfloat16"] / curves["float32"] - 1)
        yield {
            "layer": kind,
            "shape": list(shape),
            **row,
            "loss_apart_mean": round(float(apart.mean()), 5),
            "loss_apart_most": round(float(apart.max()), 5),
        }


def loss_curve(kind, dtype, steps=200):
    """Mean losses up to each of the first steps of a language model on the Penn Treebank."""
    keras.utils.set_random_seed(0)
    text = (
        (data_home() / "ptb" / "ptb.train.txt").read_text(encoding="utf-8").replace("\n", " <eos> ").split()
    )
    number = {word: k for k, (word, _) in enumerate(Counter(text).most_common())}
    ids = np.array([number[word] for word in text[: 20 * (35 * steps + 1)]], "int32")
    model = keras.Sequential(
        [
            keras.layers.Embedding(len(number), 200),
            getattr(layers, kind)(200, return_sequences=True, dtype=dtype),
            keras.layers.Dense(len(number)),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = []
    record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: losses.append(logs["loss"]))
    model.fit(TokenStream(ids, 20, 35).for_keras(), verbose=0, callbacks=[record])
    return np.array(losses)


def machine():
    """Hardware, versions and commit; torch among the versions."""
    found = environment()
    if find_spec("torch"):
        found["versions"]["torch"] = version("torch")
    return found


PARTS = {part.__name__: part for part in (step, grid, cells, dropout, linear, memory, long, bfloat16)}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--write", action="store_true", help="save the numbers and the table of the README")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    saved = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in arguments.parts or PARTS:
        rows = []
        for row in PARTS[name]():
            print(name, json.dumps(row), flush=True)
            rows.append(row)
        saved[name] = {"rows": rows, **machine()}
        if arguments.write:
            RESULTS.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    if arguments.write:
        from tests.benchmarks import report

        report.write()


if __name__ == "__main__":
    main()
