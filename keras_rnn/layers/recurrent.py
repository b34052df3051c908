"""The layer that owns time: masks, states, direction, and the loop over a cell."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops, tree

from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.cell_arguments import adopt_cell_arguments
from keras_rnn.layers.foreign_cell import ForeignCell
from keras_rnn.layers.implementation import check_implementation, choose_loop, runs_on_cudnn
from keras_rnn.layers.sequence_inputs import checked_mask, checked_states, time_major
from keras_rnn.layers.stacked import StackedCells


@keras.saving.register_keras_serializable("keras_rnn")
class Recurrent(keras.layers.Layer):
    """Runs a cell over time. A drop-in for `keras.layers.RNN`.

        y[t], states[t] = cell(x[t], states[t-1])        t = 1 .. time

    The one mask rule, for masks of any form (left padding, gaps, rows that are empty): a masked step
    holds all states of its row and repeats the row's last output, which is zero before the first step
    that counts; with `zero_output_for_mask` it gives zeros.

    What is added to `keras.layers.RNN`: `reset_mask`; states carried in float32 under a 16-bit policy,
    across calls too; dropout masks drawn once per call and never cached; a mask that arrives with the
    sequence is kept when an `initial_state` is given; sequences of length 0.

    Args:
        cell: a `keras_rnn.layers.RecurrentCell`, a list of them (a `StackedCells`), or any cell of Keras's
            own protocol.
        return_sequences: return the output of every step, not of the last alone. Default `False`.
        return_state: return the last states after the output. Default `False`.
        go_backwards: read time from the end. Outputs stand in the order of reading. Default `False`.
        stateful: begin each call with the last states of the call before. Needs a fixed batch size;
            `reset_state()` sets those of a fresh sequence. Default `False`.
        unroll: write the steps out in place of a loop. Needs a known number of steps. Default `False`.
        zero_output_for_mask: masked steps give zeros, not the last output again. Default `False`.
        use_cudnn: `"auto"`, `False`, or `True`, which is an error where cuDNN cannot run the cell.
        implementation: how time is run; all give the same numbers, up to rounding. `"plain"`: the loop as it
            is written above. `"fast"`: inputs projected at once (of 512 known steps and more, in segments of
            up to 64), a gradient of its own, on the CPU one loop for each core. `"parallel"`: all steps at
            once, or those of a chunk, for cells that are linear in their state. `"cudnn"`: on a GPU. Default
            `"auto"`: the first that can of cudnn, parallel, fast and plain. Fast is for training, and taken
            outside of it only where it is named (Keras cannot export it). Second derivatives: all but cudnn,
            and fast for cells that write their adjoint.
        recompute: on the fast path, keep the states between segments of up to 64 steps alone and compute the
            others again on the way back: training needs less memory and more time. Default `False`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: list of the first states, each `(batch, size)`. Default: that of the cell, zeros.
        mask: `(batch, time)` or `(batch, time, 1)`, nonzero where a step counts. Default: the mask that
            came with `sequences`, if any.
        training: whether dropout is on.
        reset_mask: `(batch,)`: the rows that begin anew, whatever state they are given; or
            `(batch, time)`: the state of a row is set to that of a fresh sequence before these steps are
            read, also where the step is masked. Several sequences can so be packed into one row.

    Returns:
        The output `(batch, units)`, or `(batch, time, units)` with `return_sequences`; with `return_state`
        a tuple of it and the states, each `(batch, size)`. A sequence of length 0 has the output zero
        and the states that it began with.

    Raises:
        ValueError: if the input has not three axes, if the mask or a state has not the shape above, if a
            stateful layer does not know its batch size or meets another, if `unroll` does not know time, or
            if an implementation that is asked for cannot run the cell.

    Example:

    >>> layer = Recurrent([LSTMCell(4), LSTMCell(4)], return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    #: A derived layer names its cell here and takes the arguments of both.
    cell_class: ClassVar[type[RecurrentCell] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "cell_class" in vars(cls):
            adopt_cell_arguments(cls, Recurrent)

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        use_cudnn: Any = "auto",
        implementation: str = "auto",
        recompute: bool = False,
        **kwargs: Any,
    ) -> None:
        # autocast would round an initial state that is carried in float32; the cell casts what it multiplies.
        super().__init__(autocast=False, **kwargs)
        check_implementation(implementation, use_cudnn)
        self.cell = StackedCells(list(cell)) if isinstance(cell, (list, tuple)) else cell
        self._foreign = None if isinstance(self.cell, RecurrentCell) else ForeignCell(self.cell)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.use_cudnn = use_cudnn
        self.implementation = implementation
        self.recompute = recompute
        self.supports_masking = True
        # XLA knows no cuDNN: "auto" in `compile` is not to choose it where cuDNN can run.
        self.supports_jit = not runs_on_cudnn(self.cell, implementation, use_cudnn)
        self.states: Any = None

    @property
    def _stepper(self) -> Any:
        return self._foreign or self.cell

    @property
    def state_size(self) -> list[int]:
        return list(self._stepper.state_size)

    @property
    def output_size(self) -> int:
        return self._stepper.output_size

    def build(self, sequences_shape: Any, initial_state_shape: Any = None, **_: Any) -> None:
        if len(sequences_shape) != 3:
            raise ValueError(
                f"`{self.name}` reads sequences of shape (batch, time, features); "
                f"received shape {tuple(sequences_shape)}."
            )
        batch_size, _, features = sequences_shape
        if isinstance(self.cell, keras.layers.Layer) and not self.cell.built:
            self.cell.build((batch_size, features))
            self.cell.built = True
        if self.stateful:
            if batch_size is None:
                raise ValueError(
                    f"`stateful=True` needs a fixed batch size; `{self.name}` received shape "
                    f"{tuple(sequences_shape)}. Give it in `keras.Input(batch_shape=...)`."
                )
            self.states = [
                self.add_weight(
                    name=f"state_{k}",
                    shape=(batch_size, size),
                    initializer=lambda _, dtype, k=k: ops.cast(self.get_initial_state(batch_size)[k], dtype),
                    dtype=self._stepper.state_dtype,
                    trainable=False,
                    autocast=False,
                )
                for k, size in enumerate(self.state_size)
            ]

    # Carried states are data, not weights, as in Keras: a stateful layer trades weights, in memory and in
    # files, with one that is not. All weights are the cell's.

    @property
    def weights(self) -> list[Any]:
        carried = {id(state) for state in self.states or ()}
        return [weight for weight in super().weights if id(weight) not in carried]

    def save_own_variables(self, store: Any) -> None:
        pass

    def load_own_variables(self, store: Any) -> None:
        pass

    def get_initial_state(self, batch_size: Any) -> States:
        """The states of a fresh sequence, a list of `(batch_size, size)`."""
        return list(self._stepper.get_initial_state(batch_size))

    def reset_state(self) -> None:
        """Sets the carried states of a stateful layer to those of a fresh sequence."""
        if self.states is not None:
            for variable, fresh in zip(self.states, self.get_initial_state(self.states[0].shape[0])):
                variable.assign(ops.cast(fresh, variable.dtype))

    reset_states = reset_state  # the name that Keras 2 used, kept by keras.layers too

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        reset_mask: Any = None,
        sequences_mask: Any = None,
    ) -> Any:
        # Keras fills in `mask` only when `sequences` is the one tensor that is passed; beside an
        # `initial_state` it fills in an argument called `sequences_mask`.
        mask = sequences_mask if mask is None else mask
        batch_size = ops.shape(sequences)[0]
        constants = self._stepper.get_constants(batch_size, training)
        fresh = self._cast_states(self.get_initial_state(batch_size))
        states = self._first_states(sequences, initial_state, fresh)
        output, states = self._run(
            sequences, states, fresh, constants, mask, reset_mask, training, self.return_sequences
        )
        if self.stateful:
            for variable, state in zip(self.states, states):
                variable.assign(state)
        output = ops.cast(output, self.compute_dtype)
        return (output, *states) if self.return_state else output

    def _run(
        self,
        sequences: Any,
        states: States,
        fresh: States,
        constants: Constants,
        mask: Any,
        reset_mask: Any,
        training: bool,
        return_sequences: bool,
    ) -> tuple[Any, States]:
        """The loop: the output of all steps or of the last, batch first, and the states after it."""
        x = ops.swapaxes(sequences, 0, 1)
        masks: dict[str, Any] = {}
        if mask is not None:
            masks["mask"] = time_major(checked_mask(mask, sequences, "mask"))
        if reset_mask is not None:
            reset_mask = checked_mask(reset_mask, sequences, "reset_mask", ranks=(1, 2))
            if len(reset_mask.shape) == 1:
                first = ops.expand_dims(reset_mask, -1)
                states = [ops.where(first, new, old) for new, old in zip(fresh, states)]
            else:
                masks["reset"] = time_major(reset_mask)
        if self.go_backwards:
            x, masks = ops.flip(x, 0), {name: ops.flip(m, 0) for name, m in masks.items()}

        run = choose_loop(
            self._stepper,
            self.implementation,
            self.use_cudnn,
            constants,
            self.unroll,
            self.recompute,
            "reset" in masks,
            bool(training),
            self.name,
        )
        output, states = run(
            self._stepper,
            x,
            states,
            fresh,
            constants,
            **masks,
            return_sequences=return_sequences,
            zero_output_for_mask=self.zero_output_for_mask,
        )
        if self._foreign:
            self._foreign.release()
        return (ops.swapaxes(output, 0, 1) if return_sequences else output), states

    def _cast_states(self, states: Any) -> States:
        return [ops.cast(state, self._stepper.state_dtype) for state in states]

    def _first_states(self, sequences: Any, given: Any, fresh: States) -> States:
        if self.stateful and sequences.shape[0] not in (None, self.states[0].shape[0]):
            raise ValueError(
                f"The stateful layer `{self.name}` carries states of {self.states[0].shape[0]} rows; "
                f"received a batch of {sequences.shape[0]}. Keep the batch size or drop the last batch."
            )
        if given is not None:
            given = checked_states(given, sequences, self.state_size, self.name)
            return self._cast_states(given)
        return self._cast_states(self.states) if self.stateful else fresh

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = tree.flatten(previous_mask)[0] if previous_mask is not None else None
        mask = mask if self.return_sequences else None
        return [mask, *(None for _ in self.state_size)] if self.return_state else mask

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None, **_: Any) -> Any:
        batch_size, time = sequences_shape[:2]
        shape = (batch_size, time) if self.return_sequences else (batch_size,)
        output = (*shape, self.output_size)
        if self.return_state:
            return (output, *((batch_size, size) for size in self.state_size))
        return output

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        spec = super().compute_output_spec(*args, **kwargs)
        if not self.return_state:
            return spec
        output, *states = spec
        return (output, *(keras.KerasTensor(s.shape, self._stepper.state_dtype) for s in states))

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "use_cudnn": self.use_cudnn,
            "implementation": self.implementation,
            "recompute": self.recompute,
        }
        if self.cell_class is None:
            return {**config, "cell": keras.saving.serialize_keras_object(self.cell)}
        own = {"name", "trainable", "dtype"}
        return {**{k: v for k, v in self.cell.get_config().items() if k not in own}, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Recurrent:
        if cls.cell_class is None:
            config = {**config, "cell": keras.saving.deserialize_keras_object(config["cell"], custom_objects)}
        return cls(**config)
