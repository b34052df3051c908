"""Makes `LSTM(...)` out of `LSTMCell` and `Recurrent`, without writing their arguments out again."""

from __future__ import annotations

import inspect
from operator import attrgetter
from typing import Any

import keras

from keras_rnn.layers.cell import RecurrentCell


def adopt_cell_arguments(cls: Any, loop: Any) -> None:
    """Gives a layer derived from `loop` the arguments of its cell and then those of the loop, and shows them.

    `LSTM(units=3, return_sequences=True)` then stands for
    `Recurrent(LSTMCell(units=3), return_sequences=True)`, `help()` prints all arguments, and
    `layer.units` reads `layer.cell.units`.
    """
    cell_arguments = _arguments(cls.cell_class)
    loop_arguments = {k: v for k, v in _arguments(loop).items() if k != "cell"}

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(cell_arguments):
            raise TypeError(
                f"{cls.__name__} takes at most {len(cell_arguments)} arguments by position; "
                f"received {len(args)}. Pass the others by name."
            )
        own = {name: kwargs.pop(name) for name in list(kwargs) if name in cell_arguments}
        # In a model a weight is trained or not by its own flag: the cell must know it, too.
        common = {"dtype": kwargs.get("dtype"), "trainable": kwargs.get("trainable", True)}
        loop.__init__(self, cls.cell_class(*args, **own, **common), **kwargs)

    parameters = [
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *cell_arguments.values(),
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in loop_arguments.values()),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
    __init__.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    cls.__init__ = __init__
    for name in cell_arguments:
        setattr(cls, name, property(attrgetter(f"cell.{name}")))


def _arguments(cls: Any) -> dict[str, inspect.Parameter]:
    """All named arguments of a constructor, those that it hands on to its bases included."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if base is RecurrentCell or base is keras.layers.Layer:
            break
        if "__init__" in vars(base):
            for name, parameter in list(inspect.signature(base.__init__).parameters.items())[1:]:
                if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
                    found.setdefault(name, parameter)
    return found
