"""A language model that trains in a second, and its text."""

import keras
import numpy as np

from keras_rnn.datasets import TokenStream
from keras_rnn.layers import GRU, LSTM
from keras_rnn.models import LanguageModel
from tests.contracts.arrays import normal

TYPES, BATCH, STEPS, RATE = 11, 3, 5, 0.5
IDS = np.random.default_rng(0).integers(0, TYPES, BATCH * 23 + 1)  # the last batch has 3 steps
ROWS = IDS[:24].reshape(3, 8)
OTHER_IDS = np.random.default_rng(1).integers(0, TYPES, 47)


def stream(ids=IDS, batch=BATCH, steps=STEPS, **arguments):
    return TokenStream(ids, batch, steps, **arguments)


def language_model(layers=None, embedding=6, compiled=True, **arguments):
    """With random weights, the same in every call and under every backend."""
    layers = [LSTM(7), GRU(4)] if layers is None else layers
    model = LanguageModel(TYPES, layers, embedding, **arguments)
    model.build((None, None))
    model.set_weights([0.5 * normal([0, k], *w.shape) for k, w in enumerate(model.get_weights())])
    if compiled:
        model.compile(keras.optimizers.SGD(RATE))
    return model


def log_probabilities(model, ids):
    """`(time, V)` of one row, from fresh states."""
    return keras.ops.convert_to_numpy(model(np.asarray(ids)[None]))[0]


def likelihoods(model, ids):
    """The negative log likelihood of each id but the first, in one pass from fresh states."""
    return -log_probabilities(model, ids[:-1])[np.arange(len(ids) - 1), ids[1:]]
