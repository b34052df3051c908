"""Speed of orthogonal recurrence: the matrix exponential, and a training step of ExpRNN.

    python tests/benchmarks/orthogonal.py [PART ...] [--write]

Parts, default all:

matrix_exp  exp(A) of a skew-symmetric A, 512 x 512, forward and backward, against torch.matrix_exp and
            tf.linalg.expm, and the relative error against scipy in two dtypes. One A is as large as ExpRNN
            starts with (angles up to pi), one ten times smaller, as between two re-bases.
step        a training step of ExpRNN at (batch 128, 784 steps, 1 feature, 190 units), a softmax of 10 on the
            last state, and RMSprop, against a loop over the steps in torch, whose recurrent weight is made by
            torch.nn.utils.parametrizations.orthogonal once a step. Beside it the same network with a free
            weight, and the parametrization by itself, forward and backward: what it costs within the step.

Before `step` both sides have the same weights: unless their losses agree, nothing is timed. Both have two
threads. Nothing else may run on the machine. What the parametrization costs is also seen against the time of
the same network with a free weight, as far as "ours, same" is 1.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch's idle threads would spin beside TensorFlow's
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import scipy.linalg
import tensorflow as tf
import torch

from keras_rnn import layers
from keras_rnn.ops.linalg import matrix_exp
from keras_rnn.parametrizations import Orthogonal
from tests.benchmarks.recurrence import machine
from tests.benchmarks.timing import REPEATS, interleave

RESULTS = Path(__file__).parent / "results" / "orthogonal.json"
THREADS, CLASSES, RATE, RHO, EPSILON = 2, 10, 1e-3, 0.9, 1e-7


def skew(n, largest, dtype="float32"):
    """A skew-symmetric matrix whose eigenvalues are i times angles of up to `largest`."""
    a = np.random.default_rng(0).normal(size=(n, n))
    a -= a.T
    return (a * (largest / np.linalg.norm(a, 2))).astype(dtype)


def exponential(arguments):
    n, rows = arguments.size, []
    for largest in (np.pi, np.pi / 10):
        a, weight = skew(n, largest), np.random.default_rng(1).normal(size=(n, n)).astype("float32")
        seconds = interleave(
            {
                "ours": in_tensorflow(matrix_exp, a, weight),
                "tf.linalg.expm": in_tensorflow(tf.linalg.expm, a, weight),
                "torch.matrix_exp": in_torch(a, weight),
                "torch again": in_torch(a, weight),
            },
            arguments.rounds,
        )
        errors = {}
        for dtype in ("float32", "float64"):
            a = skew(n, largest, dtype)
            # The same rounded matrix in both: its rounding is not an error of the exponential.
            true = scipy.linalg.expm(a.astype("float64"))
            errors[dtype] = float(np.linalg.norm(np.array(matrix_exp(a)) - true) / np.linalg.norm(true))
        rows.append(
            {
                "largest angle": round(largest, 3),
                "milliseconds": {side: round(1e3 * s, 1) for side, s in seconds.items()},
                **{
                    f"against {side}": round(seconds[side] / seconds["ours"], 3)
                    for side in ("tf.linalg.expm", "torch.matrix_exp")
                },
                "same": round(seconds["torch.matrix_exp"] / seconds["torch again"], 3),
                "relative error": errors,
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return {"size": n, "rows": rows}


def in_tensorflow(function, a, weight):
    a, weight = tf.constant(a), tf.constant(weight)

    @tf.function
    def run(a):
        with tf.GradientTape() as tape:
            tape.watch(a)
            total = tf.reduce_sum(function(a) * weight)
        return total, tape.gradient(total, a)

    return lambda: run(a)[1].numpy()


def in_torch(a, weight):
    a, weight = torch.tensor(a, requires_grad=True), torch.tensor(weight)

    def run():
        a.grad = None
        (torch.matrix_exp(a) * weight).sum().backward()

    return run


def our_model(shape, layer):
    _, time, features, units = shape
    keras.utils.set_random_seed(1)
    x = keras.Input((time, features))
    model = keras.Model(x, keras.layers.Dense(CLASSES)(layer(units)(x)))
    model.compile(
        keras.optimizers.RMSprop(RATE, rho=RHO, epsilon=EPSILON),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def our_step(model, x, y):
    batches = iter(tf.data.Dataset.from_tensors((x, y)).repeat())
    model.make_train_function()
    return lambda: float(model.train_function(batches)["loss"])


class TorchRNN(torch.nn.Module):
    """h[t] = modReLU(x[t] W + h[t-1] U + b): the network that `our_model` makes, as a loop."""

    def __init__(self, features, units):
        super().__init__()
        self.input = torch.nn.Linear(features, units)
        self.recurrent = torch.nn.Linear(units, units, bias=False)
        torch.nn.utils.parametrizations.orthogonal(self.recurrent, orthogonal_map="matrix_exp")
        self.shift = torch.nn.Parameter(torch.zeros(units))
        self.head = torch.nn.Linear(units, CLASSES)

    def forward(self, x):
        h = x.new_zeros(len(x), self.recurrent.in_features)
        weight = self.recurrent.weight  # made once for all steps
        for projected in self.input(x).unbind(1):
            z = projected + torch.nn.functional.linear(h, weight)
            h = torch.sign(z) * torch.relu(z.abs() + self.shift)
        return self.head(h)


def torch_step(peer, x, y):
    optimizer = torch.optim.RMSprop(peer.parameters(), RATE, alpha=RHO, eps=EPSILON)
    x, y = torch.tensor(x), torch.tensor(y, dtype=torch.long)

    def once():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(peer(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return once


def copied(model, shape):
    """The torch network with the weights of a Keras one."""
    peer = TorchRNN(*shape[2:])
    cell, head = model.layers[1].cell, model.layers[2]

    def transposed(weight):
        return torch.tensor(keras.ops.convert_to_numpy(weight).T)

    peer.input.weight.data, peer.input.bias.data = transposed(cell.kernel), transposed(cell.bias)
    peer.recurrent.weight = transposed(cell.recurrent_kernel)
    peer.shift.data = transposed(cell.activation.weights[0])
    peer.head.weight.data, peer.head.bias.data = transposed(head.kernel), transposed(head.bias)
    return peer


def step(arguments):
    shape = arguments.shape
    random = np.random.default_rng(0)
    x = random.random(size=shape[:3]).astype("float32")
    y = random.integers(0, CLASSES, shape[0])

    def free(units):
        return layers.SimpleRNN(units, layers.ModReLU(), recurrent_initializer="orthogonal")

    model = our_model(shape, layers.ExpRNN)
    ours, theirs = our_step(model, x, y), torch_step(copied(model, shape), x, y)
    # The first loss alone: the free weights have other entries, and RMSprop another step for them.
    one, other = ours(), theirs()
    print(f"loss: ours {one:.6f}, torch {other:.6f}", flush=True)
    if not abs(one / other - 1) < 1e-5:
        raise SystemExit("These are two models: nothing is timed.")
    seconds = interleave(
        {
            "ours": ours,
            "torch": theirs,
            "torch again": torch_step(copied(our_model(shape, layers.ExpRNN), shape), x, y),
        },
        arguments.rounds,
    )
    # Without torch: among its steps the first of ours was slower than the second, whatever was in them.
    parts = interleave(
        {
            "ours, after ours": ours,
            "ours, free weight": our_step(our_model(shape, free), x, y),
            "parametrization alone": in_tensorflow(
                Orthogonal(), skew(shape[-1], 0.3), np.eye(shape[-1], dtype="float32")
            ),
            "ours again": our_step(our_model(shape, layers.ExpRNN), x, y),
        },
        REPEATS,
    )
    whole = parts["ours, after ours"]
    return {
        "shape": list(shape),
        "milliseconds": {side: round(1e3 * s, 1) for side, s in {**seconds, **parts}.items()},
        "against torch": round(seconds["torch"] / seconds["ours"], 3),
        "share of the parametrization": round(parts["parametrization alone"] / whole, 4),
        "same": round(seconds["torch"] / seconds["torch again"], 3),
        "ours, same": round(whole / parts["ours again"], 3),
        "against a free weight": round(whole / parts["ours, free weight"], 3),
    }


PARTS = {"matrix_exp": exponential, "step": step}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--rounds", type=int, default=REPEATS, help="at most; 3 where they are long")
    parser.add_argument("--size", type=int, default=512, help="of the matrix")
    parser.add_argument("--shape", type=int, nargs=4, default=(128, 784, 1, 190))
    parser.add_argument("--write", action="store_true", help=f"save as results/{RESULTS.name}")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    torch.set_num_threads(THREADS)
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    saved = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for part in arguments.parts or PARTS:
        result = {**PARTS[part](arguments), **machine()}
        print(json.dumps(result, indent=1), flush=True)
        if arguments.write:
            saved[part] = result
            RESULTS.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
