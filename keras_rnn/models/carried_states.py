"""States that a model carries from batch to batch: data, and not weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from keras_rnn.layers.cell import States


class CarriedStates:
    """The states of one model, as variables: one set of them for each number of rows.

    Training and evaluation may so have batches of different sizes. As in `keras_rnn.layers.Recurrent` the
    variables are no weights, in memory or in files.

    (Keras looks into lists and dicts for variables, and allows no new ones once a model is built. It does
    not look into this.)

    Args:
        fresh: makes the states of fresh sequences from their number.
    """

    def __init__(self, fresh: Callable[[Any], States]) -> None:
        self._fresh = fresh
        self._sets: dict[int, list[Any]] = {}

    def of(self, rows: int) -> list[Any]:
        """The variables `(rows, size)`, made when they are first asked for."""
        if rows not in self._sets:
            self._sets[rows] = [
                keras.Variable(
                    lambda shape, dtype, k=k: self._fresh(rows)[k],
                    shape=state.shape,
                    dtype=keras.backend.standardize_dtype(state.dtype),
                    trainable=False,
                    autocast=False,
                    name=f"state_{k}",
                )
                for k, state in enumerate(self._fresh(rows))
            ]
        return self._sets[rows]

    @property
    def variables(self) -> list[Any]:
        return [variable for variables in self._sets.values() for variable in variables]

    def reset(self) -> None:
        """Sets all of them to those of fresh sequences."""
        for rows, variables in self._sets.items():
            for variable, state in zip(variables, self._fresh(rows)):
                variable.assign(state)
