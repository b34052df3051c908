"""Base points of parametrizations that follow the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_rnn.callbacks.jax_state import write_back
from keras_rnn.parametrizations import ConstrainedWeight


class DynamicTrivialization(keras.callbacks.Callback):
    """Moves the base points of all constrained weights of a model every `period` updates.

        base := W,  free := 0         so W itself stays what it is

    A map such as exp(A) B bends the set of matrices that it parametrizes the more, the larger A is; near
    A = 0 a step in A is a step along the set. With `period=1` this is gradient descent on the set itself;
    without the callback, the base point is where the training began.

    What the optimizer remembers of the free weights is left as it is. The updates are counted by the
    optimizer, so a training that goes on keeps the rhythm.

    Args:
        period: number of updates, K, from one move to the next. Default `100`.

    Raises:
        ValueError: if `period` is not a positive integer; in `fit`, if no weight of the model has a base
            point.

    Source: M. Lezcano-Casado, "Trivializations for Gradient-Based Optimization on Manifolds", NeurIPS 2019,
    algorithm 1.
    """

    def __init__(self, period: int = 100) -> None:
        super().__init__()
        if isinstance(period, bool) or not isinstance(period, int) or period < 1:
            raise ValueError(f"`period` must be a positive integer; received period={period!r}.")
        self.period = period
        self._done = 0
        self._weights: list[ConstrainedWeight] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        write_back(self.model)
        self._done = int(ops.convert_to_numpy(self.model.optimizer.iterations))
        self._weights = None  # the model may be built by its first batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._weights is None:
            self._weights = [w for w in constrained_weights(self.model) if w.base is not None]
            if not self._weights:
                raise ValueError(
                    "`DynamicTrivialization` must be given a model with a constrained weight that has a base "
                    "point, such as SimpleRNN(8, recurrent_parametrization=Orthogonal()); received one "
                    "without. Reflections have none. Leave the callback out."
                )
        before, self._done = self._done, self._done + self.model.steps_per_execution
        if before // self.period != self._done // self.period:
            write_back(self.model)
            for weight in self._weights:
                weight.assign(weight.value())


def constrained_weights(layer: Any) -> list[ConstrainedWeight]:
    """All constrained weights in a layer or a model, wherever they stand in it."""
    return parts_of(layer, lambda part: isinstance(part, ConstrainedWeight))


def parts_of(part: Any, wanted: Callable[[Any], bool], seen: set[int] | None = None) -> list[Any]:
    """All layers in a layer or a model that are wanted, wherever they stand in it."""
    seen = set() if seen is None else seen
    if id(part) in seen:
        return []
    seen.add(id(part))
    found = []
    if isinstance(part, keras.layers.Layer):
        found, part = [part] if wanted(part) else [], vars(part)
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        found += [own for inner in part for own in parts_of(inner, wanted, seen)]
    return found
