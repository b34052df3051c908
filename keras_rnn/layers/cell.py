"""The contract between a cell, which knows one time step, and the loop, which knows time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
from keras import ops

Constants = dict[str, Any]
States = list[Any]


class RecurrentCell(keras.layers.Layer):
    """One step of a recurrent network, written as a pure function.

    A cell splits its step in three, so that the loop can do each part where it is cheapest:

        constants      = cell.get_constants(batch_size, training)           once per sequence
        p              = cell.project_inputs(x, constants)                  for all steps at once
        y[t], states   = cell.step(p[t], states, constants)                 once per step

    `get_constants` gathers what stays the same over time: recurrent weights in the compute dtype and
    dropout masks. Dropout masks are therefore drawn once per sequence (Gal and Ghahramani 2016,
    "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks", section 4) and are
    never cached on the cell. `step` reads weights from `constants` alone, never from `self`.

    A subclass gives `state_size`, `output_size`, `build` and these three methods. It then runs in
    `keras_rnn.layers.Recurrent`, and also in `keras.layers.RNN`, which sees an ordinary Keras cell
    (there, dropout masks are drawn anew at every step).

    With a 16-bit policy the matrix products run in the compute dtype; gates and carried states are
    float32 (`state_dtype`).
    """

    state_names: tuple[str, ...] = ("h",)
    #: The state that is also the output, by its position; None if the output is none of them. The loop is
    #: faster where it knows.
    output_state: int | None = None
    #: Names of the constants that `state_product` multiplies states by: with them named, the fast loop runs
    #: the cell with a gradient of its own. Empty: the cell's gradient is left to automatic differentiation.
    recurrent_constants: tuple[str, ...] = ()
    #: Names of the states that may not be negative, such as one that is divided by.
    positive_states: tuple[str, ...] = ()
    #: Whether `project_inputs` draws random numbers, and so may run only once for a sequence.
    projects_at_random: bool = False
    #: Whether `step` does, and so may not be taken again on the way back.
    steps_at_random: bool = False
    #: For a cell that writes its adjoint itself; see `keras_rnn.ops.adjoint_scan.StepWithAdjoint`.
    summed_paths: tuple[Any, ...] = ()
    #: Which of cuDNN's networks the cell is, "lstm" or "gru"; None if it is none of them.
    cudnn_mode: str | None = None

    def __init__(self, **kwargs: Any) -> None:
        # autocast would round the states that are handed in; the cell casts what it multiplies.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True

    @property
    @abstractmethod
    def state_size(self) -> list[int]:
        """Number of units of each state, in the order of `state_names`."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Number of units of the output."""

    @property
    def has_adjoint(self) -> bool:
        """Whether the cell offers `step_forward`, `backward_constants` and `step_backward`."""
        return False

    @property
    def state_dtype(self) -> str:
        """Dtype of gates and states: the compute dtype, but at least float32."""
        return "float32" if self.compute_dtype in ("float16", "bfloat16") else self.compute_dtype

    def get_initial_state(self, batch_size: Any = None) -> States:
        """Zeros, one tensor `(batch_size, size)` for each state."""
        return [ops.zeros((batch_size, size), self.state_dtype) for size in self.state_size]

    @abstractmethod
    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """All that the steps share: weights in the compute dtype and, while training, dropout masks.

        A nested dict. What has one row for each sequence of the batch has a name that ends in `mask`, or in
        `rows` if it has a gradient.
        """

    @abstractmethod
    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """All that does not depend on the state.

        Args:
            inputs: `(batch, features)` for one step or `(time, batch, features)` for many.
            constants: from `get_constants`.

        Returns:
            A tensor, or a nested structure of tensors, with the leading axes of `inputs`.
        """

    @abstractmethod
    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        """One time step, a pure function of its arguments.

        Args:
            projected: one step of what `project_inputs` returns.
            states: tensors `(batch, size)` in `state_dtype`.
            constants: from `get_constants`.

        Returns:
            `(output, new_states)`, all in `state_dtype`.
        """

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, States]:
        """Keras's own cell protocol: one step from `inputs` `(batch, features)`.

        Returns:
            `(output, new_states)`: the output in the compute dtype, each state in the dtype that came in.
        """
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        constants = self.get_constants(ops.shape(inputs)[0], training)
        output, new_states = self.step(
            self.project_inputs(inputs, constants),
            [ops.cast(state, self.state_dtype) for state in states],
            constants,
        )
        return ops.cast(output, self.compute_dtype), [
            ops.cast(new, old.dtype) for new, old in zip(new_states, states)
        ]


def dropout_mask(shape: tuple[Any, ...], rate: float, seed: keras.random.SeedGenerator, dtype: str) -> Any:
    """Ones, a share of `rate` of them zero and the others `1 / (1 - rate)`: multiply to drop."""
    return keras.random.dropout(ops.ones(shape, dtype), rate, seed=seed)
