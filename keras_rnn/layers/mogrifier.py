"""The Mogrifier: input and state that gate one another before a cell reads them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.wrapped_cell import WrappedCell
from keras_rnn.ops.state_product import state_product


@keras.saving.register_keras_serializable("keras_rnn")
class Mogrifier(WrappedCell):
    """A cell whose input and state modulate one another, in turn, before each step.

        x_0 = x[t], h_0 = h[t-1]
        for i = 1 .. rounds:
            i odd:   x_0 <- 2 sigmoid(h_0 Q_i) * x_0
            i even:  h_0 <- 2 sigmoid(x_0 R_i) * h_0
        y[t], states[t] = cell(x_0, states[t-1] with h_0 for h[t-1])

    h is the state that is also the output. The cell reads h_0 wherever it reads h[t-1]: where it carries h
    over, as the GRU does, it carries h_0. With `rank`, Q_i and R_i are products of two thin matrices.

    What the cell makes of its inputs now depends on the state, so it is computed within the step: this costs
    more than the products with Q and R do.

    Weights, for `features` m and n units of h:
        kernel_i of odd i, Q_i: `(n, m)`, of even i, R_i: `(m, n)`; in all `rounds * m * n` parameters. With
        `rank` k kernel_i_left and kernel_i_right in its place, `(n, k)` and `(k, m)`, or `(m, k)` and
        `(k, n)`; in all `rounds * k * (m + n)`. Then those of the cell.

    Differences from the paper: none. (Its published code adds a bias within each sigmoid.)

    Args:
        cell: a `keras_rnn.layers.RecurrentCell`. Of a stack, wrap each cell.
        rounds: positive integer, number of gatings; 1 gates the input alone. Default 5.
        rank: positive integer, of Q_i and R_i, or None for full matrices. Default `None`.

    Raises:
        TypeError: if `cell` is no `RecurrentCell`.
        ValueError: if `rounds` or `rank` is no positive integer, if the output of the cell is none of its
            states, if it draws random numbers along with its inputs, or when it is built, if the number of
            features is unknown.

    Source: G. Melis, T. Kocisky, P. Blunsom, "Mogrifier LSTM", ICLR 2020, equations 1 and 2.

    Example:

    >>> layer = Recurrent(Mogrifier(LSTMCell(4), rounds=2, rank=1), return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape, [tuple(w.shape) for w in layer.weights[:4]]
    (TensorShape([2, 5, 4]), [(4, 1), (1, 3), (3, 1), (1, 4)])
    """

    def __init__(self, cell: RecurrentCell, rounds: int = 5, rank: int | None = None, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self.rounds = checked_size("rounds", rounds)
        self.rank = None if rank is None else checked_size("rank", rank)
        if cell.output_state is None:
            raise ValueError(
                f"`cell` must have an output that is one of its states; received cell={cell!r}. "
                "Wrap the cell inside that one."
            )
        if cell.projects_at_random:
            raise ValueError(
                f"`cell` must not draw random numbers for each input; received cell={cell!r}. "
                "Wrap the cell inside that one."
            )

    @property
    def recurrent_constants(self) -> tuple[str, ...]:  # type: ignore[override]
        # A cell that names none would get the gradients of its weights step by step: no gain.
        own = self.cell.recurrent_constants
        return ("gates", *own) if own else ()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        features = known_features(self, input_shape)
        units = self.state_size[self.output_state]  # type: ignore[index]
        self.factors = []
        for i in range(1, self.rounds + 1):
            read, gated = (units, features) if i % 2 else (features, units)
            shapes = {"": (read, gated)}
            if self.rank is not None:
                shapes = {"_left": (read, self.rank), "_right": (self.rank, gated)}
            self.factors.append(
                [self.add_weight(name=f"kernel_{i}{side}", shape=shape) for side, shape in shapes.items()]
            )
        super().build(input_shape)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """Of each round the factors of its matrix, one or two."""
        gates = tuple(tuple(ops.cast(w, self.compute_dtype) for w in factors) for factors in self.factors)
        return {**super().get_constants(batch_size, training), "gates": gates}

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        return ops.cast(inputs, self.state_dtype)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        states, k = list(states), self.output_state
        x, h = projected, states[k]  # type: ignore[index]
        for i, factors in enumerate(constants["gates"], start=1):
            if i % 2:
                x = self._gate(h, factors) * x
            else:
                h = self._gate(x, factors) * h
        states[k] = h  # type: ignore[index]
        return super().step(super().project_inputs(x, constants), states, constants)

    def _gate(self, z: Any, factors: tuple[Any, ...]) -> Any:
        """2 sigmoid(z Q), the products in the compute dtype."""
        for factor in factors:
            z = state_product(ops.cast(z, self.compute_dtype), factor)
        return 2 * ops.sigmoid(ops.cast(z, self.state_dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rounds": self.rounds, "rank": self.rank}
