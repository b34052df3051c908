"""A recurrent layer that reads a memory at each step: the decoder of a translator."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from keras_rnn.layers.attention import check_rows
from keras_rnn.layers.attention_cell import AttentionCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.layers.sequence_inputs import checked_mask, checked_states, time_major
from keras_rnn.layers.shown_outputs import last_output, repeated_outputs


@keras.saving.register_keras_serializable("keras_rnn")
class AttentionRNN(Recurrent):
    """Runs a cell over time, with an attention that reads a memory before or after each step.

    The equations are those of `keras_rnn.layers.AttentionCell`. All steps run in one loop, and in it only
    what a step must wait for: the inputs are projected before, and where o[t] is not fed to the next step
    it is made for all steps at once after it.

    Args:
        cell, attention, order, input_feeding, attentional_units, kernel_initializer: see
            `keras_rnn.layers.AttentionCell`.
        return_sequences, return_state, unroll, implementation, recompute: see `keras_rnn.layers.Recurrent`.

    Call arguments:
        sequences: x, `(batch, time, features)`.
        memory: `(batch, source, d)`.
        memory_mask: `(batch, source)`, true where there is something to read. Default: everywhere.
        initial_state: the states of the cell, and perhaps those that are added to them.
        mask: `(batch, time)`, true where a step counts.
        training: whether dropout is on.
        return_attention: return the attention weights of each step, too.

    Returns:
        o, `(batch, attentional units)`, or `(batch, time, attentional units)` with `return_sequences`; behind
        it, with `return_state` the states, and with `return_attention` the weights `(batch, time, source)`.
        At masked steps o and weights are those of the step before, and zeros before the first that counts.

    Raises:
        ValueError: if there is no memory, if it is not of the shape above, or what
            `keras_rnn.layers.Recurrent` refuses. `stateful`, `go_backwards` and cuDNN are not for a decoder.

    Sources: D. Bahdanau, K. Cho, Y. Bengio, ICLR 2015; M.-T. Luong, H. Pham, C. D. Manning, EMNLP 2015,
    sections 3 and 3.3 (input feeding).

    Example:

    >>> layer = AttentionRNN(LSTMCell(6), LuongAttention(), return_sequences=True)
    >>> o, a = layer(np.zeros((2, 5, 3)), memory=np.zeros((2, 7, 4)), return_attention=True)
    >>> o.shape, a.shape
    (TensorShape([2, 5, 6]), TensorShape([2, 5, 7]))
    """

    cell: Any

    def __init__(
        self,
        cell: Any,
        attention: Any = None,
        order: str = "after",
        input_feeding: bool | None = None,
        attentional_units: Any = "as the cell",
        kernel_initializer: Any = "glorot_uniform",
        return_sequences: bool = False,
        return_state: bool = False,
        unroll: bool = False,
        implementation: str = "auto",
        recompute: bool = False,
        **kwargs: Any,
    ) -> None:
        for name in ("stateful", "go_backwards", "zero_output_for_mask"):
            if kwargs.pop(name, False):
                raise ValueError(f"`{name}` is not for a layer that reads a memory; received {name}=True.")
        if isinstance(cell, AttentionCell):
            if attention is not None:
                raise ValueError(
                    "`attention` must be left out where the cell is an AttentionCell, which has one; "
                    f"received attention={attention!r}."
                )
        else:
            own = {"dtype": kwargs["dtype"]} if kwargs.get("dtype") is not None else {}
            cell = AttentionCell(
                cell, attention, order, input_feeding, attentional_units, kernel_initializer, **own
            )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            unroll=unroll,
            use_cudnn=False,
            implementation=implementation,
            recompute=recompute,
            **kwargs,
        )

    @property
    def output_size(self) -> int:
        return self.cell.readout_size

    def build(  # type: ignore[override]
        self, sequences_shape: Any, memory_shape: Any = None, **_: Any
    ) -> None:
        self._check_memory(memory_shape)
        if not self.cell.built:
            self.cell.build((sequences_shape[0], sequences_shape[-1]), memory_shape)
            self.cell.built = True
        super().build(sequences_shape)

    def get_constants(self, memory: Any, memory_mask: Any = None, training: bool = False) -> Constants:
        """What all steps share, once for a memory: for `step`."""
        self._check_memory(memory)
        return self.cell.get_constants(ops.shape(memory)[0], training, memory, memory_mask)

    def first_states(self, initial_state: Any, constants: Constants) -> States:
        """All states, from those that are given: of the cell at least, or None for fresh ones."""
        rows = ops.shape(constants["attention"]["values_rows"])[0]
        fresh = self._cast_states(self.cell.get_initial_state(rows, constants))
        if initial_state is None:
            return fresh
        given = tree.flatten(initial_state)
        sizes = [state.shape[-1] for state in fresh[: max(len(given), len(self.cell.cell.state_size))]]
        if sizes[-1] is None:  # coverage of a memory whose length is not known before the run
            sizes[-1] = given[-1].shape[-1]
        given = checked_states(given, constants["attention"]["values_rows"], sizes, self.name)
        return self._cast_states([*given, *fresh[len(given) :]])

    def step(self, x: Any, states: States, constants: Constants) -> tuple[Any, Any, States]:
        """One step by hand, for decoding: `(o, weights, states)` from x `(batch, features)`; pure."""
        cell = self.cell
        shown, states, a = cell.step_and_weights(cell.project_inputs(x, constants), states, constants)
        units = cell.cell.output_size
        h, rest = shown[:, :units], shown[:, units:]
        if not cell.attends_in_loop:
            rest, a = cell.attention.attend(h, constants["attention"])
        return rest if cell.input_feeding else cell.readout(h, rest, constants), a, states

    def call(  # type: ignore[override]
        self,
        sequences: Any,
        memory: Any = None,
        memory_mask: Any = None,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        return_attention: bool = False,
        sequences_mask: Any = None,
    ) -> Any:
        mask = sequences_mask if mask is None else mask
        constants = self.get_constants(memory, memory_mask, training)
        check_rows(memory, sequences, "sequences")
        states = self.first_states(initial_state, constants)
        shown, last = self._run(sequences, states, states, constants, mask, None, training, True)
        if mask is not None:
            mask = time_major(checked_mask(mask, sequences, "mask"))
        o, a = self._read_out(shown, states, constants, return_attention, mask)
        if not self.return_sequences:
            time, o = ops.shape(sequences)[1], ops.swapaxes(o, 0, 1)
            o = last_output(o, time, mask, None, ops.zeros(ops.shape(o)[1:], o.dtype), False, False)
        results = [ops.cast(o, self.compute_dtype)]
        results += [*last] if self.return_state else []
        results += [a] if return_attention else []
        return results[0] if len(results) == 1 else tuple(results)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # The shapes of coverage and weights are those of the memory: the call is traced.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("go_backwards", "stateful", "zero_output_for_mask", "use_cudnn"):
            del config[name]
        return config

    def _check_memory(self, memory: Any) -> None:
        if memory is None:
            raise ValueError(f"`{self.name}` reads a memory. Call it with `memory=`, (batch, source, d).")

    def _read_out(
        self, shown: Any, first: States, constants: Constants, weights: bool, mask: Any
    ) -> tuple[Any, Any]:
        """o and, if they are wanted, the weights, `(batch, time, ...)`, from what the loop has shown.

        The mask, or None, is `(time, batch, 1)`.
        """
        cell = self.cell
        units = cell.cell.output_size
        h, rest = shown[:, :, :units], shown[:, :, units:]
        attention = constants["attention"]
        if not cell.attends_in_loop:
            c, a = cell.attention.attend_in_order(h, attention)
            o = cell.readout(h, c, constants)
            return self._held(o, mask, True), self._held(a, mask, True)
        o = self._held(rest if cell.input_feeding else cell.readout(h, rest, constants), mask, True)
        if not weights:
            return o, None
        queries = h
        if cell.order == "before":
            asks = ops.expand_dims(cell.query(first), 1)
            if mask is not None:  # before the first step that counts the loop has shown zeros
                begun = ops.cumsum(ops.cast(ops.swapaxes(mask, 0, 1), "int32"), axis=1) > 0
                h = ops.where(begun, h, asks)
            queries = ops.concatenate([asks, h], axis=1)[:, :-1]
        seen = first[-1] if cell.attention.coverage else None
        a = cell.attention.attend_in_order(queries, attention, seen, mask)[1]
        # A masked step asks with the h, and the coverage, that the step before has left.
        return o, self._held(a, mask, False)

    def _held(self, y: Any, mask: Any, same: bool) -> Any:
        """y with the step before at masked steps, where it is the `same` already, and zeros at first."""
        if mask is None:
            return y
        y = ops.swapaxes(y, 0, 1)
        return ops.swapaxes(repeated_outputs(y, mask, None, ops.zeros(ops.shape(y)[1:], y.dtype), same), 0, 1)
