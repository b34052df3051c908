"""Trained models: `load`, `list_models`, `info`."""

from keras_rnn.zoo.folders import info, list_models
from keras_rnn.zoo.loader import load

__all__ = ["info", "list_models", "load"]
