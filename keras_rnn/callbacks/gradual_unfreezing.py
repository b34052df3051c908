"""Groups of weights that begin to learn one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_rnn.callbacks.jax_state import write_back
from keras_rnn.optimizers import LearningRateMultipliers


class GradualUnfreezing(keras.callbacks.Callback):
    """Lets the head of a pretrained network learn first, and then one group of weights more in each epoch.

        multiplier of group k = 0                                in epochs 1 .. k * every
                              = that of the optimizer            in all later ones,         k = 0, 1, ..

    Head and recurrent layer of a classifier, each group 2.6 times slower than the one above it:

        optimizer = LearningRateMultipliers(keras.optimizers.Adam(1e-3), {"head": 1.0, "lstm": 1 / 2.6})
        model.compile(optimizer)
        model.fit(..., callbacks=[GradualUnfreezing(["head", "lstm"])])

    A group that waits is not moved by a single bit: its learning rate is 0, in a step that is compiled once.
    Its gradients are computed all the same, count in a norm that is clipped, and are in what Adam remembers
    when it begins. Weights of no group learn from the first epoch on. What is frozen follows from the number
    of the epoch alone, so a training that goes on has the right groups, given `initial_epoch`.

    Args:
        groups: patterns of the optimizer's `multipliers`, in the order in which they begin: the head first.
        every: number of epochs from one group to the next. Default `1`.

    Raises:
        ValueError: if there is no group, or `every` is below 1; in `fit`, if a group is no pattern of the
            optimizer, or the optimizer has a `weight_decay`, which would move frozen weights.
        TypeError: in `fit`, if the optimizer is not `keras_rnn.optimizers.LearningRateMultipliers`.

    Source: J. Howard, S. Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018,
    section 3.3. Difference: there the frozen layers are left out of the computation.
    """

    def __init__(self, groups: Sequence[str], every: int = 1) -> None:
        super().__init__()
        if isinstance(groups, str) or not groups:
            raise ValueError(
                f"`groups` must be a list of patterns, at least one; received groups={groups!r}."
            )
        if every < 1:
            raise ValueError(f"`every` must be at least 1; received every={every}.")
        self.groups = list(groups)
        self.every = every

    def on_train_begin(self, logs: Any = None) -> None:
        optimizer = self._optimizer()
        if not isinstance(optimizer, LearningRateMultipliers):
            raise TypeError(
                "`optimizer` must be a keras_rnn.optimizers.LearningRateMultipliers, with a multiplier for "
                f"each group; received {type(optimizer).__name__}. Give one to `compile`."
            )
        unknown = [group for group in self.groups if group not in optimizer.multipliers]
        if unknown:
            raise ValueError(
                f"`groups` must be patterns of the optimizer, {list(optimizer.multipliers)}; received "
                f"{unknown[0]!r}."
            )
        decay = optimizer.optimizer.weight_decay
        if decay:
            raise ValueError(
                "`weight_decay` of the optimizer must be None or 0, for it moves frozen weights, too; "
                f"received {decay}."
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        write_back(self.model)
        optimizer = self._optimizer()
        for k, group in enumerate(self.groups):
            learns = epoch >= k * self.every
            optimizer.set_multiplier(group, optimizer.multipliers[group] if learns else 0.0)

    def on_train_end(self, logs: Any = None) -> None:
        write_back(self.model)
        optimizer = self._optimizer()
        for group in self.groups:  # a training without this callback freezes nothing
            optimizer.set_multiplier(group, optimizer.multipliers[group])

    def _optimizer(self) -> Any:
        # Under `mixed_float16` Keras wraps it, to scale the loss.
        return getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
