"""A sequence may be cut: with the state carried on nothing changes, with a reset two sequences begin."""

import numpy as np
import pytest

from tests.contracts.arrays import BATCH, GAPS, SAME, distance, flat
from tests.contracts.catalogue import rows

CUT = 2


def in_two(layer, x, mask, states, **second_call):
    """Outputs of both pieces side by side, and the last states."""
    y1, *states = layer(x[:, :CUT], initial_state=states, mask=mask[:, :CUT])
    second = {"initial_state": states, "mask": mask[:, CUT:], **second_call}
    y2, *states = layer(x[:, CUT:], **second)
    return [np.concatenate(flat([y1, y2]), axis=1), *states]


# A masked step repeats an output, and a call does not know the last output of the call before it: the second
# piece begins with a step that counts.
MASK = GAPS.copy()
MASK[:, CUT] = True


@rows("causal")
def test_two_pieces_with_the_state_carried_are_one(row):
    layer, x = row.layer(), row.inputs()
    whole = layer(x, **row.call_arguments(MASK))
    assert distance(in_two(layer, x, MASK, row.states()), whole) < SAME


@rows("causal")
def test_a_reset_at_the_border_makes_two_sequences_of_one(row):
    layer, x = row.layer(), row.inputs()
    border = np.zeros(GAPS.shape, bool)
    border[:, CUT] = True
    whole = layer(x, reset_mask=border, **row.call_arguments(MASK))
    assert distance(in_two(layer, x, MASK, row.states(), initial_state=None), whole) < SAME


@rows("recurrent", "sample")
def test_two_directions_keep_two_sequences_apart(row):
    """Packed in one row with a reset between, both are what they are alone; any mask."""
    layer, x = row.layer(), row.inputs()
    border = np.zeros(GAPS.shape, bool)
    border[:, CUT] = True
    packed = flat(layer(x, mask=MASK, reset_mask=border))[0]
    alone = [flat(layer(x[:, piece], mask=MASK[:, piece]))[0] for piece in (slice(0, CUT), slice(CUT, None))]
    assert distance(packed, np.concatenate(alone, axis=1)) < SAME


@rows("causal")
def test_a_stateful_layer_carries_its_state_itself(row):
    layer, stateful = row.layer(), row.own_layer(stateful=True)
    x = row.inputs()
    one, two = stateful(x[:, :CUT]), stateful(x[:, CUT:])
    whole = layer(x)
    assert distance(two[1:], whole[1:]) < SAME
    assert distance(np.concatenate(flat([one[0], two[0]]), axis=1), whole[0]) < SAME
    stateful.reset_state()
    assert distance(stateful(x), whole) < SAME
    assert distance(stateful(x), whole) > 1e-3


@rows("causal", "sample")
def test_a_stateful_layer_resets_the_rows_it_is_told_to(row):
    layer, stateful = row.layer(), row.own_layer(stateful=True)
    x, states = row.inputs(), row.states()
    stateful(x, initial_state=states)
    states = layer(x, initial_state=states)[1:]
    rows_to_reset = np.array([False, True, False])
    fresh = [np.where(rows_to_reset[:, None], 0.0, state) for state in flat(states)]
    result = stateful(x, reset_mask=rows_to_reset)
    assert distance(result, layer(x, initial_state=fresh)) < SAME


@rows("recurrent", "sample")
def test_a_stateful_layer_begins_where_it_is_told_to_and_carries_that_on(row):
    layer, stateful = row.layer(), row.own_layer(stateful=True)
    x, call = row.inputs(), row.call_arguments(GAPS)
    first = stateful(x, **call)
    assert distance(first, layer(x, **call)) < SAME
    states = flat(first)[-len(row.sizes) :]
    assert distance(stateful(x), layer(x, initial_state=states)) < SAME


@rows("recurrent", "sample")
def test_carried_states_are_no_weights(row):
    assert len(row.own_layer(stateful=True).get_weights()) == len(row.layer().get_weights())
    stateful = row.own_layer(stateful=True)
    carried = [v for v in stateful.non_trainable_variables if v.shape and v.shape[0] == BATCH]
    assert len(carried) == len(row.sizes)


@pytest.mark.parametrize("name", ["reset_state", "reset_states"])
@rows("recurrent", "sample")
def test_reset_state_of_a_layer_that_carries_none_does_nothing(row, name):
    layer, x = row.layer(), row.inputs()
    before = layer(x)
    getattr(layer, name)()
    assert distance(layer(x), before) == 0
