"""A long sequence run in segments: less memory, and less still where they are run again on the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from keras_rnn.layers.cell import Constants, States
from keras_rnn.ops.recurrence import scan

#: Steps of a segment, at most. A backward pass that runs them again holds one, and the states between all.
SEGMENT = 64
#: From so many steps on, known while the graph is made, a sequence is cut though nothing is run again: the
#: projected inputs and their gradients are then there for one segment at a time.
LONG = 512


def is_long(x: Any) -> bool:
    """Whether `(time, ...)` has so many steps that it is better run in segments."""
    return isinstance(x.shape[0], int) and x.shape[0] >= LONG


def run_in_segments(
    run: Callable[..., Any],
    x: Any,
    masks: dict[str, Any],
    states: States,
    constants: Constants,
    fresh: States,
    recompute: bool = False,
) -> tuple[Any, States]:
    """`run(x, masks, states, constants, fresh)` segment by segment, and what it gives for the whole.

    Args:
        run: a loop over time that returns `(outputs, states)`.
        x: `(time, batch, features)`.
        masks: tensors `(time, batch, 1)`.
        states, constants, fresh: as `run` takes them.
        recompute: keep nothing of a segment but its first states, and run it again on the way back. T. Chen
            et al., "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174 (2016).
    """
    time = x.shape[0] if isinstance(x.shape[0], int) else ops.shape(x)[0]
    if isinstance(time, int) and time < SEGMENT:
        return run(x, masks, states, constants, fresh)
    size = _segment_size(time)
    whole = time // size * size
    is_tensor = [hasattr(leaf, "dtype") for leaf in tree.flatten(constants)]
    tensors = [leaf for leaf in tree.flatten(constants) if hasattr(leaf, "dtype")]

    def again(x: Any, masks: Any, states: Any, tensors: Any, fresh: Any) -> Any:
        masks = {name: ops.cast(m, "bool") for name, m in masks.items()}
        rest = iter(tensors)
        leaves = [next(rest) if t else leaf for t, leaf in zip(is_tensor, tree.flatten(constants))]
        return run(x, masks, list(states), tree.pack_sequence_as(constants, leaves), list(fresh))

    taken = keras.remat(again) if recompute else again

    def segment(states: States, inputs: Any) -> Any:
        x, masks = inputs
        outputs, states = taken(x, masks, states, tensors, fresh)
        return list(states), outputs

    def cut(tensor: Any) -> Any:
        if recompute and keras.backend.standardize_dtype(tensor.dtype) == "bool":
            tensor = ops.cast(tensor, "float32")  # TensorFlow's rematerialization takes no booleans
        return ops.reshape(tensor[:whole], (-1, size, *ops.shape(tensor)[1:]))

    states, outputs = scan(segment, states, tree.map_structure(cut, (x, masks)), length=whole // size)
    outputs = tree.map_structure(lambda y: ops.reshape(y, (-1, *ops.shape(y)[2:])), outputs)
    if isinstance(time, int) and whole == time:
        return outputs, states
    # What does not fill a segment is short enough to be kept.
    rest, states = run(x[whole:], {name: m[whole:] for name, m in masks.items()}, states, constants, fresh)
    return tree.map_structure(lambda head, tail: ops.concatenate([head, tail], axis=0), outputs, rest), states


def _segment_size(time: Any) -> int:
    """One that leaves no rest, if there is one."""
    sizes = range(SEGMENT, SEGMENT // 2, -1) if isinstance(time, int) else ()
    return next((size for size in sizes if time % size == 0), SEGMENT)
