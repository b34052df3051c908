"""What masked steps show, by the rule of `keras_rnn.layers.loop`, for all steps at once."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_rnn.ops.linear_recurrence import linear_scan


def repeated_outputs(outputs: Any, mask: Any, reset: Any, no_output: Any, are_states: bool) -> Any:
    """Outputs with, at masked steps, the one before in their place: a linear recurrence.

    Args:
        outputs: `(time, batch, units)`.
        mask: `(time, batch, 1)` booleans, true where a step counts.
        reset: the same, true where a row begins anew, or None.
        no_output: `(batch, units)` zeros, shown before the first step that counts.
        are_states: whether the outputs are states, which masked steps have held already. Others are found
            by a linear recurrence, in which an infinite output makes those after it no numbers.
    """
    if are_states:
        if reset is None:
            return ops.where(ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0, outputs, no_output)
        ends = ops.cast(reset, outputs.dtype)
        steps_that_counted = linear_scan(1 - ends, ops.cast(mask, outputs.dtype), no_output[:, :1])
        return ops.where(steps_that_counted > 0, outputs, no_output)
    goes_on = ops.logical_not(mask if reset is None else ops.logical_or(mask, reset))
    return linear_scan(ops.cast(goes_on, outputs.dtype), ops.where(mask, outputs, no_output), no_output)


def all_outputs(
    outputs: Any, mask: Any, reset: Any, no_output: Any, are_states: bool, zero_output_for_mask: bool
) -> Any:
    """The outputs that a row shows at all steps.

    Args:
        outputs, mask, reset, no_output, are_states: as above; `mask` may be None.
        zero_output_for_mask: whether masked steps show zeros.
    """
    if mask is None:
        return outputs
    if zero_output_for_mask:
        return ops.where(mask, outputs, no_output)
    return repeated_outputs(outputs, mask, reset, no_output, are_states)


def last_output(
    outputs: Any,
    time: Any,
    mask: Any,
    reset: Any,
    no_output: Any,
    is_state: bool,
    zero_output_for_mask: bool,
) -> Any:
    """The output that a row shows at the last step.

    Args:
        outputs: `(time, batch, units)`, or, if it is one of the states, its last value `(batch, units)`.
        time: the number of steps, which may be 0.
        mask, reset, no_output: as above.
        is_state: whether the output is one of the states.
        zero_output_for_mask: whether masked steps show zeros.
    """
    shown = last_shown(time, mask, reset, zero_output_for_mask)
    if not is_state:
        outputs = ops.sum(ops.where(shown, outputs, ops.zeros_like(outputs)), axis=0)
    return ops.where(ops.any(shown, axis=0), outputs, no_output)


def last_shown(time: Any, mask: Any, reset: Any, zero_output_for_mask: bool) -> Any:
    """`(time, batch, 1)` booleans, true at the step of a row whose output is its last, if there is one."""
    last = ops.arange(time)[:, None, None] == time - 1
    if mask is None:
        return last
    if zero_output_for_mask:
        return ops.logical_and(last, mask)
    ends = mask if reset is None else ops.logical_or(mask, reset)
    ends_to_come = ops.flip(ops.cumsum(ops.flip(ops.cast(ends, "int32"), 0), axis=0), 0)
    return ops.logical_and(mask, ends_to_come == 1)
