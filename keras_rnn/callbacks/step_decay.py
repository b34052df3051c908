"""A learning rate that falls from epoch to epoch."""

from __future__ import annotations

import keras


class StepDecay(keras.callbacks.LearningRateScheduler):
    """Keeps the learning rate for some epochs, and then multiplies it by a factor in each.

        rate(epoch) = learning_rate * factor^ceil(max(0, epoch - after) / every),    epoch = 1, 2, ..

    The recipes of Zaremba 2014, all with a learning rate of 1: small `StepDecay(1.0, 1 / 2, after=4)`,
    medium `StepDecay(1.0, 1 / 1.2, after=6)`, large `StepDecay(1.0, 1 / 1.15, after=14)`.

    The rate follows from the number of the epoch alone: given `initial_epoch`, a training goes on with the
    right one. It is logged for each epoch as `learning_rate`.

    Args:
        learning_rate: that of the first epochs; it takes the place of the optimizer's own.
        factor: above 0.
        after: number of epochs before it falls.
        every: number of epochs from one fall to the next. Default `1`.

    Raises:
        ValueError: if `factor` is not above 0, `after` below 0, or `every` below 1.

    Source: W. Zaremba, I. Sutskever, O. Vinyals, "Recurrent Neural Network Regularization", 2014, section
    4.1; the small recipe is that of TensorFlow's tutorial.

    Example:

    >>> decay = StepDecay(1.0, 0.5, after=4)
    >>> [decay.rate(epoch) for epoch in range(1, 8)]
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, learning_rate: float, factor: float, after: int, every: int = 1) -> None:
        if factor <= 0:
            raise ValueError(f"`factor` must be above 0; received factor={factor}.")
        if after < 0 or every < 1:
            raise ValueError(
                f"`after` must be at least 0, and `every` at least 1; received after={after}, every={every}."
            )
        # Keras counts epochs from 0.
        super().__init__(lambda epoch, _: self.rate(epoch + 1))
        self.learning_rate = learning_rate
        self.factor = factor
        self.after = after
        self.every = every

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, the first of which is 1."""
        return float(self.learning_rate * self.factor ** -(-max(0, epoch - self.after) // self.every))
