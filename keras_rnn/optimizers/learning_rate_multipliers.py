"""A learning rate of its own for some of the weights."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_rnn")
class LearningRateMultipliers(keras.optimizers.Optimizer):
    """Any optimizer, with some weights learning faster or slower than the others.

        learning rate of w = multipliers[pattern] * learning rate     with the first pattern found in w.path
                           = learning rate                            if none is found

        LearningRateMultipliers(keras.optimizers.RMSprop(1e-3), {"recurrent_kernel": 0.1})

    Everything else is that of the optimizer: its variables, its schedule, what callbacks set and read as
    `learning_rate`. It is saved with its multipliers; `set_multiplier` changes one while it trains. The path
    of a weight, such as "model/simple_rnn/simple_rnn_cell/recurrent_kernel", is `weight.path`.

    A `weight_decay` of Keras's optimizers, which is no part of their gradient, keeps to the common learning
    rate; exclude weights from it with `exclude_from_weight_decay`.

    Args:
        optimizer: a `keras.optimizers.Optimizer` that has not been built.
        multipliers: from regular expressions to numbers from 0.
        name: of the optimizer.

    Raises:
        TypeError: if `optimizer` is none, or only a wrapper of one, as `keras.optimizers.LossScaleOptimizer`
            and this class are: put it around the result.
        ValueError: if it has been built, if there is no multiplier, or one is negative or not finite; when it
            is built, if a pattern is the first in the path of no weight.

    Example:

    >>> slow, fast = keras.Variable([1.0], name="recurrent_kernel"), keras.Variable([1.0], name="kernel")
    >>> optimizer = LearningRateMultipliers(keras.optimizers.SGD(0.5), {"recurrent": 0.25})
    >>> optimizer.apply([np.array([1.0]), np.array([1.0])], [slow, fast])
    >>> print(slow.numpy(), fast.numpy())
    [0.875] [0.5]
    """

    def __init__(self, optimizer: Any, multipliers: Mapping[str, float], name: str | None = None) -> None:
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise TypeError(
                f"`optimizer` must be a keras.optimizers.Optimizer; received optimizer={optimizer!r}."
            )
        handed_on = type(optimizer).update_step is keras.optimizers.Optimizer.update_step
        if handed_on or isinstance(optimizer, LearningRateMultipliers):
            raise TypeError(
                f"`optimizer` must take its steps itself; received a {type(optimizer).__name__}, which has "
                "another one take them. Give `multipliers` to that one, and wrap the result."
            )
        if optimizer.built:
            raise ValueError(
                f"`optimizer` must not have been built; received optimizer={optimizer!r}. Make a new one."
            )
        if not multipliers or not all(math.isfinite(m) and m >= 0 for m in multipliers.values()):
            raise ValueError(
                "`multipliers` must hold at least one pattern, and numbers from 0; "
                f"received multipliers={multipliers!r}."
            )
        super().__init__(learning_rate=0.0, name=name)
        self.optimizer = optimizer
        self.multipliers = dict(multipliers)
        # A variable: a step that is compiled follows it, and a checkpoint of the optimizer has it.
        self._factors = optimizer.add_variable((len(multipliers),), dtype="float32", name="multipliers")
        self._factors.assign(list(self.multipliers.values()))
        self._step = optimizer.update_step
        # The optimizer does all it does, its clipping and averaging too, and asks for each step here.
        optimizer.update_step = self.update_step

    def build(self, variables: Any) -> None:
        if self.built:
            return
        self.optimizer.build(variables)
        super().build(variables)
        patterns = list(self.multipliers)
        found = [next((p for p in patterns if re.search(p, v.path)), None) for v in variables]
        for pattern in set(patterns) - set(found):
            raise ValueError(
                f"Each pattern of `multipliers` must be the first in the path of some weight; {pattern!r} is "
                f"in none of {[v.path for v in variables]}."
            )
        self._of_each = [None if pattern is None else patterns.index(pattern) for pattern in found]

    def set_multiplier(self, pattern: str, multiplier: float) -> None:
        """Gives the weights of one of the patterns another multiplier from now on; 0 freezes them.

        `multipliers`, and with it what is saved as the configuration, stays as it was given.
        """
        if pattern not in self.multipliers or not (math.isfinite(multiplier) and multiplier >= 0):
            raise ValueError(
                f"`pattern` must be one of {list(self.multipliers)} and `multiplier` a number from 0; "
                f"received {pattern!r} and {multiplier}."
            )
        factors = np.array(ops.convert_to_numpy(self._factors))
        factors[list(self.multipliers).index(pattern)] = multiplier
        self._factors.assign(factors)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        k = self._of_each[self._get_variable_index(variable)]
        if k is not None:
            learning_rate = ops.multiply(learning_rate, self._factors[k])
        self._step(gradient, variable, learning_rate)

    # All that is read of an optimizer while it trains, is saved or is restored.

    @property
    def variables(self) -> list[Any]:
        return self.optimizer.variables

    @property
    def iterations(self) -> Any:
        return self.optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.optimizer.learning_rate = learning_rate

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        if not self.built and trainable_variables is not None:
            self.build(list(trainable_variables))
        self.optimizer.apply(grads, trainable_variables)

    def stateless_apply(self, optimizer_variables: Any, grads: Any, trainable_variables: Any) -> Any:
        return self.optimizer.stateless_apply(optimizer_variables, grads, trainable_variables)

    def scale_loss(self, loss: Any) -> Any:
        return self.optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: Any) -> None:
        self.optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "multipliers": self.multipliers,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> LearningRateMultipliers:
        optimizer = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects)
        return cls(**{**config, "optimizer": optimizer})
