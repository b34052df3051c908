"""An activation that has weights: a layer of Keras, within the pure step of a cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def build_activation(activation: Any, units: int) -> None:
    """Makes its weights, if it is a layer."""
    if isinstance(activation, keras.layers.Layer) and not activation.built:
        activation.build((None, units))
        activation.built = True


def activation_constants(activation: Any, dtype: str) -> dict[str, Any]:
    """`{"activation": its weights}` for the constants of a cell; nothing if it has none."""
    weights = activation.weights if isinstance(activation, keras.layers.Layer) else ()
    return {"activation": [ops.cast(w, dtype) for w in weights]} if weights else {}


def activate(activation: Any, z: Any, constants: dict[str, Any]) -> Any:
    """`activation(z)`, whose weights are read from the constants."""
    if "activation" not in constants:
        return activation(z)
    with keras.StatelessScope(state_mapping=list(zip(activation.weights, constants["activation"]))):
        return activation.call(z)  # not __call__, which under a 16-bit policy would round z
