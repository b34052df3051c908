"""A classifier that trains in a second, and texts that it can learn."""

import keras
import numpy as np

from keras_rnn.layers import SimpleRNN
from keras_rnn.models import SequenceClassifier
from keras_rnn.text import WordTokenizer

WORDS = ["good", "bad", "film", "a", "not"]
TEXTS = [
    "A good film",
    "bad",
    "",
    "not a bad film",
    "a film",
    "good good good good good",
    "unheard of",
    "bad bad",
]
LABELS = np.array([1, 0, 0, 1, 0, 1, 1, 0])


def tokenizer(**arguments):
    return WordTokenizer(WORDS, **arguments)


def classifier(seed=1, layers=None, **arguments):
    """A built model with fixed weights; compiled as its head says, with a rate at which it learns fast."""
    keras.utils.set_random_seed(seed)
    if "vocabulary_size" not in arguments:
        arguments = {"tokenizer": tokenizer(), **arguments}
    layers = [SimpleRNN(5, return_sequences=True)] if layers is None else layers
    model = SequenceClassifier(layers, embedding_dimension=4, **arguments)
    model.build((None, None))
    for variable in model.trainable_variables:  # biases, too: a zero would hide that it is not used
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.3, seed=variable.shape[0]))
    model.compile(keras.optimizers.Adam(0.05))
    return model


def distance(a, b):
    """The largest difference, after a check that the shapes are the same: no silent broadcasting."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape, (a.shape, b.shape)
    return np.abs(a - b).max()
