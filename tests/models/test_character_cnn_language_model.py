"""A language model that reads characters and predicts words: counts, training, files, JAX."""

import json
import os

import keras
import numpy as np
import pytest

from keras_rnn.datasets import TokenStream, penn_treebank
from keras_rnn.layers import LSTM, CharacterCNN
from keras_rnn.models import LanguageModel
from tests.contracts.arrays import distance, flat
from tests.contracts.test_jax import run_on_jax
from tests.models.test_language_model import zero_lstm
from tests.models.test_language_model_training import TEXT

WORDS = ["<eos>", "the", "cat", "cats", "dog", "dogs", "a", "sees", "see", "of", "<unk>", "N", "there"]
#: Name: filters, highways, units; of Kim 2016, table 2.
SIZES = {
    "small": ([25, 50, 75, 100, 125, 150], 1, 300),
    "large": ([50, 100, 150, 200, 200, 200, 200], 2, 650),
}
#: Millions, as table 3 has them.
PUBLISHED = {"small": 5, "large": 19}


def published(size, words):
    filters, highways, units = SIZES[size]
    cnn = CharacterCNN(words, filters=filters, highways=highways)
    model = LanguageModel(len(words), [zero_lstm(units), zero_lstm(units)], cnn)
    model.build((None, None))
    return model


def counted(size, vocabulary_size, characters):
    filters, highways, n = SIZES[size]
    f = sum(filters)
    cnn = 15 * characters + sum(k * (15 * w + 1) for w, k in enumerate(filters, start=1))
    lstm = 4 * n * (f + n + 1) + 4 * n * (n + n + 1)
    return cnn + highways * 2 * f * (f + 1) + lstm + vocabulary_size * (n + 1)


@pytest.mark.parametrize("size", SIZES)
def test_it_has_as_many_parameters_as_the_paper_says(size):
    # Of the 48 characters that the words of the Penn Treebank have.
    letters = [chr(ord("a") + k) for k in range(48)]
    words = [letters[k % 48] + letters[k // 48 % 48] + letters[k // 48**2] for k in range(10_000)]
    model = published(size, words)
    assert model.count_params() == counted(size, 10_000, 48 + 2)
    assert round(model.count_params() / 1e6) == PUBLISHED[size]


@pytest.mark.skipif("KERAS_RNN_DATA" not in os.environ, reason="reads the Penn Treebank: set KERAS_RNN_DATA")
def test_the_words_of_the_penn_treebank_have_as_many_characters():
    words = penn_treebank.load("validation", download=False).vocabulary.types
    cnn = CharacterCNN(words)
    y = flat(cnn(np.arange(0, 10_000, 500)))[0]
    assert tuple(cnn.character_embeddings.shape) == (48 + 2, 15)  # with what fills up, the 51 of the paper
    assert y.shape == (20, 525)
    assert np.isfinite(y).all()


def model_of_words(**arguments):
    cnn = CharacterCNN(WORDS, character_size=8, filters=[4, 8, 8], highways=1)
    return LanguageModel(len(WORDS), [LSTM(24)], cnn, **arguments)


def learned(**arguments):
    keras.utils.set_random_seed(3)
    model = model_of_words(**arguments)
    model.compile(keras.optimizers.Adam(0.02))
    train = TokenStream(TEXT[:2401], 20, 12)
    before = model.perplexity(TEXT[2401:3000])["nll"]
    assert len(train) == 10
    assert abs(before - np.log(13)) < 0.2
    model.fit(train, verbose=0)
    return model, before, model.perplexity(TEXT[2401:3000])["nll"]


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_ten_steps_lower_the_loss(dropout):
    _, before, after = learned(embedding_dropout=dropout, hidden_dropout=dropout)
    assert after < before - 0.1


def test_it_is_made_again_saved_and_loaded(tmp_path):
    model, _, _ = learned()
    again = LanguageModel.from_config(json.loads(json.dumps(model.get_config())))
    assert again.embedding.get_config() == model.embedding.get_config()
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again.build((None, None))
    again.load_weights(tmp_path / "model.weights.h5")
    ids = TEXT[None, :40]
    assert distance(loaded(ids), model(ids)) == distance(again(ids), model(ids)) == 0
    assert loaded.perplexity(TEXT[2401:3000]) == model.perplexity(TEXT[2401:3000])


def test_there_is_no_matrix_to_tie():
    with pytest.raises(ValueError, match="tie_embeddings"):
        model_of_words(tie_embeddings=True)


ON_JAX = """
import json
from tests.models.test_character_cnn_language_model import *
print(json.dumps(learned()[1:]))
"""


@pytest.mark.slow
def test_it_learns_on_jax():
    before, after = json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1])
    assert after < before - 0.1
