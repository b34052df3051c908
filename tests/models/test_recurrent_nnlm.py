"""The recurrent language model of Mikolov 2010 is a `LanguageModel` with a simple recurrent layer."""

import keras
import numpy as np

from keras_rnn.datasets import TokenStream
from keras_rnn.layers import SimpleRNN
from keras_rnn.models import LanguageModel
from tests.models.test_language_model_training import TEXT


def recurrent_nnlm(vocabulary_size, units):
    """h[t] = sigmoid(W E[x[t]] + U h[t-1]): with as many dimensions as units, W E is his one matrix."""
    layer = SimpleRNN(units, activation="sigmoid", use_bias=False)
    return LanguageModel(vocabulary_size, [layer], embedding=units)


def test_it_has_as_many_parameters_as_the_formula_says():
    model = recurrent_nnlm(10_000, 200)
    model.build((None, None))
    # His 2 V n + n n, with a W of n n and a bias of the softmax beside them.
    assert model.count_params() == 2 * 10_000 * 200 + 200 * 200 + (200 * 200 + 10_000)


def test_ten_steps_lower_the_loss():
    keras.utils.set_random_seed(3)
    model = recurrent_nnlm(13, 24)
    model.compile(keras.optimizers.Adam(0.03))
    train = TokenStream(TEXT[:2401], 20, 12)
    before = model.perplexity(TEXT[2401:3000])["nll"]
    assert len(train) == 10
    assert abs(before - np.log(13)) < 0.1
    model.fit(train, verbose=0)
    assert model.perplexity(TEXT[2401:3000])["nll"] < before - 0.1
