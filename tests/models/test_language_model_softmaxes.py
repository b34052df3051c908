"""Every output layer serves a language model: it learns with it, and its file has it."""

import keras
import numpy as np
import pytest

from keras_rnn.datasets import TokenStream
from keras_rnn.layers import LSTM, AdaptiveSoftmax, MixtureOfSoftmaxes, SampledSoftmax
from keras_rnn.models import LanguageModel
from tests.contracts.arrays import distance
from tests.models.small_language_model import likelihoods

TYPES = 13
# Each word follows from the one before it, but for the last of four.
TEXT = np.stack([np.arange(0, 800) % 3 + 4 * k for k in range(4)], axis=1).ravel() % TYPES
SOFTMAXES = {
    "mixture": lambda: {"softmax": MixtureOfSoftmaxes(TYPES, 3, 12)},
    # The latent vectors of the experts, and not the layer, have the size of the embedding.
    "tied mixture": lambda: {"softmax": MixtureOfSoftmaxes(TYPES, 3, 16, tied=True), "tie_embeddings": True},
    "adaptive": lambda: {"softmax": AdaptiveSoftmax(TYPES, [4, 8], factor=2)},
    "sampled": lambda: {"softmax": SampledSoftmax(TYPES, 8, seed=1)},
}


@pytest.mark.parametrize("name", SOFTMAXES)
def test_it_learns_with_it_and_is_loaded(name, tmp_path):
    keras.utils.set_random_seed(4)
    model = LanguageModel(TYPES, [LSTM(24)], 16, **SOFTMAXES[name]())
    model.compile(keras.optimizers.Adam(0.02))
    before = model.perplexity(TEXT[2401:2700])["nll"]
    model.fit(TokenStream(TEXT[:2401], 20, 12), verbose=0)
    found = model.perplexity(TEXT[2401:2700], steps=30)["nll"]
    assert found < before - 0.1
    assert abs(found - likelihoods(model, TEXT[2401:2700]).mean()) < 1e-5
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert distance(loaded(TEXT[None, :9]), model(TEXT[None, :9])) == 0
