"""Layers from the tables of a recipe."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

import keras

from keras_rnn import layers
from keras_rnn.layers.output_softmax import OutputSoftmax

# Keys of a layer's table that are no arguments of the layer.
LAYER_KEYS = ("type", "bidirectional", "weight_drop", "initializer_range")


def make_layer(table: dict[str, Any], where: str, dtype: Any = None) -> Any:
    """The layer that a `[[model.layers]]` table describes.

    Besides the arguments of the layer: `bidirectional`; `weight_drop`, the rate of a
    `keras_rnn.layers.WeightDrop` around its cell; `initializer_range` r, for weights that begin uniform in
    [-r, r].
    """
    cls, arguments = _class_of(table, layers.Recurrent, where, LAYER_KEYS)
    bidirectional, rate = arguments.pop("bidirectional", False), arguments.pop("weight_drop", None)
    if not isinstance(bidirectional, bool):
        raise TypeError(f"`bidirectional` in {where} must be true or false; received {bidirectional!r}.")
    try:
        reach = arguments.pop("initializer_range", None)
        if reach is not None:
            for name in ("kernel_initializer", "recurrent_initializer", "bias_initializer"):
                # One for each: an initializer with a seed gives the same numbers twice.
                arguments[name] = keras.initializers.RandomUniform(-reach, reach)
        if rate is not None:
            cell = layers.WeightDrop(cls.cell_class(**arguments, dtype=dtype), rate)
            layer = layers.Recurrent(cell, return_sequences=True, dtype=dtype)
        else:
            layer = cls(**arguments, return_sequences=True, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error
    return layers.Bidirectional(layer) if bidirectional else layer


def make_softmax(
    table: dict[str, Any] | None, vocabulary_size: int, tied: bool, where: str, dtype: Any = None
) -> Any:
    """The output layer that the table `softmax` describes; None, for the model's own, where there is none."""
    if table is None:
        return None
    cls, arguments = _class_of(table, OutputSoftmax, where, ("type",))
    if "tied" in inspect.signature(cls).parameters:
        arguments = {"tied": tied, **arguments}
    try:
        return cls(vocabulary_size, **arguments, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def _class_of(table: Any, base: type, where: str, own: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """The class that `type` names, and the other keys, which it or `own` must know."""
    if not isinstance(table, dict):
        raise TypeError(f"{where} must be a table; received {table!r}.")
    arguments = dict(table)
    name = arguments.pop("type", None)
    cls = getattr(layers, name, None) if name in layers.__all__ else None
    if cls is None or not issubclass(cls, base):
        known = [n for n in layers.__all__ if issubclass(getattr(layers, n), base)]
        raise ValueError(f"`type` in {where} must be one of {', '.join(known)}; received type={name!r}.")
    for key in arguments:
        refuse_unknown(key, [*inspect.signature(cls).parameters, *own], where)
    return cls, arguments


def refuse_unknown(key: str, legal: list[str], where: str) -> None:
    """Raises ValueError, with the nearest key, unless `key` is legal."""
    if key not in legal:
        near = difflib.get_close_matches(key, legal, 1)
        hint = f" Did you mean `{near[0]}`?" if near else f" Legal are {', '.join(sorted(legal))}."
        raise ValueError(f"`{key}` is no key of {where}.{hint}")
