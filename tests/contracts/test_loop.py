"""The loop in every combination of its options, over a cell whose fresh states are not zero."""

from functools import cache
from itertools import product

import keras
import numpy as np
import pytest

from keras_rnn.layers import LSTMCell, Recurrent
from tests.contracts.arrays import BATCH, EXACT, FEATURES, GAPS, RESETS, SAME, TIME, UNITS, distance, normal
from tests.contracts.rows import run
from tests.reference import cells
from tests.reference.mutants import MUTANTS, NEEDS

FRESH = normal(7, 2, UNITS)
LOOP_OPTIONS = {
    "mask": (False, True),
    "reset": (None, "start", "steps"),
    "go_backwards": (False, True),
    "zero_output": (False, True),
}
COMBINATIONS = list(product(*LOOP_OPTIONS.values()))


class WarmLSTMCell(LSTMCell):
    """An LSTM that does not begin at zero, as one with a trained first state."""

    def get_initial_state(self, batch_size=None):
        return [keras.ops.tile(keras.ops.convert_to_tensor(fresh)[None], (batch_size, 1)) for fresh in FRESH]


class SecretiveLSTMCell(WarmLSTMCell):
    """The same, but the loop is not told that the output is a state: it must carry the output itself."""

    output_state = None


@cache
def both_outputs(options, cell_class=WarmLSTMCell):
    """What the layer gives with and without `return_sequences`, and the call that gave it."""
    mask, reset, go_backwards, zero_output = options
    switches = {"go_backwards": go_backwards, "zero_output_for_mask": zero_output}
    states = [normal([2, k], BATCH, UNITS) for k in range(2)]
    call = {"initial_state": states, "mask": GAPS if mask else None, "reset_mask": RESETS[reset]}
    x, outputs = normal(1, BATCH, TIME, FEATURES), []
    for return_sequences in (True, False):
        layer = Recurrent(
            cell_class(UNITS, dtype="float64"),
            return_sequences=return_sequences,
            return_state=True,
            dtype="float64",
            **switches,
        )
        layer.build(x.shape)
        layer.set_weights([normal([0, k], *w.shape) for k, w in enumerate(layer.get_weights())])
        outputs.append(layer(x, **call))
    fresh = [np.tile(state, (BATCH, 1)) for state in FRESH]
    return outputs, (layer.get_weights(), x, {**call, **switches, "fresh_states": fresh})


def expected(call, loop_run):
    weights, x, options = call
    step = cells.bind(cells.lstm, weights)
    sizes = (UNITS, UNITS)
    return [
        run(step, x, sizes, return_sequences=sequences, **loop_run, **options) for sequences in (True, False)
    ]


@pytest.mark.parametrize("cell_class", [WarmLSTMCell, SecretiveLSTMCell])
@pytest.mark.parametrize("options", COMBINATIONS, ids=str)
def test_the_loop_is_its_oracle(options, cell_class):
    outputs, call = both_outputs(options, cell_class)
    assert distance(outputs, expected(call, {})) < EXACT


@pytest.mark.parametrize("mutant", MUTANTS["loop"])
def test_the_loop_differs_from_its_mutants(mutant):
    needs = NEEDS["loop"][mutant]
    for options in COMBINATIONS:
        if all(dict(zip(LOOP_OPTIONS, options))[key] in values for key, values in needs.items()):
            outputs, call = both_outputs(options)
            assert distance(outputs, expected(call, {"loop_run": MUTANTS["loop"][mutant]})) > 1e-6


def test_a_cell_that_does_not_begin_at_zero_begins_where_it_says():
    outputs, call = both_outputs(COMBINATIONS[0])
    weights, x, _ = call
    cell = WarmLSTMCell(UNITS, dtype="float64")
    layer = Recurrent(cell, return_sequences=True, dtype="float64")
    layer.build(x.shape)
    layer.set_weights(weights)
    fresh = [np.tile(state, (BATCH, 1)) for state in FRESH]
    assert distance(layer(x), layer(x, initial_state=fresh)) < SAME
    assert distance(layer(x), outputs[0][0]) > 1e-3
