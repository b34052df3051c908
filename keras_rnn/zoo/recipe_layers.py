"""Layers from the tables of a recipe."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable
from functools import partial
from typing import Any

import keras

from keras_rnn import layers
from keras_rnn.layers.output_softmax import OutputSoftmax
from keras_rnn.zoo.model_tables import TranslatorCore

# Keys of a layer's table that are no arguments of the layer.
LAYER_KEYS = ("bidirectional", "weight_drop", "wrap", "initializer_range")


def _named(base: type) -> dict[str, Any]:
    """The public layers of a kind, by name."""
    public = {name: getattr(layers, name) for name in layers.__all__}
    return {
        name: cls
        for name, cls in public.items()
        if isinstance(cls, type) and issubclass(cls, base) and cls is not base
    }


#: Makers of a `SimpleRNN` with other arguments; they take all of its own, too.
FACTORIES = {"ExpRNN": layers.ExpRNN, "ScaledCayleyRNN": layers.ScaledCayleyRNN}
RECURRENT, WRAPPERS = {**_named(layers.Recurrent), **FACTORIES}, _named(layers.WrappedCell)
ATTENTIONS = _named(layers.Attention)
#: Layers from sequence to sequence that are no recurrence.
OTHERS = {
    "LayerNormalization": keras.layers.LayerNormalization,
    "LearnedPositions": layers.LearnedPositions,
    "SelfAttentionBlock": layers.SelfAttentionBlock,
    "SinusoidalPositions": layers.SinusoidalPositions,
}
SOFTMAXES, EMBEDDINGS = _named(OutputSoftmax), {"CharacterCNN": layers.CharacterCNN}


def make_layer(table: dict[str, Any], where: str, dtype: Any = None) -> Any:
    """The layer that a `[[model.layers]]` table describes.

    Besides the arguments of the layer: `bidirectional`; `weight_drop`, the rate of a
    `keras_rnn.layers.WeightDrop` around its cell; `wrap`, tables of other wrappers around that, innermost
    first, each with `type` and its arguments; `initializer_range` r, for weights of the cell that begin
    uniform in [-r, r]. The layers of self-attention have their arguments alone.
    """
    if isinstance(table, dict) and table.get("type") in OTHERS:
        cls, arguments = _class_of(table, OTHERS, where)
        return _made(cls, arguments, where, dtype)
    cls, arguments = _class_of(table, RECURRENT, where, own=LAYER_KEYS)
    bidirectional, rate = arguments.pop("bidirectional", False), arguments.pop("weight_drop", None)
    if not isinstance(bidirectional, bool):
        raise TypeError(f"`bidirectional` in {where} must be true or false; received {bidirectional!r}.")
    wrap = arguments.pop("wrap", [])
    if not isinstance(wrap, list):
        raise TypeError(f"`wrap` in {where} must be a list of tables; received {wrap!r}.")
    wrap = [*([] if rate is None else [{"type": "WeightDrop", "rate": rate}]), *wrap]
    wrappers = [_class_of(one, WRAPPERS, f"`wrap` in {where}", given=("cell",)) for one in wrap]
    try:
        reach = arguments.pop("initializer_range", None)
        if reach is not None:
            for name in ("kernel_initializer", "recurrent_initializer", "bias_initializer"):
                # One for each: an initializer with a seed gives the same numbers twice.
                arguments[name] = keras.initializers.RandomUniform(-reach, reach)
        layer = cls(**arguments, return_sequences=True, dtype=dtype)
        if wrappers:
            cell = layer.cell
            for wrapper, own in wrappers:
                cell = wrapper(cell, **own)
            layer = layers.Recurrent(cell, return_sequences=True, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error
    return layers.Bidirectional(layer) if bidirectional else layer


def make_pooling(table: dict[str, Any] | None, where: str) -> Any:
    """The `keras_rnn.layers.AttentionPooling` of a table of its arguments; None where there is none."""
    if table is None:
        return None
    named = {"type": "AttentionPooling", **table}
    cls, arguments = _class_of(named, {"AttentionPooling": layers.AttentionPooling}, where)
    return _made(cls, arguments, where)


def make_softmax(
    table: dict[str, Any] | None, vocabulary_size: int, tied: bool, where: str, dtype: Any = None
) -> Any:
    """The output layer that the table `softmax` describes; None, for the model's own, where there is none."""
    if table is None:
        return None
    cls, arguments = _class_of(table, SOFTMAXES, where)
    if "tied" in inspect.signature(cls).parameters:
        arguments = {"tied": tied, **arguments}
    return _made(partial(cls, vocabulary_size), arguments, where, dtype)


def make_decoder(core: TranslatorCore, where: str, dtype: Any = None) -> Any:
    """The decoder that the tables `decoder` and `attention` of a translator describe."""
    if not core.decoder:
        raise ValueError(f"`decoder` in {where} must hold at least one layer; received none.")
    made = [make_layer(table, f"`decoder` in {where}", dtype) for table in core.decoder]
    if any(isinstance(layer, layers.Bidirectional) for layer in made):
        raise ValueError(f"`decoder` in {where} must read forwards; received a bidirectional layer.")
    cells = [layer.cell for layer in made]
    if core.attention is None:
        for key in ("input_feeding", "attentional_units"):
            if getattr(core, key) is not None:
                raise ValueError(f"`{key}` in {where} belongs to an attention; there is no `attention`.")
        return layers.Recurrent(cells if len(cells) > 1 else cells[0], dtype=dtype)
    inner = f"`attention` in {where}"
    cls, arguments = _class_of(core.attention, ATTENTIONS, inner)
    units: dict[str, Any] = (
        {} if core.attentional_units is None else {"attentional_units": core.attentional_units}
    )
    try:
        attention = cls(**arguments, dtype=dtype)
        cell = cells if len(cells) > 1 else cells[0]
        return layers.AttentionRNN(cell, attention, core.order, core.input_feeding, **units, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{inner}: {error}") from error


def make_embedding(
    table: dict[str, Any] | None, dimension: int | None, words: list[str], where: str, dtype: Any = None
) -> Any:
    """The layer that the table `embedding` describes; where there is none, the dimension of the model's own.

    Args:
        table, dimension: `embedding` and `embedding_dimension` of a recipe.
        words: the types of the vocabulary, which a `keras_rnn.layers.CharacterCNN` spells.
        where: names the table that both stand in.
        dtype: of the layer.

    Raises:
        ValueError: if there are both or neither, or the table describes no layer.
    """
    if (table is None) == (dimension is None):
        raise ValueError(
            f"{where} must have `embedding_dimension` or the table `embedding`, one of the two; received "
            f"embedding_dimension={dimension}, embedding={table}."
        )
    if table is None:
        return dimension
    where = f"`embedding` in {where}"
    cls, arguments = _class_of(table, EMBEDDINGS, where, given=("words",))
    return _made(partial(cls, words), arguments, where, dtype)


def _class_of(
    table: Any, kinds: dict[str, Any], where: str, own: tuple[str, ...] = (), given: tuple[str, ...] = ()
) -> tuple[Any, dict[str, Any]]:
    """The class that `type` names, and the other keys: its arguments, but for those `given`, or `own`."""
    if not isinstance(table, dict):
        raise TypeError(f"{where} must be a table; received {table!r}.")
    arguments = dict(table)
    name = arguments.pop("type", None)
    cls = kinds.get(str(name))
    if cls is None:
        raise ValueError(
            f"`type` in {where} must be one of {', '.join(kinds)}; received type={name!r}."
            f"{nearest(str(name), kinds)}"
        )
    parameters = [*inspect.signature(cls).parameters]
    if name in FACTORIES:
        parameters += inspect.signature(layers.SimpleRNN).parameters
    legal = [key for key in parameters if key not in ("arguments", "kwargs", *given)]
    for key in arguments:
        refuse_unknown(key, ["type", *legal, *own], where)
    return cls, arguments


def _made(cls: Any, arguments: dict[str, Any], where: str, dtype: Any = None) -> Any:
    """The layer; what it says of wrong arguments begins with where they stand."""
    try:
        return cls(**arguments, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def refuse_unknown(key: str, legal: list[str], where: str) -> None:
    """Raises ValueError, with the nearest key, unless `key` is legal."""
    if key not in legal:
        hint = nearest(key, legal) or f" Legal are {', '.join(sorted(legal))}."
        raise ValueError(f"`{key}` is no key of {where}.{hint}")


def nearest(key: str, legal: Iterable[str]) -> str:
    """Asks whether the legal key that is most like this one was meant; empty if none is like it."""
    near = difflib.get_close_matches(key, legal, 1)
    return f" Did you mean `{near[0]}`?" if near else ""
