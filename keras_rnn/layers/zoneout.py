"""Zoneout: units that now and then keep their old value."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.checked import check_rate
from keras_rnn.layers.wrapped_cell import WrappedCell


@keras.saving.register_keras_serializable("keras_rnn")
class Zoneout(WrappedCell):
    """A cell whose units at each step keep their old value with some probability.

        y[t], s'_k = cell(x[t], s[t-1])                      for each state k
        s_k[t] = z_k[t] * s_k[t-1] + (1 - z_k[t]) * s'_k

    While training z_k[t] is 1 with probability rates[k] and else 0, drawn anew for each unit, row and step.
    At inference it is its mean: z_k[t] = rates[k]. Dropout takes a unit's information away; zoneout hands
    it on to the next step, and its gradient back.

    Where the output of the cell is one of its states, the output is that state after this. An LSTM makes h'
    of the c' that the cell has just computed, as in the paper.

    Weights:
        Those of the cell.

    Differences from the paper: none.

    Args:
        cell: a `keras_rnn.layers.RecurrentCell`. Of a stack, wrap each cell.
        rates: share of units that keep their value, in [0, 1): a number for all states or a list with one for
            each, in the order of the states. The paper takes `[0.05, 0.5]` for h and c of an LSTM.
        seed: integer, makes the masks reproducible.

    Raises:
        TypeError: if `cell` is no `RecurrentCell`.
        ValueError: if a rate is outside [0, 1), or there is not one for each state.

    Source: D. Krueger et al., "Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations",
    ICLR 2017, section 3.

    Example:

    >>> layer = Recurrent(Zoneout(LSTMCell(4), rates=[0.05, 0.5]), return_sequences=True)
    >>> layer(np.zeros((2, 5, 3)), training=True).shape
    TensorShape([2, 5, 4])
    """

    def __init__(
        self, cell: RecurrentCell, rates: float | list[float], seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cell, **kwargs)
        states = len(cell.state_size)
        each = list(rates) if isinstance(rates, (list, tuple)) else [rates] * states
        if len(each) != states:
            raise ValueError(
                f"`rates` must be a number or a list of {states}, one for each of the states "
                f"{tuple(cell.state_names)}; received rates={rates!r}."
            )
        for rate in each:
            check_rate("rates", rate)
        self.rates = rates
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._rates = each

    @property
    def projects_at_random(self) -> bool:  # type: ignore[override]
        return any(self._rates)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """While training `rates`, for the masks that `project_inputs` draws; else `z`, for all steps."""
        rates = [ops.convert_to_tensor(rate, self.state_dtype) for rate in self._rates]
        return {
            **super().get_constants(batch_size, training),
            "rates" if training and self.projects_at_random else "z": rates,
        }

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """Masks are data of the sequence, as the inputs are: they have the same leading axes."""
        projected = {"cell": super().project_inputs(inputs, constants)}
        if "rates" in constants:
            leading = ops.shape(inputs)[:-1]
            projected["z"] = [
                self._draw((*leading, size), rate) for size, rate in zip(self.state_size, constants["rates"])
            ]
        return projected

    def _draw(self, shape: tuple[Any, ...], rate: Any) -> Any:
        """Ones with probability `rate`, else zeros."""
        drawn = keras.random.uniform(shape, dtype=self.state_dtype, seed=self.seed_generator)
        return ops.cast(drawn < rate, self.state_dtype)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        y, new_states = super().step(projected["cell"], states, constants)
        z = projected["z"] if "z" in projected else constants["z"]
        new_states = [z_k * old + (1 - z_k) * new for z_k, old, new in zip(z, states, new_states)]
        return y if self.output_state is None else new_states[self.output_state], new_states

    def get_config(self) -> dict[str, Any]:
        rates = list(self.rates) if isinstance(self.rates, (list, tuple)) else self.rates
        return {**super().get_config(), "rates": rates, "seed": self.seed}
