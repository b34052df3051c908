"""The recipes of language models: as many parameters as their papers say, and ten steps that learn."""

import keras
import numpy as np
import pytest

from keras_rnn import zoo
from keras_rnn.datasets import TokenStream, Vocabulary
from keras_rnn.zoo import folders
from keras_rnn.zoo.language_model_training import make_optimizer
from keras_rnn.zoo.loader import build_language_model
from keras_rnn.zoo.recipe import read_recipe

# Of each: V, d, units of the layers, whether tied, and what the paper or its program has, in millions.
SIZES = {
    "ptb_lstm_small": (10_000, 200, (200, 200), False, 4.7),
    "ptb_lstm_medium": (10_000, 650, (650, 650), False, 19.8),
    "ptb_lstm_large": (10_000, 1500, (1500, 1500), False, 66.0),
    "ptb_awd_lstm": (10_000, 400, (1150, 1150, 400), True, 24.2),
    "ptb_awd_lstm_mos": (10_000, 280, (960, 960, 620), True, 21.5),
    "shakespeare_char_lstm": (65, 64, (512, 512), False, 3.3),
}
EXPERTS = {"ptb_awd_lstm_mos": 15}
RECIPES = [name for name in zoo.list_models() if zoo.info(name)["recipe"]["model"]["type"] == "LanguageModel"]


def built(name):
    recipe = read_recipe(folders.zoo_folder() / name / "recipe.toml")
    types = [f"w{k}" for k in range(recipe.model.vocabulary_size)]
    if recipe.data.level == "character":
        types = [chr(0x100 + k) for k in range(len(types))]
    vocabulary = Vocabulary(types, recipe.data.level)
    return recipe, build_language_model(recipe, vocabulary, recipe.training.dtype)


def test_every_recipe_is_counted():
    assert set(SIZES) == set(RECIPES)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_parameters_and_ten_steps(name):
    recipe, model = built(name)
    V, d, units, tied, millions = SIZES[name]
    n = (d, *units)
    parameters = V * d + sum(4 * n[k] * (n[k - 1] + n[k] + 1) for k in range(1, len(n))) + V
    K = EXPERTS.get(name)
    if K:  # W_l, b_l and W_p
        parameters += K * (n[-1] * d + d + n[-1])
    parameters += 0 if tied else V * n[-1]
    assert model.count_params() == parameters
    assert round(parameters / 1e6, 1) == millions

    part = recipe.training
    ids = np.random.default_rng(0).integers(0, V, 4 * 6 + 1)
    model.compile(make_optimizer(part))
    before = model.perplexity(ids, batch_size=4)["nll"]
    # A learning rate for four rows of six tokens, which are to be learned by heart.
    model.optimizer.learning_rate = min(part.learning_rate, 0.2 if model.sum_over_steps else 5.0)
    model.fit(TokenStream(ids, 4, 6), epochs=10, verbose=0)
    assert model.perplexity(ids, batch_size=4)["nll"] < before - 0.1
    keras.backend.clear_session()
