"""What comes with a sequence, states and masks, checked against it."""

from __future__ import annotations

import inspect
from typing import Any

from keras import ops, tree

from keras_rnn.layers.cell import States
from keras_rnn.ops.masking import as_mask


def checked_states(given: Any, sequences: Any, sizes: list[int], name: str) -> States:
    """An `initial_state` as a flat list of tensors.

    Raises:
        ValueError: if their number, shapes or rows are not those that the layer `name` wants.
    """
    given = [ops.convert_to_tensor(state) for state in tree.flatten(given)]
    if [s.shape[-1] for s in given] != sizes or any(len(s.shape) != 2 for s in given):
        raise ValueError(
            f"`initial_state` of `{name}` must be {len(sizes)} tensors of shapes "
            f"{[('batch', size) for size in sizes]}; received {[tuple(s.shape) for s in given]}."
        )
    for state in given:
        if None not in (state.shape[0], sequences.shape[0]) and state.shape[0] != sequences.shape[0]:
            raise ValueError(
                f"`initial_state` must have as many rows as the sequences, {sequences.shape[0]}; "
                f"received {state.shape[0]}."
            )
    return given


def checked_mask(mask: Any, sequences: Any, name: str, ranks: tuple[int, ...] = (2,)) -> Any:
    """A mask of any form as booleans `(batch, time)`, or `(batch,)` where `ranks` has 1.

    Raises:
        ValueError: if its shape is not that of the sequences.
    """
    mask = as_mask(mask, name, ranks)
    for expected, received in zip(sequences.shape, mask.shape):
        if None not in (expected, received) and expected != received:
            raise ValueError(
                f"`{name}` must have the batch and time of the sequences, {tuple(sequences.shape[:2])}; "
                f"received shape {tuple(mask.shape)}."
            )
    return mask


def time_major(mask: Any) -> Any:
    """`(batch, time)` to `(time, batch, 1)`, as the loop reads it."""
    return ops.expand_dims(ops.transpose(mask), -1)


def takes(layer: Any, argument: str) -> bool:
    """Whether a layer is called with this argument."""
    return argument in inspect.signature(layer.call).parameters
