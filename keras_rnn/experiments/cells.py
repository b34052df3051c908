"""The recurrent layers that can be compared, and how many units have a given number of parameters."""

from __future__ import annotations

import difflib
import importlib
import re
from functools import cache
from typing import Any

import keras

from keras_rnn import layers

_PUBLIC = {name: getattr(layers, name) for name in layers.__all__}
#: By name, each with a cell of its own. The weights of an `EchoState` are fixed: their number says nothing.
CELLS = {n: own for n, own in _PUBLIC.items() if getattr(own, "cell_class", None) and n != "EchoState"}
#: Those that are compared where none is named.
TWELVE = (
    "SimpleRNN",
    "LSTM",
    "GRU",
    "PeepholeLSTM",
    "LayerNormLSTM",
    "CoupledInputForgetLSTM",
    "MGU",
    "MinGRU",
    "LRU",
    "RGLRU",
    "SRU",
    "IndRNN",
)


def find(name: str) -> str:
    """The name of a layer, from itself in capitals or small letters, or as `module:Class`.

    Raises:
        ValueError: if there is none; names the nearest.
    """
    if ":" in name:
        _class(name)
        return name
    named = {own.lower(): own for own in CELLS}
    if name.lower() not in named:
        near = ", ".join(named[own] for own in difflib.get_close_matches(name.lower(), named, 3, 0.4))
        raise ValueError(
            f"`cell` must be the name of a recurrent layer; received cell={name!r}. "
            f"{f'Nearest: {near}. ' if near else ''}All: {', '.join(CELLS)}; one of your own: module:Class."
        )
    return named[name.lower()]


@cache
def _class(name: str) -> Any:
    """The class of a layer; one that is not of this library is imported.

    Raises:
        ValueError: if the module cannot be imported, or has no recurrent layer of that name.
    """
    if ":" not in name:
        return CELLS[name]
    module, _, own = name.partition(":")
    if not re.fullmatch(r"\w+(\.\w+)*:\w+", name):
        raise ValueError(f"`cell` must be written module:Class; received cell={name!r}.")
    try:
        found = getattr(importlib.import_module(module), own, None)
    except (ImportError, SyntaxError) as error:
        raise ValueError(
            f"`cell` {name!r}: {error}. `module` is a file in this folder or on the path."
        ) from error
    recurrent = isinstance(found, type) and issubclass(found, layers.Recurrent)
    if not recurrent or not getattr(found, "cell_class", None):
        raise ValueError(
            f"`cell` {name!r}: {module} has no layer {own!r} that derives from keras_rnn.layers.Recurrent "
            "and names its `cell_class`."
        )
    return found


def make(name: str, units: int, steps: int) -> Any:
    """The layer with its defaults, which returns the output of each step.

    `IndRNN` begins and is held within the bound that its paper sets for sequences of so many steps;
    `ProjectionLSTM` projects to half of its units.
    """
    arguments: dict[str, Any] = {}
    if name == "IndRNN":
        bound = 2 ** (1 / steps)
        arguments["recurrent_initializer"] = keras.initializers.RandomUniform(0, bound)
        arguments["recurrent_constraint"] = keras.constraints.MaxNorm(bound)
    if name == "ProjectionLSTM":
        arguments["projection_units"] = -(-units // 2)
    return _class(name)(units, return_sequences=True, **arguments)


def units_for(name: str, features: int, parameters: int) -> int:
    """The number of units whose layer, on so many features, comes nearest to a number of parameters."""

    @cache
    def distance(units: int) -> int:
        return count_parameters(name, units, features) - parameters

    def others(k: int) -> int:
        # All but as many as features: there a layer that carries its inputs past the cell saves a matrix.
        # Without that number, more units have more parameters.
        return k + (k >= features)

    high = 1
    # A unit has a parameter at least, unless somebody's own layer does not grow with its units.
    while distance(others(high)) < 0 and high < parameters:
        high *= 2
    low = max(1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if distance(others(middle)) < 0 else (low, middle)
    return min((others(low), others(high), features), key=lambda units: abs(distance(units)))


def count_parameters(name: str, units: int, features: int) -> int:
    """Those of the layer."""
    layer = make(name, units, 1)
    layer.build((None, None, features))
    return layer.count_params()
