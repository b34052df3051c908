"""A cell over time on the fast path: inputs projected at once, a gradient of its own, slices of the batch."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops, tree

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.segments import is_long, run_in_segments
from keras_rnn.layers.shown_outputs import all_outputs, last_output
from keras_rnn.layers.taped_step import TapedStep
from keras_rnn.layers.wrapped_cell import unwrapped
from keras_rnn.ops.adjoint_scan import adjoint_scan

#: Fewer rows do not keep a core busy.
ROWS_PER_SLICE = 8
#: Of a batch whose size is not known while the graph is made.
SLICES_OF_AN_UNKNOWN_BATCH = 4
_beside = threading.local()


def run_fast_cell(
    cell: Any,
    x: Any,
    states: States,
    fresh: States,
    constants: Constants,
    mask: Any = None,
    reset: Any = None,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
    slices: int | None = None,
    recompute: bool = False,
) -> tuple[Any, States]:
    """`keras_rnn.layers.loop.run_cell` with the same numbers, made for speed.

    What does not depend on the state is computed for all steps in one product. The gradient is that of
    `keras_rnn.ops.adjoint_scan`, with the cell's own adjoint or a taped one. On the CPU each slice of the
    batch has a loop of its own, in one graph: a step is a chain of operations too small for two cores, but
    two chains keep both busy.

    Args:
        cell: a `RecurrentCell` with an adjoint, or with `recurrent_constants`.
        x: the inputs, `(time, batch, features)`, in the order of reading.
        states: the first states, each `(batch, size)`.
        fresh: the states of a fresh sequence, which a reset puts in.
        constants: from `cell.get_constants`.
        mask: `(time, batch, 1)` booleans, true where a step counts, or None.
        reset: `(time, batch, 1)` booleans, true where the row is set to `fresh` before the step, or None.
        return_sequences: give the output of every step, not of the last alone.
        zero_output_for_mask: masked steps show zeros, not the last output again.
        slices: into how many parts the batch is cut. Default: one for each core, none on other devices.
        recompute: keep no more than the states between segments of the sequence, and run each segment
            again on the way back: less memory for more time.

    Returns:
        `(outputs, states)`: outputs `(time, batch, units)` or `(batch, units)`, and the last states.
    """
    batch_size = x.shape[1] if isinstance(x.shape[1], int) else ops.shape(x)[1]
    slices = batch_slices(batch_size) if slices is None else slices
    masks = {name: m for name, m in (("mask", mask), ("reset", reset)) if m is not None}
    # What has one row for each sequence, along the first axis or, behind time, along the second.
    named = tree.flatten_with_path(constants)
    in_rows = [path for path, leaf in named if str(path[-1]).endswith(("mask", "rows"))]
    first = [*states, *fresh, *(leaf for path, leaf in named if path in in_rows)]
    if cell.projects_at_random:  # what is drawn must not depend on the number of slices
        x = cell.project_inputs(x, constants)
    second = [*tree.flatten(x), *masks.values()]
    parts = [_split_rows(tensor, slices, batch_size, 0) for tensor in first]
    parts += [_split_rows(tensor, slices, batch_size, 1) for tensor in second]
    n = len(states)
    results = []
    for own in zip(*parts):
        rest = iter(own[2 * n : len(first)])
        leaves = [next(rest) if path in in_rows else leaf for path, leaf in named]
        results.append(
            _run_slice(
                cell,
                tree.pack_sequence_as(x, list(own[len(first) : len(own) - len(masks)])),
                list(own[:n]),
                list(own[n : 2 * n]),
                tree.pack_sequence_as(constants, leaves),
                dict(zip(masks, own[len(own) - len(masks) :])),
                return_sequences,
                zero_output_for_mask,
                recompute,
            )
        )
    if slices == 1:
        return results[0]
    outputs, last = zip(*results)
    joined = ops.concatenate(outputs, axis=1 if return_sequences else 0)
    return joined, [ops.concatenate(parts, axis=0) for parts in zip(*last)]


@contextmanager
def side_by_side(loops: int) -> Iterator[None]:
    """While it lasts, so many layers are called that do not wait for one another: they share the cores."""
    before, _beside.loops = getattr(_beside, "loops", 1), loops * getattr(_beside, "loops", 1)
    try:
        yield
    finally:
        _beside.loops = before


def batch_slices(batch_size: Any) -> int:
    """The number of parts of a batch: one for each core if TensorFlow runs on the CPU."""
    if keras.backend.backend() != "tensorflow":
        return 1  # XLA runs one loop after the other
    import tensorflow as tf

    if tf.config.get_visible_devices("GPU"):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    enough = batch_size // ROWS_PER_SLICE if isinstance(batch_size, int) else SLICES_OF_AN_UNKNOWN_BATCH
    return max(1, min(cores // getattr(_beside, "loops", 1), enough))


def _split_rows(tensor: Any, slices: int, batch_size: Any, axis: int) -> list[Any]:
    """The slices of the batch. Split, for the gradient of a split is one concatenation."""
    if slices == 1:
        return [tensor]
    size = batch_size // slices
    if isinstance(size, int):
        return ops.split(tensor, [k * size for k in range(1, slices)], axis=axis)
    import tensorflow as tf

    return tf.split(tensor, [size] * (slices - 1) + [batch_size - size * (slices - 1)], axis=axis)


def _run_slice(
    cell: Any,
    x: Any,
    states: States,
    fresh: States,
    constants: Constants,
    masks: dict[str, Any],
    return_sequences: bool,
    zero_output_for_mask: bool,
    recompute: bool,
) -> tuple[Any, States]:
    is_state = cell.output_state is not None
    show = return_sequences or not is_state

    def run(x: Any, masks: dict[str, Any], states: States, constants: Constants, fresh: States) -> Any:
        projected = x if cell.projects_at_random else cell.project_inputs(x, constants)
        stepper, own = unwrapped(cell, constants)
        taken: Any = stepper if stepper.has_adjoint else TapedStep(stepper, own, projected, states)
        return adjoint_scan(taken, projected, states, own, cell.output_state, fresh=fresh, show=show, **masks)

    mask, reset = masks.get("mask"), masks.get("reset")
    # Where the projection has drawn random numbers, x is projected already and there is less to gain.
    if recompute or (not cell.projects_at_random and is_long(x)):
        outputs, last = run_in_segments(run, x, masks, states, constants, fresh, recompute)
    else:
        outputs, last = run(x, masks, states, constants, fresh)
    no_output = ops.zeros((ops.shape(states[0])[0], cell.output_size), cell.state_dtype)
    if not return_sequences:
        shown = last[cell.output_state] if is_state else outputs
        time = ops.shape(tree.flatten(x)[0])[0]
        return last_output(shown, time, mask, reset, no_output, is_state, zero_output_for_mask), last
    return all_outputs(outputs, mask, reset, no_output, is_state, zero_output_for_mask), last
