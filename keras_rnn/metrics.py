"""Metrics that Keras lacks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_rnn")
class GaussianMeanSquaredError(keras.metrics.MeanMetricWrapper):
    """Mean of (y - m)^2, where the prediction holds the means m and then the variances (`GaussianHead`)."""

    def __init__(self, name: str = "mse", dtype: Any = None) -> None:
        super().__init__(_squared_error_of_mean, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}


def _squared_error_of_mean(y_true: Any, y_pred: Any) -> Any:
    mean, _ = ops.split(y_pred, 2, axis=-1)
    return ops.mean(ops.square(ops.reshape(ops.cast(y_true, mean.dtype), ops.shape(mean)) - mean), axis=-1)
