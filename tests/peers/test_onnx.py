"""The ONNX operators RNN, GRU and LSTM: our layers, with the weights of a node, give the outputs of the node.

ONNX's own cases fill most weights with one number, which no order of gates can change. So its reference
evaluator is asked about random ones, too.
"""

import importlib

import keras
import numpy as np
import onnx
import pytest
from onnx.backend.test.case import node as cases
from onnx.reference import ReferenceEvaluator

from keras_rnn import layers
from tests.contracts.arrays import BATCH, FEATURES, TIME, UNITS, distance, normal

#: Where ONNX's blocks (RNN: i, GRU: z r h, LSTM: i o f c; peepholes: i o f) have each of ours.
BLOCKS = {"RNN": [0], "GRU": [0, 1, 2], "LSTM": [0, 2, 3, 1]}
PEEPHOLES = [0, 2, 1]
LAYERS = {"RNN": layers.SimpleRNN, "GRU": layers.GRU, "LSTM": layers.LSTM}
DEFAULTS = {"direction": b"forward", "hidden_size": None, "layout": 0, "linear_before_reset": 0}

for operator in BLOCKS:
    importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")  # adds its cases
CASES = [case for case in cases._NodeTestCases if case.model.graph.node[0].op_type in BLOCKS]


# ---------------------------------------------------------------------------- the adapter


def attributes_of(node):
    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if set(found) - set(DEFAULTS):
        raise NotImplementedError(f"{node.op_type} with {sorted(set(found) - set(DEFAULTS))}")
    return DEFAULTS | found


def layer_of(node, attributes, two_biases, peepholes):
    options = {"reset_after": two_biases} if node.op_type == "GRU" else {}
    layer = (layers.PeepholeLSTM if peepholes else LAYERS[node.op_type])(
        attributes["hidden_size"],
        go_backwards=attributes["direction"] == b"reverse",
        return_sequences=True,
        return_state=True,
        zero_output_for_mask=True,
        **options,
    )
    return layers.Bidirectional(layer, None) if attributes["direction"] == b"bidirectional" else layer


def weights_of(node, two_biases, W, R, B, P=None):
    """Those of one direction, as `set_weights` takes them."""

    def ours(a, order=BLOCKS[node.op_type]):
        return np.concatenate([np.split(a, len(order))[k] for k in order])

    b = [ours(half) for half in np.split(B, 2)]
    peepholes = [] if P is None else [ours(P, PEEPHOLES).reshape(3, -1)]
    return [ours(W).T, ours(R).T, *peepholes, np.stack(b) if two_biases else b[0] + b[1]]


def run(node, inputs):
    """Y, Y_h and, of an LSTM, Y_c, from inputs by ONNX's names."""
    attributes = attributes_of(node)
    if attributes["layout"]:
        turned = {"X", "initial_h", "initial_c"} & set(inputs)
        inputs = inputs | {name: inputs[name].swapaxes(0, 1) for name in turned}
    X, W = inputs["X"].swapaxes(0, 1), inputs["W"]
    directions, units = len(W), attributes["hidden_size"]
    inputs = {"B": np.zeros((directions, 2 * W.shape[1])), **inputs}
    two_biases = attributes["linear_before_reset"] == 1

    layer = layer_of(node, attributes, two_biases, "P" in inputs)
    layer.build(X.shape)
    by_direction = zip(*(inputs[name] for name in ("W", "R", "B", "P") if name in inputs))
    layer.set_weights([w for parts in by_direction for w in weights_of(node, two_biases, *parts)])

    names = ["initial_h", "initial_c"] if node.op_type == "LSTM" else ["initial_h"]
    zeros = np.zeros((directions, len(X), units), X.dtype)
    states = [state for one in zip(*(inputs.get(name, zeros) for name in names)) for state in one]
    lengths = inputs.get("sequence_lens")
    mask = None if lengths is None else np.arange(X.shape[1]) < lengths[:, None]
    results = keras.tree.flatten(layer(X, mask=mask, initial_state=states))
    Y, *last = (np.stack(results[:directions]), *results[directions:])
    Y = Y[:, :, ::-1] if attributes["direction"] == b"reverse" else Y
    last = [np.stack(last[k :: len(names)]) for k in range(len(names))]
    if attributes["layout"]:
        return [Y.transpose(1, 2, 0, 3), *(state.swapaxes(0, 1) for state in last)]
    return [Y.transpose(2, 0, 1, 3), *last]


# ---------------------------------------------------------------------------- ONNX's cases


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_of_onnx(case):
    (node,), ((inputs, outputs),) = case.model.graph.node, case.data_sets
    found = run(node, dict(zip([name for name in node.input if name], inputs, strict=True)))
    shown = [y for name, y in zip(node.output, found) if name]
    assert outputs and distance(shown, list(outputs)) < 1e-5


def test_every_operator_has_its_cases():
    """None is left out; a new one with an attribute that is not read raises."""
    found = [case.model.graph.node[0].op_type for case in CASES]
    assert all(found.count(operator) >= 6 for operator in BLOCKS)


# ---------------------------------------------------------------------------- random weights


def random_inputs(operator, n, peepholes):
    """For n directions, in ONNX's order."""
    rows = len(BLOCKS[operator]) * UNITS
    shapes = {"X": (TIME, BATCH, FEATURES), "W": (n, rows, FEATURES), "R": (n, rows, UNITS)}
    shapes |= {"B": (n, 2 * rows), "sequence_lens": (BATCH,), "initial_h": (n, BATCH, UNITS)}
    shapes |= {"initial_c": (n, BATCH, UNITS)} if operator == "LSTM" else {}
    shapes |= {"P": (n, 3 * UNITS)} if peepholes else {}
    drawn = {name: normal([9, k], *shape).astype("float32") for k, (name, shape) in enumerate(shapes.items())}
    return drawn | {"sequence_lens": np.array([TIME, 1, 3], "int32")}


def reference(node, inputs):
    """The evaluator takes no notice of lengths: row by row, with zeros after the end."""
    rows = []
    for k, length in enumerate(inputs["sequence_lens"]):
        cut = {name: inputs[name][:, k : k + 1] for name in inputs if name in ("X", "initial_h", "initial_c")}
        cut["X"] = cut["X"][:length]
        Y, *last = ReferenceEvaluator(node).run(None, inputs | cut)
        rows.append([np.pad(Y, [(0, TIME - length), (0, 0), (0, 0), (0, 0)]), *last])
    return [np.concatenate(parts, axis=-2) for parts in zip(*rows)]


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("operator", "attributes", "peepholes"),
    [
        ("RNN", {}, False),
        ("GRU", {"linear_before_reset": 0}, False),
        ("GRU", {"linear_before_reset": 1}, False),
        ("LSTM", {}, False),
        ("LSTM", {}, True),
    ],
)
def test_random_weights_and_lengths(operator, attributes, peepholes, direction):
    inputs = random_inputs(operator, 2 if direction == "bidirectional" else 1, peepholes)
    outputs = ["Y", "Y_h", "Y_c"] if operator == "LSTM" else ["Y", "Y_h"]
    attributes = {"direction": direction, "hidden_size": UNITS, **attributes}
    node = onnx.helper.make_node(operator, list(inputs), outputs, **attributes)
    assert distance(run(node, inputs), reference(node, inputs)) < 1e-5
