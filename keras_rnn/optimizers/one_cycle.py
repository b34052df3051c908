"""A schedule of one rise and one fall."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_rnn")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises to its maximum and falls far below where it began.

        up = warm_up * steps
        rate(s) = maximum * (initial_ratio + (1 - initial_ratio) * rise(s / up)),                    s <= up
        rate(s) = maximum * (1 - (1 - final_ratio) * rise((s - up) / (steps - up))),                 s > up

        rise(x) = x  ("linear")   or   (1 - cos(pi x)) / 2  ("cosine")

    After `steps` it stays what it is. A function of the optimizer's iterations alone, it goes on where a
    restored training stands. `VariableSteps` and `StepDecay` want a number in its place.

    Args:
        maximum: the highest learning rate.
        steps: number of steps, batches times epochs.
        warm_up: share of the steps in which it rises, between 0 and 1. Default `0.3`.
        initial_ratio: first learning rate over the highest. Default `0.04`.
        final_ratio: last learning rate over the highest. Default `0.0001`.
        shape: "cosine" or "linear". Default `"cosine"`.

    Raises:
        ValueError: if `steps` is not positive, `warm_up` not between 0 and 1, or `shape` unknown.

    Source: L. N. Smith, "A Disciplined Approach to Neural Network Hyper-Parameters, Part 1", 2018, section 4,
    with straight lines; its last phase, far below the first learning rate, is here part of the fall.

    Example:

    >>> schedule = OneCycle(1.0, steps=10, warm_up=0.4, initial_ratio=0.2, final_ratio=0.1, shape="linear")
    >>> [round(float(schedule(step)), 2) for step in (0, 2, 4, 7, 10, 11)]
    [0.2, 0.6, 1.0, 0.55, 0.1, 0.1]
    """

    def __init__(
        self,
        maximum: float,
        steps: int,
        warm_up: float = 0.3,
        initial_ratio: float = 0.04,
        final_ratio: float = 0.0001,
        shape: str = "cosine",
    ) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"`steps` must be at least 1; received steps={steps}.")
        if not 0 < warm_up < 1:
            raise ValueError(f"`warm_up` must be between 0 and 1, a share; received warm_up={warm_up}.")
        if shape not in ("cosine", "linear"):
            raise ValueError(f"`shape` must be 'cosine' or 'linear'; received shape={shape!r}.")
        self.maximum = maximum
        self.steps = steps
        self.warm_up = warm_up
        self.initial_ratio = initial_ratio
        self.final_ratio = final_ratio
        self.shape = shape

    def __call__(self, step: Any) -> Any:
        s = ops.minimum(ops.cast(step, "float32"), float(self.steps))
        up = self.warm_up * self.steps
        rising = self.initial_ratio + (1 - self.initial_ratio) * self._rise(s / up)
        falling = 1 - (1 - self.final_ratio) * self._rise((s - up) / (self.steps - up))
        return self.maximum * ops.where(s <= up, rising, falling)

    def _rise(self, x: Any) -> Any:
        return x if self.shape == "linear" else (1 - ops.cos(math.pi * x)) / 2

    def get_config(self) -> dict[str, Any]:
        return {
            "maximum": self.maximum,
            "steps": self.steps,
            "warm_up": self.warm_up,
            "initial_ratio": self.initial_ratio,
            "final_ratio": self.final_ratio,
            "shape": self.shape,
        }
