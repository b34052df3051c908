"""Cells that vary another cell by wrapping it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from keras_rnn.layers.cell import Constants, RecurrentCell, States


class WrappedCell(RecurrentCell):
    """Abstract: a cell around another one. As it stands it does what the inner cell does.

    A subclass overrides what it changes. Its constants stand beside those of the inner cell,
    `{"cell": inner constants, ...}`. Wrapped cells are cells: they may be wrapped again, stacked, and run in
    `keras_rnn.layers.Recurrent`.

    Weights:
        Those of the subclass, then those of the inner cell.

    Args:
        cell: the inner cell, a `keras_rnn.layers.RecurrentCell`.

    Raises:
        TypeError: if `cell` is no `RecurrentCell`.
    """

    def __init__(self, cell: RecurrentCell, **kwargs: Any) -> None:
        if not isinstance(cell, RecurrentCell):
            raise TypeError(
                f"`cell` must be a keras_rnn.layers.RecurrentCell; received cell={cell!r}. "
                "Cells of Keras and layers cannot be wrapped: take the cell of that name of keras_rnn.layers."
            )
        super().__init__(**{"dtype": cell.dtype_policy, **kwargs})
        self.cell = cell
        self.state_names, self.positive_states = cell.state_names, cell.positive_states

    @property
    def innermost(self) -> RecurrentCell:
        """The cell inside all wrappers."""
        return self.cell.innermost if isinstance(self.cell, WrappedCell) else self.cell

    @property
    def keeps_step(self) -> bool:
        """Whether `step` is that of the inner cell, on `constants["cell"]`: a loop may run the inner cell."""
        return type(self).step is WrappedCell.step

    @property
    def state_size(self) -> list[int]:
        return self.cell.state_size

    @property
    def output_size(self) -> int:
        return self.cell.output_size

    @property
    def output_state(self) -> int | None:  # type: ignore[override]
        return self.cell.output_state

    @property
    def recurrent_constants(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.cell.recurrent_constants

    @property
    def projects_at_random(self) -> bool:  # type: ignore[override]
        return self.cell.projects_at_random

    @property
    def steps_at_random(self) -> bool:  # type: ignore[override]
        return self.cell.steps_at_random

    @property
    def state_dtype(self) -> str:
        return self.cell.state_dtype

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if not self.cell.built:
            self.cell.build(input_shape)
            self.cell.built = True

    def get_initial_state(self, batch_size: Any = None) -> States:
        return self.cell.get_initial_state(batch_size)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        return {"cell": self.cell.get_constants(batch_size, training)}

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        return self.cell.project_inputs(inputs, constants["cell"])

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        return self.cell.step(projected, states, constants["cell"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cell": keras.saving.serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> WrappedCell:
        cell = keras.saving.deserialize_keras_object(config["cell"], custom_objects)
        return cls(**{**config, "cell": cell})


def edit_innermost(
    cell: RecurrentCell, constants: Constants, edit: Callable[[Constants], Constants]
) -> Constants:
    """The constants of `cell`, those of the cell inside all wrappers changed by `edit`."""
    if isinstance(cell, WrappedCell):
        return {**constants, "cell": edit_innermost(cell.cell, constants["cell"], edit)}
    return edit(constants)


def unwrapped(cell: Any, constants: Any = None, inputs: bool = False) -> tuple[Any, Any]:
    """The cell whose step is taken, and its constants: wrappers that leave the step alone are passed by.

    With `inputs` only those are that leave the inputs alone, too: the loop projects with the cell found.
    """
    while getattr(cell, "keeps_step", False):
        if inputs and type(cell).project_inputs is not WrappedCell.project_inputs:
            break
        cell, constants = cell.cell, None if constants is None else constants["cell"]
    return cell, constants
