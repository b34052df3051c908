"""Layers and models of Keras with our recurrent layers in the place of its own, and the same weights."""

from __future__ import annotations

from typing import Any

import keras

#: The name in `keras.layers`, and ours.
COUNTERPARTS = {
    "Bidirectional": "Bidirectional",
    "GRU": "GRU",
    "GRUCell": "GRUCell",
    "LSTM": "LSTM",
    "LSTMCell": "LSTMCell",
    "RNN": "Recurrent",
    "SimpleRNN": "SimpleRNN",
    "SimpleRNNCell": "SimpleRNNCell",
    "StackedRNNCells": "StackedCells",
}


def from_keras(layer: Any) -> Any:
    """Makes of a layer or model of Keras one that computes the same with our recurrent layers.

    `SimpleRNN`, `LSTM`, `GRU`, their cells, `RNN`, `StackedRNNCells` and `Bidirectional` are replaced
    wherever they stand: by themselves, in a cell, in a wrapper such as `TimeDistributed`, or in a
    `Sequential` or functional model, and in models within it. Everything else stays what it is. The weights
    have the same shapes and the same order here and there, and are copied; nothing is reordered. The carried
    states of a `stateful` layer begin at zero. A model that was compiled is compiled in the same way, with a
    fresh optimizer. One thing differs: of inputs with a mask that are given together with `initial_state`,
    Keras loses the mask, and ours reads it.

    What stays: classes of one's own, also if they derive from one of these, and the layers that such a class
    makes in its constructor; `ConvLSTM1D` to `ConvLSTM3D`.

    Args:
        layer: a `keras.layers.Layer` or `keras.Model`, built or not. It is left as it is. Classes of one's
            own within it must be registered, as for saving.

    Returns:
        The new layer or model, of the same name and dtype policy.

    Raises:
        ValueError: if it is no layer, or holds no recurrent layer of Keras.

    Example:

    >>> import keras
    >>> theirs = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4), keras.layers.Dense(1)])
    >>> ours = from_keras(theirs)
    >>> x = np.ones((2, 5, 3))
    >>> bool(np.allclose(ours(x), theirs(x), atol=1e-6)), type(ours.layers[0]).__module__
    (True, 'keras_rnn.layers.lstm')
    """
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(f"`layer` must be a Keras layer or model; received {layer!r}.")
    told = keras.saving.serialize_keras_object(layer)
    replaced, count = _replaced(told)
    if not count:
        raise ValueError(
            f"`layer` must hold a recurrent layer of Keras ({', '.join(COUNTERPARTS)}); {layer.name!r}, a "
            f"{type(layer).__name__}, holds none that its configuration tells of. Replace the layers that a "
            "class of your own makes, one by one."
        )
    ours = keras.saving.deserialize_keras_object(replaced, safe_mode=False)
    if layer.built:
        ours.set_weights(layer.get_weights())
    return ours


def _replaced(told: Any) -> tuple[Any, int]:
    """What Keras tells of an object, with our classes for its own, and how many they are."""
    if isinstance(told, (list, tuple)):
        parts = [_replaced(part) for part in told]
        return type(told)(part for part, _ in parts), sum(count for _, count in parts)
    if not isinstance(told, dict):
        return told, 0
    found = {key: _replaced(part) for key, part in told.items()}
    new, count = {key: part for key, (part, _) in found.items()}, sum(count for _, count in found.values())
    if told.get("module") == "keras.layers" and told.get("class_name") in COUNTERPARTS:
        own = COUNTERPARTS[told["class_name"]]
        return {
            **new,
            "module": "keras_rnn.layers",
            "class_name": own,
            "registered_name": f"keras_rnn>{own}",
        }, (count + 1)
    return new, count
