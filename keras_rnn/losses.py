"""Losses that Keras lacks."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_rnn")
class GaussianNegativeLogLikelihood(keras.losses.Loss):
    """Negative logarithm of a normal density with stated mean and variance, in nats.

        loss = 0.5 * (log(2 pi v) + (y - m)^2 / v), averaged over the outputs

    Call arguments:
        y_true: `(batch, outputs)`, y.
        y_pred: `(batch, 2 * outputs)`, the means m and then the variances v > 0, as `GaussianHead` gives
            them.

    Example:

    >>> loss = GaussianNegativeLogLikelihood()
    >>> round(float(loss(np.array([[1.0]]), np.array([[0.0, 4.0]]))), 4)
    1.7371
    """

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "gaussian_nll", **kwargs: Any):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        mean, variance = ops.split(y_pred, 2, axis=-1)
        y = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(mean))
        density = ops.log(2 * math.pi * variance) + ops.square(y - mean) / variance
        return ops.mean(0.5 * density, axis=-1)
