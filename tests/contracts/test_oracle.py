"""A layer gives the numbers of its oracle, in float64, whatever it is asked for."""

from functools import partial
from itertools import combinations, product

import pytest

from tests.contracts.arrays import EXACT, MASKS, ON_JAX, RESETS, distance
from tests.contracts.catalogue import row_named, rows

OPTIONS = {
    "mask": list(MASKS),
    "reset": list(RESETS),
    "go_backwards": [False, True],
    "zero_output_for_mask": [False, True],
    "return_sequences": [False, True],
}
# One scenario for each mask and reset; the three switches go round so that every pair of values meets.
SCENARIOS = [
    (mask, reset, bool((i + j) % 2), bool((i // 2 + j) % 2), bool((i // 3 + j // 2 + i) % 2))
    for i, mask in enumerate(MASKS)
    for j, reset in enumerate(RESETS)
]


def compare(row, mask, reset, go_backwards, zero_output_for_mask, return_sequences):
    arguments = {
        "go_backwards": go_backwards,
        "zero_output_for_mask": zero_output_for_mask,
        "return_sequences": return_sequences,
    }
    call = {"initial_state": row.states(), "mask": MASKS[mask], "reset_mask": RESETS[reset]}
    layer = row.layer(**arguments)
    result = layer(row.inputs(), **call)
    return distance(result, row.expected(layer.get_weights(), row.inputs(), **call, **arguments))


def test_the_scenarios_hold_every_pair_of_options():
    for (i, first), (j, second) in combinations(enumerate(OPTIONS.values()), 2):
        met = {(scenario[i], scenario[j]) for scenario in SCENARIOS}
        assert met == set(product(first, second))


@pytest.mark.parametrize("scenario", SCENARIOS[:: 4 if ON_JAX else 1], ids=str)
@rows("recurrent")
def test_a_recurrent_layer_is_its_oracle(row, scenario):
    assert compare(row, *scenario) < EXACT


@rows("recurrent")
def test_without_initial_states_a_layer_begins_at_zero(row):
    layer = row.layer()
    result = layer(row.inputs())
    assert distance(result, row.expected(layer.get_weights(), row.inputs())) < EXACT


@pytest.mark.parametrize("mask", MASKS)
@rows("pooling")
def test_pooling_is_its_oracle(row, mask):
    check(row, row.call_arguments(MASKS[mask]))


@rows()
def test_a_layer_is_its_oracle(row):
    check(row, row.call_arguments())


def check(row, call):
    layer = row.layer()
    result = layer(row.inputs(), **call)
    assert distance(result, row.expected(layer.get_weights(), row.inputs(), **call)) < EXACT


GATED = {"activation": "relu", "recurrent_activation": "tanh"}


@pytest.mark.parametrize(
    ("name", "activations"),
    [
        ("SimpleRNN", {"activation": "relu"}),
        ("LSTM", GATED),
        ("GRU", GATED),
        ("GRU(reset_after=False)", GATED),
    ],
)
def test_activations_are_the_ones_asked_for(name, activations):
    row = row_named(name)
    layer = row.layer(**activations)
    oracle = partial(row.oracle, **activations)
    expected = row.expected(layer.get_weights(), row.inputs(), oracle=oracle)
    assert distance(layer(row.inputs()), expected) < EXACT
