"""The core of a language model: what it computes, and how many parameters it has."""

import doctest
import importlib

import numpy as np
import pytest
from keras import ops

from keras_rnn.layers import GRU, LSTM, TiedEmbedding
from keras_rnn.models import LanguageModel
from tests.contracts.arrays import distance, flat
from tests.models.small_language_model import ROWS, TYPES, language_model
from tests.reference import cells


def run_over(cell, weights, x, sizes):
    states, outputs = [np.zeros((len(x), size)) for size in sizes], []
    for t in range(x.shape[1]):
        y, states = cell(x[:, t], states, weights)
        outputs.append(y)
    return np.stack(outputs, axis=1), states


@pytest.mark.parametrize("tied", [False, True])
def test_it_is_its_equations(tied):
    layers = [LSTM(7, dtype="float64"), GRU(4, dtype="float64")]
    model = language_model(layers, 4 if tied else 6, tie_embeddings=tied, dtype="float64")
    parts = [model.embedding, *model.recurrent_layers, model.softmax]
    (E,), lstm, gru, softmax = (flat(part.weights) for part in parts)
    h, lstm_states = run_over(cells.lstm, lstm, E[ROWS], (7, 7))
    h, gru_states = run_over(cells.gru_reset_after, gru, h, (4,))
    W, b = (E, *softmax) if tied else softmax
    scores = h @ W.T + b
    expected = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    assert distance(model(ROWS), expected) < 1e-10
    features, states = model.run(ROWS, model.initial_states(3))
    assert distance(features, h) < 1e-10
    assert distance(states, [*lstm_states, *gru_states]) < 1e-10


def test_the_layers_may_be_in_use_already():
    layer = LSTM(4)
    layer.build((None, None, 6))
    model = LanguageModel(TYPES, [layer], 6)
    assert model(ROWS).shape == (3, 8, TYPES)
    assert model.recurrent_layers[0] is layer


def test_a_tied_embedding_of_the_library_serves_too():
    model = language_model([LSTM(6)], TiedEmbedding(TYPES, 6, use_bias=False), tie_embeddings=True)
    E, b = flat(model.embedding.embeddings)[0], flat(model.softmax.bias)[0]
    h, _ = model.run(ROWS, model.initial_states(3))
    assert distance(model(ROWS), flat(ops.log_softmax(flat(h)[0] @ E.T + b))[0]) < 1e-5


def zero_lstm(units):
    """Nothing is drawn: the recurrent kernel of the large model takes long."""
    return LSTM(units, kernel_initializer="zeros", recurrent_initializer="zeros")


def counted(vocabulary_size, d, units, tied=False):
    last = [d, *units]
    lstm = sum(4 * n * (below + n + 1) for below, n in zip(last, units))
    return vocabulary_size * d + lstm + (0 if tied else vocabulary_size * units[-1]) + vocabulary_size


@pytest.mark.parametrize(
    ("d", "units", "tied", "parameters"),
    [
        (200, (200, 200), False, 4_651_600),
        (650, (650, 650), False, 19_775_200),
        (1500, (1500, 1500), False, 66_022_000),
        # The published code says 24,221,600: PyTorch's LSTM has a second bias, 4 (1150 + 1150 + 400) more.
        (400, (1150, 1150, 400), True, 24_221_600 - 10_800),
    ],
    ids=["small", "medium", "large", "awd"],
)
def test_it_has_as_many_parameters_as_the_papers_say(d, units, tied, parameters):
    model = LanguageModel(10_000, [zero_lstm(n) for n in units], d, tie_embeddings=tied)
    model.build((None, None))
    assert model.count_params() == parameters == counted(10_000, d, units, tied)


def test_where_the_weights_begin():
    model = LanguageModel(400, [LSTM(30)], 20, initializer_range=0.05)
    model.build((None, None))
    for matrix in (model.embedding.embeddings, model.softmax.kernel):
        values = flat(matrix)[0]
        assert 0.049 < np.abs(values).max() <= 0.05
        assert abs(np.abs(values).mean() - 0.025) < 1e-3


@pytest.mark.parametrize("module", ["models.language_model", "metrics"])
def test_examples_run(module):
    names = {"np": np, "LSTM": LSTM}
    assert doctest.testmod(importlib.import_module(f"keras_rnn.{module}"), extraglobs=names).failed == 0
