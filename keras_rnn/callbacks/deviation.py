"""How far a constrained weight is from its property while it is trained."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.callbacks.dynamic_trivialization import constrained_weights
from keras_rnn.callbacks.jax_state import write_back


class Deviation(keras.callbacks.Callback):
    """Adds `deviation` to the logs of an epoch: how far the constrained weights are from their property.

    It is the largest `distance` of `keras_rnn.parametrizations.Parametrization` of all of them; of an
    orthogonal W that is the largest entry of |W^T W - I|. It stands before what keeps the logs, such as a
    `keras_rnn.callbacks.TrainingCheckpoint`. A model without constrained weights has none.
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        write_back(self.model)
        found = [w.parametrization.distance(w.value()) for w in constrained_weights(self.model)]
        if found and logs is not None:
            logs["deviation"] = max(found)
