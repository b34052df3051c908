"""Several cells, one above the other, as one cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, RecurrentCell, States


@keras.saving.register_keras_serializable("keras_rnn")
class StackedCells(RecurrentCell):
    """A stack of cells that is itself a cell: the whole stack makes one step before time moves on.

        y_0[t] = x[t]
        y_k[t], states_k[t] = cell_k(y_{k-1}[t], states_k[t-1])        output y[t] = y_K[t]

    The numbers are those of layers above one another. A cell is wanted where the loop needs the whole
    stack at each step: in a decoder, or when one step of a deep network is taken by hand.

    States: those of the first cell, then those of the second, and so on, as one flat list. (A
    `keras.layers.StackedRNNCells` nests them.)

    Args:
        cells: the cells, lowest first, each a `keras_rnn.layers.RecurrentCell`.

    Raises:
        TypeError: if one of `cells` is no `RecurrentCell`.
        ValueError: if there is none.

    Example:

    >>> layer = Recurrent(StackedCells([LSTMCell(4), GRUCell(5)]), return_state=True)
    >>> y, h1, c1, h2 = layer(np.zeros((2, 6, 3)))
    >>> y.shape, h1.shape, c1.shape, h2.shape
    (TensorShape([2, 5]), TensorShape([2, 4]), TensorShape([2, 4]), TensorShape([2, 5]))
    """

    def __init__(self, cells: list[RecurrentCell], **kwargs: Any) -> None:
        if not cells:
            raise ValueError("`cells` must hold at least one cell; received an empty list.")
        for cell in cells:
            if not isinstance(cell, RecurrentCell):
                raise TypeError(
                    f"Each of `cells` must be a keras_rnn.layers.RecurrentCell; received {cell!r}. "
                    "For cells of Keras use Recurrent(keras.layers.StackedRNNCells(cells))."
                )
        super().__init__(**{"dtype": cells[0].dtype_policy, **kwargs})
        self.cells = list(cells)
        self.state_names = tuple(f"{name}_{k}" for k, cell in enumerate(cells) for name in cell.state_names)
        self.positive_states = tuple(f"{s}_{k}" for k, cell in enumerate(cells) for s in cell.positive_states)

    @property
    def state_size(self) -> list[int]:
        return [size for cell in self.cells for size in cell.state_size]

    @property
    def output_state(self) -> int | None:  # type: ignore[override]
        top = self.cells[-1].output_state
        return None if top is None else len(self.state_size) - len(self.cells[-1].state_size) + top

    @property
    def recurrent_constants(self) -> tuple[str, ...]:  # type: ignore[override]
        # A cell that names none would get the gradients of its weights step by step: no gain for the stack.
        named = [cell.recurrent_constants for cell in self.cells]
        return tuple(sorted(set().union(*named))) if all(named) else ()

    @property
    def steps_at_random(self) -> bool:  # type: ignore[override]
        # An upper cell projects within the step.
        return any(cell.projects_at_random for cell in self.cells[1:])

    @property
    def projects_at_random(self) -> bool:  # type: ignore[override]
        return self.cells[0].projects_at_random

    @property
    def output_size(self) -> int:
        return self.cells[-1].output_size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
                cell.built = True
            input_shape = (*input_shape[:-1], cell.output_size)

    def get_initial_state(self, batch_size: Any = None) -> States:
        return [state for cell in self.cells for state in cell.get_initial_state(batch_size)]

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        if training and self.steps_at_random and keras.backend.backend() == "jax":
            raise ValueError(
                f"`{self.name}`: JAX cannot draw random numbers within a step, as an upper cell of this "
                "stack wants to. Give each cell a `Recurrent` of its own, one above the other."
            )
        return {str(k): cell.get_constants(batch_size, training) for k, cell in enumerate(self.cells)}

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        # Only the lowest cell reads what is known before the loop.
        return self.cells[0].project_inputs(inputs, constants["0"])

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        output, new_states, start = None, [], 0
        for k, cell in enumerate(self.cells):
            own = constants[str(k)]
            if k:
                projected = cell.project_inputs(output, own)
            end = start + len(cell.state_size)
            output, new = cell.step(projected, states[start:end], own)
            new_states += new
            start = end
        return ops.cast(output, self.state_dtype), new_states

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "cells": [keras.saving.serialize_keras_object(cell) for cell in self.cells],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> StackedCells:
        cells = [keras.saving.deserialize_keras_object(cell, custom_objects) for cell in config["cells"]]
        return cls(**{**config, "cells": cells})
