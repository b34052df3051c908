"""A cell that reads a memory at each step."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops, tree

from keras_rnn.layers.attention import Attention
from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.stacked import StackedCells
from keras_rnn.ops.affine import project
from keras_rnn.ops.state_product import state_product

ORDERS = ("before", "after")


@keras.saving.register_keras_serializable("keras_rnn")
class AttentionCell(RecurrentCell):
    """A cell with attention: before the step, as Bahdanau has it, or after it, as Luong has it.

    Before: the last output asks, and what it reads goes into the cell beside the input.

        c[t]            = attend(h[t-1])
        h[t], states[t] = cell([x[t]; c[t]], states[t-1])
        o[t]            = tanh([h[t]; c[t]] W_o + b_o)

    After: the new output asks; with `input_feeding` the cell sees what was made of it at the last step.

        h[t], states[t] = cell([x[t]; o[t-1]], states[t-1])
        c[t]            = attend(h[t])
        o[t]            = tanh([h[t]; c[t]] W_o + b_o)

    `[x; c]` W, for a cell whose input enters by one product, is `x W + c C`: the cell keeps its kernel W for
    x, which is multiplied for all steps at once, and C stands here. o is the attentional layer; with
    `attentional_units=None` there is none, and o[t] = [h[t]; c[t]].

    States: those of the cell; o, with input feeding; the sum of the attention weights `(batch, source)`, if
    the attention has coverage.

    What the steps share is made from the memory: `get_constants(batch_size, training, memory, memory_mask)`.
    The output of `step` is what the loop has to show: [h; o] with input feeding, else [h; c], or h alone
    where no step waits for an attention. `keras_rnn.layers.AttentionRNN` does the rest for all steps at once.

    Weights:
        context_kernel C: `(d or size of o, n)`, n the size of what the cell projects its input to; absent
        after the step without input feeding.
        attentional_kernel W_o: `(units + d, attentional units)`; attentional_bias b_o.
        Then those of the cell, and of the attention.

    Args:
        cell: a `keras_rnn.layers.RecurrentCell`, or a list of them, which become a stack.
        attention: a `keras_rnn.layers.Attention`.
        order: `"after"` or `"before"`. Default `"after"`.
        input_feeding: whether o[t-1] enters the cell; of `"after"`. Default: with that order it does.
        attentional_units: positive integer, size of o. Default: that of h. `None`: o is [h; c].
        kernel_initializer: starting values of C and W_o.

    Raises:
        TypeError: if `cell` or `attention` is something else.
        ValueError: if `order` is neither, if input feeding is asked for before the step, or if the output of
            the cell is none of its states; when it is built, if the cell projects its input to more than one
            tensor.

    Example:

    >>> cell = AttentionCell([GRUCell(4), LSTMCell(6)], BahdanauAttention(8, coverage=True))
    >>> cell.state_names
    ('h_0', 'h_1', 'c_1', 'o', 'coverage')
    """

    def __init__(
        self,
        cell: Any,
        attention: Attention,
        order: str = "after",
        input_feeding: bool | None = None,
        attentional_units: Any = "as the cell",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        cell = StackedCells(list(cell)) if isinstance(cell, (list, tuple)) else cell
        if not isinstance(cell, RecurrentCell):
            raise TypeError(f"`cell` must be a keras_rnn.layers.RecurrentCell; received cell={cell!r}.")
        if not isinstance(attention, Attention):
            raise TypeError(
                f"`attention` must be a keras_rnn.layers.Attention, such as BahdanauAttention(units) or "
                f"LuongAttention(); received attention={attention!r}."
            )
        if order not in ORDERS:
            raise ValueError(f"`order` must be one of {ORDERS}; received order={order!r}.")
        if order == "before" and input_feeding:
            raise ValueError(
                "`input_feeding` belongs to order='after'; before the step the context is fed. Leave it out."
            )
        if cell.output_state is None:
            raise ValueError(f"`cell` must have an output that is one of its states; received cell={cell!r}.")
        super().__init__(**{"dtype": cell.dtype_policy, **kwargs})
        self.cell = cell
        self.attention = attention
        self.order = order
        self.input_feeding = order == "after" if input_feeding is None else input_feeding
        if attentional_units == "as the cell":
            attentional_units = cell.output_size
        elif attentional_units is not None:
            attentional_units = checked_size("attentional_units", attentional_units)
        self.attentional_units = attentional_units
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.memory_size: int | None = None

    @property
    def attends_in_loop(self) -> bool:
        """Whether a step waits for the attention of the step before."""
        return self.feeds or self.attention.coverage

    @property
    def feeds(self) -> bool:
        """Whether the cell reads more than its input."""
        return self.order == "before" or self.input_feeding

    @property
    def state_names(self) -> tuple[str, ...]:  # type: ignore[override]
        more = ("o",) * self.input_feeding + ("coverage",) * self.attention.coverage
        return (*self.cell.state_names, *more)

    @property
    def state_size(self) -> list[Any]:
        own = [self.readout_size] * self.input_feeding + [None] * self.attention.coverage
        return [*self.cell.state_size, *own]

    @property
    def readout_size(self) -> int:
        """Size of o."""
        if self.attentional_units is not None:
            return self.attentional_units
        if self.memory_size is None:
            raise ValueError(f"`{self.name}` knows the size of its output when it is built.")
        return self.cell.output_size + self.memory_size

    @property
    def output_size(self) -> int:
        more = self.readout_size if self.input_feeding else self.memory_size if self.attends_in_loop else 0
        return self.cell.output_size + (more or 0)

    @property
    def recurrent_constants(self) -> tuple[str, ...]:  # type: ignore[override]
        # A cell that names none would get the gradients of its weights step by step: no gain.
        own = self.cell.recurrent_constants
        return ("C", "W_o", *self.attention.recurrent_constants, *own) if own else ()

    @property
    def projects_at_random(self) -> bool:  # type: ignore[override]
        return self.cell.projects_at_random

    @property
    def steps_at_random(self) -> bool:  # type: ignore[override]
        return self.cell.steps_at_random

    @property
    def state_dtype(self) -> str:
        return self.cell.state_dtype

    def _check_memory(self, memory: Any) -> None:
        if memory is None:
            raise ValueError(
                f"`{self.name}` reads a memory. Run it in keras_rnn.layers.AttentionRNN(cell, attention), "
                "and call that with `memory=`, (batch, source, d)."
            )

    def build(self, input_shape: Any, memory_shape: Any = None) -> None:
        self._check_memory(memory_shape)
        units = self.cell.output_size
        self.memory_size = known_features(self, memory_shape, "memory")
        if not self.cell.built:
            self.cell.build(input_shape)
            self.cell.built = True
        if not self.attention.built:
            self.attention.build((None, units), memory_shape)
            self.attention.built = True
        if self.feeds:
            fed = self.memory_size if self.order == "before" else self.readout_size
            shape = (fed, self._projected_size(input_shape))
            self.context_kernel = self.add_weight(
                name="context_kernel", shape=shape, initializer=self.kernel_initializer
            )
        if self.attentional_units is not None:
            shape = (units + self.memory_size, self.attentional_units)
            self.attentional_kernel = self.add_weight(
                name="attentional_kernel", shape=shape, initializer=self.kernel_initializer
            )
            self.attentional_bias = self.add_weight(
                name="attentional_bias", shape=shape[1:], initializer="zeros", autocast=False
            )

    def _projected_size(self, input_shape: Any) -> int:
        """How long the vector is that the cell makes of an input."""
        x = ops.zeros((1, input_shape[-1]), self.compute_dtype)
        projected = self.cell.project_inputs(x, self.cell.get_constants(1))
        leaves = tree.flatten(projected)
        if len(leaves) != 1:
            raise ValueError(
                f"`cell` must project its input to one tensor, to which the context is added; received "
                f"cell={self.cell!r}, which makes {len(leaves)}."
            )
        return leaves[0].shape[-1]

    def get_constants(
        self, batch_size: Any, training: bool = False, memory: Any = None, memory_mask: Any = None
    ) -> Constants:
        """What all steps share: weights and masks, and what the attention makes of the memory."""
        self._check_memory(memory)
        constants = {
            "cell": self.cell.get_constants(batch_size, training),
            "attention": self.attention.get_constants(memory, memory_mask, training),
        }
        if self.feeds:
            constants["C"] = ops.cast(self.context_kernel, self.compute_dtype)
        if self.attentional_units is not None:
            constants["W_o"] = ops.cast(self.attentional_kernel, self.compute_dtype)
            constants["b_o"] = ops.cast(self.attentional_bias, self.state_dtype)
        return constants

    def get_initial_state(self, batch_size: Any = None, constants: Constants | None = None) -> States:
        """The states of a fresh sequence; with coverage the constants tell how long the memory is."""
        states = self.cell.get_initial_state(batch_size)
        if self.input_feeding:
            states = [*states, ops.zeros((batch_size, self.readout_size), self.state_dtype)]
        if self.attention.coverage and constants is not None:
            states = [*states, self.attention.no_coverage(constants["attention"])]
        return states

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        return self.cell.project_inputs(inputs, constants["cell"])

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        return self.step_and_weights(projected, states, constants)[:2]

    def step_and_weights(
        self, projected: Any, states: States, constants: Constants
    ) -> tuple[Any, States, Any]:
        """What `step` returns, and the attention weights; None where the loop does not need them."""
        n = len(self.cell.state_size)
        inner, own = list(states[:n]), list(states[n:])
        seen = own.pop() if self.attention.coverage else None
        fed = None
        if self.order == "before":
            fed, a = self.attention.attend(self.query(inner), constants["attention"], seen)
        elif self.input_feeding:
            fed = own[0]
        if fed is not None:
            more = state_product(ops.cast(fed, self.compute_dtype), constants["C"])
            projected = projected + ops.cast(more, projected.dtype)
        h, inner = self.cell.step(projected, inner, constants["cell"])
        if not self.attends_in_loop:
            return h, inner, None
        shown = fed
        if self.order == "after":
            shown, a = self.attention.attend(h, constants["attention"], seen)
        if self.input_feeding:
            own = [shown := self.readout(h, shown, constants)]
        own = own if seen is None else [*own, seen + a]
        return self._joined(h, shown), [*inner, *own], a

    def query(self, states: States) -> Any:
        """h, among the states of the cell."""
        return states[self.cell.output_state]  # type: ignore[index]

    def _joined(self, *parts: Any) -> Any:
        return ops.concatenate([ops.cast(part, self.state_dtype) for part in parts], axis=-1)

    def readout(self, h: Any, c: Any, constants: Constants) -> Any:
        """o, from h and c of one step `(batch, ...)` or of all `(batch, time, ...)`."""
        hc, dtype = self._joined(h, c), self.state_dtype
        if self.attentional_units is None:
            return hc
        hc = ops.cast(hc, self.compute_dtype)
        if len(hc.shape) == 3:
            return ops.tanh(project(hc, constants["W_o"], constants["b_o"], dtype))
        return ops.tanh(ops.cast(state_product(hc, constants["W_o"]), dtype) + constants["b_o"])

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "cell": serialize(self.cell),
            "attention": serialize(self.attention),
            "order": self.order,
            "input_feeding": self.input_feeding,
            "attentional_units": self.attentional_units,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> AttentionCell:
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("cell", "attention")
        }
        return cls(**{**config, **parts})
