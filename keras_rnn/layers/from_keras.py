"""Layers and models of Keras with our recurrent layers in the place of its own, and the same weights."""

from __future__ import annotations

import tempfile
from typing import Any

import keras
import numpy as np
from keras import ops

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


def from_keras(layer: Any, compile: bool = True) -> Any:
    """Makes of a layer or model of Keras one that computes the same with our recurrent layers.

    `SimpleRNN`, `LSTM`, `GRU`, their cells, `RNN`, `StackedRNNCells` and `Bidirectional` are replaced
    wherever they stand: by themselves, in a cell, in a wrapper such as `TimeDistributed`, or in a
    `Sequential` or functional model, and in models within it. The weights have the same shapes and the same
    order here and there, and are copied with their flags `trainable`; nothing is reordered. Everything else
    stays what it is, with its own state and vocabulary. The carried states of a `stateful` layer begin at
    zero. A model that was compiled is compiled in the same way, with a fresh optimizer.

    What stays: classes of one's own, also if they derive from one of these, and the layers that such a class
    makes in its constructor; stacks in which one of the cells is such a class; `ConvLSTM1D` to `ConvLSTM3D`.

    What differs:
        Inputs with a mask that are given together with `initial_state`: Keras loses the mask, ours reads it.
        `return_state=True` of several cells: the states come one by one, in Keras in a list for each cell.
        16-bit policies: states are float32, in Keras they have 16 bits.
        `dropout` and `recurrent_dropout` while training: one mask serves all gates, which Keras also does
        unless `recurrent_dropout` is there; then it draws one for each.

    Args:
        layer: a `keras.layers.Layer` or `keras.Model`, built or not. It is left as it is. Classes and
            functions of one's own within it, those that it was compiled with too, must be registered, as for
            saving.
        compile: whether what was compiled is compiled here. Default `True`.

    Returns:
        The new layer or model, of the same name and dtype policy.

    Raises:
        ValueError: if it is no layer, or holds no recurrent layer of Keras, or holds one layer both in a
            model and in a model within that.
        TypeError: from Keras, if a class or function of one's own is not registered.

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
    told, count = _replaced(keras.saving.serialize_keras_object(layer), compile)
    if not count:
        raise ValueError(
            f"`layer` must hold a recurrent layer of Keras ({', '.join(COUNTERPARTS)}); {layer.name!r}, a "
            f"{type(layer).__name__}, holds none that its configuration tells of. Replace the layers that a "
            "class of your own makes, one by one."
        )
    ours = keras.saving.deserialize_keras_object(told, safe_mode=False)
    _copy_state(layer, ours)
    return ours


def _replaced(told: Any, compile: bool) -> tuple[Any, int]:
    """What Keras tells of an object, with our classes for its own, and how many they are."""
    if isinstance(told, (list, tuple)):
        parts = [_replaced(part, compile) for part in told]
        return type(told)(part for part, _ in parts), sum(count for _, count in parts)
    if not isinstance(told, dict) or _foreign_stack(told):
        return told, 0
    found = {
        key: _replaced(part, compile) for key, part in told.items() if compile or key != "compile_config"
    }
    new, count = {key: part for key, (part, _) in found.items()}, sum(count for _, count in found.values())
    if _is_replaced(told):
        own = COUNTERPARTS[told["class_name"]]
        new |= {"module": "keras_rnn.layers", "class_name": own, "registered_name": f"keras_rnn>{own}"}
        count += 1
    return new, count


def _is_replaced(told: Any) -> bool:
    """Whether this is one of those that are replaced."""
    return told.get("module") == "keras.layers" and told.get("class_name") in COUNTERPARTS


def _foreign_stack(told: dict[str, Any]) -> bool:
    """Whether these are stacked cells with one that we have no counterpart of: ours takes our cells alone."""
    stack = _is_replaced(told) and told["class_name"] == "StackedRNNCells"
    return stack and not all(_is_replaced(cell) for cell in told["config"]["cells"])


def _copy_state(theirs: Any, ours: Any) -> None:
    """Weights and their flags; of what was not replaced also what it keeps beside them."""
    before, after = theirs._flatten_layers(), ours._flatten_layers()
    if len(before) != len(after) or len(theirs.weights) != len(ours.weights):
        raise ValueError(
            f"`layer` must be made again by its configuration; that of {theirs.name!r} gives {len(after)} "
            f"layers with {len(ours.weights)} weights, not {len(before)} with {len(theirs.weights)}. A layer "
            "that stands both in a model and in a model within that is made twice: convert such parts one by "
            "one."
        )
    if theirs.weights:
        ours.set_weights(theirs.get_weights())
    for old, new in zip(theirs.weights, ours.weights):
        new.trainable = old.trainable
    for old, new in zip(before, after):
        if type(old) is type(new):
            _copy_own_state(old, new)


def _copy_own_state(theirs: Any, ours: Any) -> None:
    """As through a file: statistics, vocabularies, and whatever else a layer saves by itself."""
    store: dict[str, Any] = {}
    theirs.save_own_variables(store)
    ours.load_own_variables({key: np.array(ops.convert_to_numpy(value)) for key, value in store.items()})
    if hasattr(theirs, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            theirs.save_assets(folder)
            ours.load_assets(folder)
