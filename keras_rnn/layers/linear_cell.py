"""Cells that are linear in their state: all steps of a sequence can be run in parallel."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from keras import tree

from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.ops.linear_recurrence import linear_step


class LinearCell(RecurrentCell):
    """Abstract: a cell whose step is elementwise and linear in the state.

        p[t] = project_inputs(x[t])
        a[t], b[t] = coefficients(p[t])
        h[t] = a[t] * h[t-1] + b[t]
        y[t] = readout(h[t], p[t])

    As a and b do not depend on h, they are known for all steps before the first is made, and
    `keras_rnn.ops.linear_scan` gives all states at once. `step` makes one step alone, with the same numbers.

    A subclass gives `coefficients` in place of `step`. One whose output is not a state gives `readout`, too,
    and sets `output_state = None`. Both read one step, `(batch, units)`, and all steps,
    `(time, batch, units)`, alike: they speak of the last axis only.

    A cell whose coefficients depend on inputs before x[t] sets `past_inputs` to their number and gives
    `look_back`. They are its last states, the nearest first, behind those of which `coefficients` speaks.
    """

    output_state: int | None = 0
    #: The number of inputs before the present one that the cell reads.
    past_inputs: int = 0

    def look_back(self, projected: Any, past: list[Any], constants: Constants) -> Any:
        """What `coefficients` and `readout` read in the place of `projected`; as it stands, that.

        Args:
            projected: what `project_inputs` returned; of a cell with `past_inputs` the input as carried.
            past: the inputs before it, the nearest first, for the same steps.
            constants: from `get_constants`.
        """
        return projected

    @abstractmethod
    def coefficients(self, projected: Any, constants: Constants) -> tuple[list[Any], list[Any]]:
        """What a step does to the states.

        Args:
            projected: one step of what `project_inputs` returns, or all of them.
            constants: from `get_constants`.

        Returns:
            `(a, b)`, two lists in the order of the states, in `state_dtype`. A real state has a tensor in
            each, a complex one, which takes two states, the pair `(real, imaginary)` as a tuple. Each b has
            the leading axes of `projected`, a may do without those that it is constant over.
        """

    def readout(self, states: States, projected: Any, constants: Constants) -> Any:
        """The output after the step: the state that `output_state` names.

        Args:
            states: the new states, of one step or of all of them.
            projected: what `project_inputs` returned for these steps.
            constants: from `get_constants`.
        """
        return states[self.output_state]  # type: ignore[index]

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        states, past = split_past(self, states)
        next_past = [projected, *past][: len(past)]
        projected = self.look_back(projected, past, constants)
        a, b = self.coefficients(projected, constants)
        h = tree.pack_sequence_as(b, states)
        states = tree.flatten([linear_step(*number) for number in zip(a, h, b)])
        return self.readout(states, projected, constants), [*states, *next_past]


def split_past(cell: LinearCell, states: States) -> tuple[States, States]:
    """The states of the recurrence, and the past inputs."""
    n = len(states) - cell.past_inputs
    return list(states[:n]), list(states[n:])
