"""A cell that a user writes: states of two sizes, an output like none of them, projections in a dict."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.layers import Bidirectional, Recurrent, RecurrentCell, StackedCells
from tests.contracts.arrays import BATCH, FEATURES, GAPS, RESETS, TIME, distance, normal
from tests.reference import loop

NARROW, WIDE, OUT = 2, 3, 5


@keras.saving.register_keras_serializable("tests")
class OwnCell(RecurrentCell):
    """a' = tanh(x A + a), b' = b + x B, y = [a' b'] C: what the contract asks for, and no more."""

    state_names = ("a", "b")
    state_size = (NARROW, WIDE)
    output_size = OUT

    def build(self, input_shape):
        features = input_shape[-1]
        self.A = self.add_weight(name="A", shape=(features, NARROW))
        self.B = self.add_weight(name="B", shape=(features, WIDE))
        self.C = self.add_weight(name="C", shape=(NARROW + WIDE, OUT))

    def get_constants(self, batch_size, training=False):
        return {"C": ops.convert_to_tensor(self.C)}

    def project_inputs(self, inputs, constants):
        return {"a": ops.matmul(inputs, self.A), "b": (ops.matmul(inputs, self.B),)}

    def step(self, projected, states, constants):
        a, b = ops.tanh(projected["a"] + states[0]), states[1] + projected["b"][0]
        return ops.matmul(ops.concatenate([a, b], axis=-1), constants["C"]), [a, b]


def oracle(weights):
    A, B, C = weights

    def step(x, states):
        a, b = np.tanh(x @ A + states[0]), states[1] + x @ B
        return np.concatenate([a, b], axis=1) @ C, [a, b]

    return step


X, STATES = normal(1, BATCH, TIME, FEATURES), [normal(2, BATCH, NARROW), normal(3, BATCH, WIDE)]
CALL = {"mask": GAPS, "reset_mask": RESETS["steps"]}


@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_the_loop_runs_it(return_sequences, zero_output_for_mask):
    arguments = {"return_sequences": return_sequences, "zero_output_for_mask": zero_output_for_mask}
    layer = Recurrent(OwnCell(dtype="float64"), return_state=True, dtype="float64", **arguments)
    result = layer(X, initial_state=STATES, **CALL)
    outputs, last, states = loop.run(
        oracle(layer.get_weights()), X, STATES, zero_output_for_mask=zero_output_for_mask, **CALL
    )
    assert distance(result, [outputs if return_sequences else last, *states]) < 1e-10
    symbolic = layer(keras.Input((None, FEATURES), dtype="float64"))
    assert [y.shape[-1] for y in symbolic] == [OUT, NARROW, WIDE]


def test_it_runs_in_every_wrapper_and_in_keras():
    cell = OwnCell(dtype="float64")
    layer = Recurrent(cell, return_sequences=True, dtype="float64")
    theirs = keras.layers.RNN(cell, return_sequences=True, dtype="float64")
    assert distance(layer(X, mask=GAPS), theirs(X, mask=GAPS)) < 1e-12
    stack = Recurrent(StackedCells([cell]), return_sequences=True, dtype="float64")
    assert distance(stack(X, mask=GAPS), layer(X, mask=GAPS)) == 0
    both = Bidirectional(layer, dtype="float64")
    assert both(X).shape == (BATCH, TIME, 2 * OUT)
    again = Recurrent.from_config(layer.get_config())
    assert isinstance(again.cell, OwnCell)
