"""A cell over time in chunks: all steps of a chunk at once, and the states from chunk to chunk."""

from __future__ import annotations

from typing import Any, Protocol

from keras import ops, tree

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.shown_outputs import all_outputs, last_output
from keras_rnn.ops.recurrence import scan


class ChunkedCell(Protocol):
    """What a `RecurrentCell` has beside its step, if it can take many at once: it sets `chunk`."""

    #: Steps of a chunk, at most.
    chunk: int
    output_size: int
    state_dtype: str

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """All that does not depend on the state, as any cell."""

    def run_chunk(
        self,
        projected: Any,
        states: States,
        fresh: States,
        constants: Constants,
        counts: Any,
        reset: Any = None,
    ) -> tuple[Any, States]:
        """The outputs `(time, batch, units)` of these steps, anything where none counts, and the last states.

        Args:
            projected: of each step what `project_inputs` returns, time first.
            states, fresh, constants: as `keras_rnn.layers.loop.run_cell` takes them.
            counts: `(time, batch, 1)` booleans; a step that does not count holds the states.
            reset: the same, true where `fresh` takes the place of the states before the step, or None.
        """


def run_chunked_cell(
    cell: ChunkedCell,
    x: Any,
    states: States,
    fresh: States,
    constants: Constants,
    mask: Any = None,
    reset: Any = None,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Any, States]:
    """`keras_rnn.layers.loop.run_cell`, with the same arguments and numbers, chunk by chunk.

    The last chunk is filled up with steps that do not count.
    """
    projected = cell.project_inputs(x, constants)
    time, batch_size = ops.shape(x)[:2]
    size = cell.chunk
    if isinstance(time, int) and time:
        size = -(-time // -(-time // size))  # as few chunks, of equal size
    chunks = (time + size - 1) // size
    masks = {"counts": ops.ones((time, batch_size, 1), "bool") if mask is None else mask}
    if reset is not None:
        masks["reset"] = reset

    def cut(tensor: Any) -> Any:
        rest = ops.shape(tensor)[1:]
        filled = ops.concatenate([tensor, ops.zeros((chunks * size - time, *rest), tensor.dtype)], axis=0)
        return ops.reshape(filled, (chunks, size, *rest))

    def run(states: States, inputs: Any) -> tuple[States, Any]:
        projected, masks = inputs
        outputs, states = cell.run_chunk(projected, states, fresh, constants, **masks)
        return states, outputs

    alone = isinstance(chunks, int) and chunks == 1
    inputs = tree.map_structure(cut, (projected, masks))
    last, outputs = scan(run, list(states), inputs, length=chunks, unroll=alone)
    outputs = ops.reshape(outputs, (chunks * size, *ops.shape(outputs)[2:]))[:time]
    no_output = ops.zeros((batch_size, cell.output_size), cell.state_dtype)
    if not return_sequences:
        return last_output(outputs, time, mask, reset, no_output, False, zero_output_for_mask), last
    return all_outputs(outputs, mask, reset, no_output, False, zero_output_for_mask), last
