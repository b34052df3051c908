"""Fresh states where carried ones must not reach."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_rnn.callbacks.jax_state import write_back


class ResetStates(keras.callbacks.Callback):
    """Gives each epoch, and each validation, evaluation and prediction, fresh states to begin with.

    A recurrent layer with `stateful=True` carries its states from batch to batch, and of itself also from the
    end of one epoch into the next, from training into validation, and back. This callback resets the states
    of all stateful layers of the model, wherever they stand in it, at the start of each epoch; and it sets
    them aside while the model is validated, evaluated or predicts, and puts them back afterwards. A
    validation in the middle of an epoch so changes nothing in the training.

        model.fit(stream.for_keras(), validation_data=..., callbacks=[ResetStates()])
        model.evaluate(..., callbacks=[ResetStates()])

    Layers of Keras are reset too: all that have `stateful`, `states` and `reset_state()`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._aside: list[list[tuple[Any, np.ndarray]]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._reset()

    def on_test_begin(self, logs: Any = None) -> None:
        write_back(self.model)
        # Copied: JAX reuses the memory of the states that go into a step.
        self._aside.append(
            [
                (state, np.array(keras.ops.convert_to_numpy(state)))
                for layer in _stateful_layers(self.model, set())
                for state in keras.tree.flatten(layer.states)
            ]
        )
        self._reset()

    def on_test_end(self, logs: Any = None) -> None:
        if not self._aside:
            return
        for state, value in self._aside.pop():
            state.assign(value)

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def _reset(self) -> None:
        for layer in _stateful_layers(self.model, set()):
            layer.reset_state()


def _stateful_layers(layer: Any, seen: set[int]) -> list[Any]:
    """The layers in `layer`, itself among them, that carry states: those in its attributes, and in theirs."""
    if id(layer) in seen:
        return []
    seen.add(id(layer))
    if getattr(layer, "stateful", False) and getattr(layer, "states", None) is not None:
        return [layer]
    found = []
    for value in vars(layer).values():
        values = value.values() if isinstance(value, dict) else value
        for part in values if isinstance(value, dict | list | tuple) else [value]:
            if isinstance(part, keras.layers.Layer):
                found += _stateful_layers(part, seen)
    return found
