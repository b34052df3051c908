"""Whole models: a core on ids, and a shell that takes text."""

from keras_rnn.models.sequence_classifier import SequenceClassifier
from keras_rnn.models.text_model import TextModel

__all__ = ["SequenceClassifier", "TextModel"]
