"""What may know of what: an output of the steps before it and of its own row alone."""

import numpy as np

from tests.contracts.arrays import BATCH, GAPS, SAME, TIME, distance, flat, identical
from tests.contracts.catalogue import rows


@rows("causal")
def test_no_output_knows_a_later_step(row):
    layer, x, t = row.layer(), row.inputs(), 2
    changed = x.copy()
    changed[:, t] += 1.0
    before, after = (flat(layer(inputs, **row.call_arguments()))[0] for inputs in (x, changed))
    assert np.array_equal(before[:, :t], after[:, :t])
    assert (before[:, t:] != after[:, t:]).all()


@rows("causal")
def test_read_backwards_no_output_knows_an_earlier_step(row):
    layer, x, t = row.layer(go_backwards=True), row.inputs(), 1
    changed = x.copy()
    changed[:, t] += 1.0
    before, after = (flat(layer(inputs, **row.call_arguments()))[0] for inputs in (x, changed))
    seen = TIME - 1 - t  # when step t is read
    assert np.array_equal(before[:, :seen], after[:, :seen])
    assert (before[:, seen:] != after[:, seen:]).all()


@rows()
def test_rows_do_not_know_each_other(row):
    layer, x, states = row.layer(), row.inputs(), row.states()
    whole = flat(layer(x, **row.call_arguments(GAPS)))
    for k in range(BATCH):
        own = slice(k, k + 1)
        call = row.call_arguments(GAPS[own])
        if states:
            call["initial_state"] = [state[own] for state in states]
        assert distance(layer(x[own], **call), [y[own] for y in whole]) < SAME


@rows("recurrent")
def test_going_backwards_is_reading_flipped_inputs(row):
    forwards, backwards = row.layer(), row.layer(go_backwards=True)
    x, call = row.inputs(), {"initial_state": row.states()}
    masks = {"mask": GAPS, "reset_mask": GAPS[::-1]}
    flipped = {name: mask[:, ::-1] for name, mask in masks.items()}
    if "causal" not in row.promises:
        # With two directions the merged outputs stand in the order of time and a reset falls elsewhere.
        masks, flipped = {"mask": GAPS}, {"mask": GAPS[:, ::-1]}
    result = backwards(x, **masks, **call)
    assert identical(result, forwards(x[:, ::-1], **flipped, **call))
    assert distance(result, forwards(x, **masks, **call)) > 1e-3
