"""Reusable, correct, fast recurrent layers for Keras 3, and a zoo of trained models."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "callbacks",
    "datasets",
    "explain",
    "export",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "parametrizations",
    "plots",
    "subwords",
    "text",
    "zoo",
]

# Everything that `keras.models.load_model` may have to find is registered by the import. The command line
# alone imports it later, so that `--help` and wrong arguments are answered at once.
if Path((sys.argv or [""])[0]).stem != "keras-rnn":
    from keras_rnn import layers, losses, metrics, models, optimizers, parametrizations


def __getattr__(name: str) -> Any:
    """The other rooms, imported when they are first used."""
    if name in __all__:
        return importlib.import_module(f"keras_rnn.{name}")
    raise AttributeError(f"module 'keras_rnn' has no attribute {name!r}")
