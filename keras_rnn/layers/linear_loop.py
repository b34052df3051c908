"""A linear cell over time: all steps at once, with the results of `run_cell`."""

from __future__ import annotations

from typing import Any

from keras import ops, tree

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.linear_cell import LinearCell, split_past
from keras_rnn.layers.shown_outputs import all_outputs, last_shown
from keras_rnn.ops.linear_recurrence import linear_scan, linear_step


def run_linear_cell(
    cell: LinearCell,
    x: Any,
    states: States,
    fresh: States,
    constants: Constants,
    mask: Any = None,
    reset: Any = None,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Any, States]:
    """`keras_rnn.layers.loop.run_cell`, in parallel over time.

    A step that holds a state, and one that begins anew, are linear steps as well:

        masked             a' = 1    b' = 0
        reset              a' = 0    b' = a * fresh + b
        masked and reset   a' = 0    b' = fresh

    One difference: 0 times infinity is no zero, so a row whose state is no longer finite stays so after a
    reset.

    Args:
        cell: a `LinearCell`.
        x: the inputs, `(time, batch, features)`, in the order of reading.
        states: the first states, each `(batch, size)`.
        fresh: the states of a fresh sequence, which a reset puts in.
        constants: from `cell.get_constants`.
        mask: `(time, batch, 1)` booleans, true where a step counts, or None.
        reset: `(time, batch, 1)` booleans, true where the row is set to `fresh` before the step, or None.
        return_sequences: give the output of every step, not of the last alone.
        zero_output_for_mask: masked steps show zeros, not the last output again.

    Returns:
        `(outputs, states)`: outputs `(time, batch, units)` or `(batch, units)`, and the last states.
    """
    projected = cell.project_inputs(x, constants)
    states, first_past = split_past(cell, states)
    fresh, fresh_past = split_past(cell, fresh)
    past, left = _past_inputs(projected, first_past, fresh_past, mask, reset)
    projected = cell.look_back(projected, past, constants)
    a, b = cell.coefficients(projected, constants)
    numbers = zip(a, b, tree.pack_sequence_as(b, states), tree.pack_sequence_as(b, fresh))
    h = tree.flatten([_all_states(*number, mask, reset) for number in numbers])
    no_output = ops.zeros((ops.shape(states[0])[0], cell.output_size), cell.state_dtype)
    if return_sequences:
        outputs = cell.readout(h, projected, constants)
        is_state = cell.output_state is not None
        outputs = all_outputs(outputs, mask, reset, no_output, is_state, zero_output_for_mask)
    else:
        shown = last_shown(ops.shape(x)[0], mask, reset, zero_output_for_mask)
        h_shown, p_shown = tree.map_structure(
            lambda value: ops.sum(ops.where(shown, value, 0), axis=0), (h, projected)
        )
        outputs = cell.readout(h_shown, p_shown, constants)
        outputs = ops.where(ops.any(shown, axis=0), outputs, no_output)
    # Without steps the last states are the first ones.
    ends = zip([*states, *first_past], [*h, *left])
    last = [ops.concatenate([first[None], h_k[-1:]])[-1] for first, h_k in ends]
    return outputs, last


def _past_inputs(x: Any, first: States, fresh: States, mask: Any, reset: Any) -> tuple[States, States]:
    """Of the inputs that count, the nearest first: what each step reads and what it leaves behind."""
    read, left = [], []
    for h, anew in zip(first, fresh):
        # It leaves the present input, then what it has read nearer by.
        left.append(x if mask is None else _all_states(ops.zeros((1,), x.dtype), x, h, anew, mask, reset))
        x = ops.concatenate([h[None], left[-1]], axis=0)[:-1]
        x = x if reset is None else ops.where(reset, anew, x)
        read.append(x)
    return read, left


def _all_states(a: Any, b: Any, first: Any, fresh: Any, mask: Any, reset: Any) -> Any:
    """All states of one number, real or a pair, whose steps are `a * h + b`."""
    if mask is not None:
        one = (1, 0) if isinstance(a, tuple) else 1
        a = tree.map_structure(lambda a, one: ops.where(mask, a, one), a, one)
        b = tree.map_structure(lambda b: ops.where(mask, b, 0), b)
    if reset is not None:
        anew = linear_step(a, fresh, b)
        b = tree.map_structure(lambda anew, b: ops.where(reset, anew, b), anew, b)
        a = tree.map_structure(lambda a: ops.where(reset, 0, a), a)
    return linear_scan(a, b, first)
