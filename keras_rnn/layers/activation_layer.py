"""An activation that has weights: a layer of Keras, within the pure step of a cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def build_activations(cell: Any) -> None:
    """Makes the weights of those activations of an `AffineCell` that are layers.

    Raises:
        ValueError: if there are some and the cell does not hand them to `activate`.
    """
    for name in ("activation", "recurrent_activation"):
        own = getattr(cell, name, None)
        if not isinstance(own, keras.layers.Layer):
            continue
        if not own.built:
            own.build((None, cell.units))
            own.built = True
        if own.weights and not (cell.activates_by_layer and name == "activation"):
            raise ValueError(
                f"`{name}` of `{cell.name}` must be a function or a layer without weights; received {own!r}. "
                "SimpleRNN, NonNormalRNN and AntisymmetricRNN take one with weights, as `activation`."
            )


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
