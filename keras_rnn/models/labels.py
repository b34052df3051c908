"""What the labels of a classifier may be, and what it is trained and measured by, as its head says."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_rnn.losses import GaussianNegativeLogLikelihood
from keras_rnn.metrics import GaussianMeanSquaredError


def loss_of(head: str) -> Any:
    """The negative log-likelihood of the head's distribution: maximum likelihood."""
    return {
        "bernoulli": keras.losses.BinaryCrossentropy,
        "categorical": keras.losses.SparseCategoricalCrossentropy,
        "gaussian": GaussianNegativeLogLikelihood,
    }[head]()


def metrics_of(head: str) -> list[Any]:
    """Accuracy, or the squared error of the mean."""
    if head == "gaussian":
        return [GaussianMeanSquaredError()]
    # Not the string "accuracy", by which Keras takes several yes-or-no questions for classes.
    accuracy = {
        "bernoulli": keras.metrics.BinaryAccuracy,
        "categorical": keras.metrics.SparseCategoricalAccuracy,
    }
    return [accuracy[head](name="accuracy")]


def check_labels(y: np.ndarray, head: str, outputs: int) -> None:
    """Raises TypeError or ValueError, with the first offender, if labels do not fit the head."""
    if y.dtype.kind not in "biuf":
        example = f", for example {y.flat[0]!r}" if y.size else ""
        raise TypeError(f"Labels must be numbers; received dtype {y.dtype}{example}.")
    each = 1 if head == "categorical" else outputs
    if y.size != each * len(y):
        wanted = "one class, as a number and not one-hot" if head == "categorical" else f"{each} of them"
        raise ValueError(f"Each row of labels must hold {wanted}; received labels of shape {y.shape}.")
    if head == "gaussian":
        wrong, legal = y[~np.isfinite(y)], "a finite number"
    else:
        classes = 2 if head == "bernoulli" else outputs
        wrong = y[(y < 0) | (y > classes - 1) | (y != np.floor(y))]
        legal = "0 or 1" if head == "bernoulli" else f"a class from 0 to {classes - 1}"
    if wrong.size:
        raise ValueError(f"Each label must be {legal}; received {wrong.flat[0]}.")
