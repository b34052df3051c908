"""Makes a cell that only knows Keras's own protocol run in our loop."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from keras_rnn.layers.cell import Constants, States


class ForeignCell:
    """Shows a Keras cell, `keras.layers.StackedRNNCells` included, as a `RecurrentCell`.

    Not a layer: the cell that it wraps stays the one that owns weights and is saved.
    """

    output_state = None
    projects_at_random = False

    def __init__(self, cell: Any) -> None:
        for name in ("call", "state_size"):
            if not hasattr(cell, name):
                raise ValueError(
                    f"A cell must have `{name}`; received cell={cell!r}. "
                    "Pass a `keras_rnn.layers.RecurrentCell` or a Keras cell."
                )
        self.cell = cell
        self.state_size = tree.flatten(cell.state_size)
        output_size = getattr(cell, "output_size", None)
        self.output_size = self.state_size[0] if output_size is None else output_size

    @property
    def state_dtype(self) -> str:
        return getattr(self.cell, "compute_dtype", None) or keras.config.floatx()

    def get_initial_state(self, batch_size: Any = None) -> States:
        if hasattr(self.cell, "get_initial_state"):
            return tree.flatten(self.cell.get_initial_state(batch_size=batch_size))
        return [ops.zeros((batch_size, size), self.state_dtype) for size in self.state_size]

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        # Keras's cells cache their dropout masks. Drawn inside the loop they would belong to the loop's
        # graph; drawn here, before it, they are ordinary tensors, the same at every step.
        features = None
        for cell in getattr(self.cell, "cells", [self.cell]):
            if training and hasattr(cell, "get_dropout_mask"):
                features = cell.kernel.shape[0]
                cell.reset_dropout_mask()
                cell.reset_recurrent_dropout_mask()
                cell.get_dropout_mask(ops.ones((batch_size, features), cell.compute_dtype))
                cell.get_recurrent_dropout_mask(ops.ones((batch_size, cell.units), cell.compute_dtype))
        return {"training": training}

    def release(self) -> None:
        """Forgets the cached masks: they belong to the graph of one call."""
        for cell in getattr(self.cell, "cells", [self.cell]):
            if hasattr(cell, "get_dropout_mask"):
                cell.reset_dropout_mask()
                cell.reset_recurrent_dropout_mask()

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        return ops.cast(inputs, self.state_dtype)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        single = isinstance(self.cell.state_size, int)
        # As Keras hands them over: a list, also of one. A cell may read `states[0]`.
        packed = list(states) if single else tree.pack_sequence_as(self.cell.state_size, states)
        takes_training = getattr(self.cell, "_call_has_training_arg", False)
        kwargs = {"training": constants["training"]} if takes_training else {}
        output, new_states = self.cell(projected, packed, **kwargs)
        return output, tree.flatten(new_states)
