"""First states that are weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.cell import RecurrentCell, States
from keras_rnn.layers.checked import check_any_states
from keras_rnn.layers.wrapped_cell import WrappedCell


@keras.saving.register_keras_serializable("keras_rnn")
class LearnedInitialState(WrappedCell):
    """A cell whose fresh sequences begin at trained states, the same for all rows.

        states_k[0] = initial_state_k        for each state k

    They stand wherever the state of a fresh sequence does: at the beginning of a call without
    `initial_state`, and where `reset_mask` sets one.

    Weights (before those of the cell):
        initial_state_0, initial_state_1, ...: `(size,)`, one for each state of the cell, in its order.

    Args:
        cell: a `keras_rnn.layers.RecurrentCell`.
        initializer: starting values of the first states. Default `"zeros"`.

    A layer with `stateful=True` carries states that have no gradient: the first states then are trained by
    `reset_mask` alone, and loaded ones are taken up by `reset_state()`.

    Raises:
        TypeError: if `cell` is no `RecurrentCell`.
        ValueError: if a state of the cell may not be negative, as the n of an `SLSTMCell`.

    Source: G. Hinton, "Neural Networks for Machine Learning", Coursera (2012), lecture 7b.

    Example:

    >>> cell = LearnedInitialState(LSTMCell(4), initializer="ones")
    >>> _ = Recurrent(cell)(np.zeros((2, 5, 3)))
    >>> [tuple(w.shape) for w in cell.weights]
    [(4,), (4,), (3, 16), (4, 16), (16,)]
    >>> [h.shape for h in cell.get_initial_state(batch_size=2)]
    [TensorShape([2, 4]), TensorShape([2, 4])]
    """

    def __init__(self, cell: RecurrentCell, initializer: Any = "zeros", **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        check_any_states(cell, "cell")
        self.initializer = initializers.get(initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        # A 16-bit policy must not round them: states are carried in `state_dtype`.
        self.initial_state = [
            self.add_weight(
                name=f"initial_state_{k}", shape=(size,), initializer=self.initializer, autocast=False
            )
            for k, size in enumerate(self.state_size)
        ]

    def get_initial_state(self, batch_size: Any = None) -> States:
        return [
            ops.zeros((batch_size, size), self.state_dtype) + ops.cast(first, self.state_dtype)
            for size, first in zip(self.state_size, self.initial_state)
        ]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initializer": initializers.serialize(self.initializer)}
