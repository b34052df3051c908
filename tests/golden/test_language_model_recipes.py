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


def stack(V, d, units, tied=False):
    """Embedding, LSTMs and softmax."""
    n = (d, *units)
    lstms = sum(4 * n[k] * (n[k - 1] + n[k] + 1) for k in range(1, len(n)))
    return V * d + lstms + V + (0 if tied else V * n[-1])


def mixture(d, n, K):
    """W_l, b_l and W_p of K softmaxes."""
    return K * (n * d + d + n)


def adaptive(d, head, clusters):
    """The matrices of an adaptive softmax, and the biases of its clusters in the head."""
    of_clusters = sum((d + s) * (d // 4**j) for j, s in enumerate(clusters, start=1))
    return (head + len(clusters)) * d + len(clusters) + of_clusters


def character_cnn(characters, filters, highways):
    """Characters of 15 dimensions, one width for each number of filters."""
    f = sum(filters)
    convolutions = sum(k * (15 * w + 1) for w, k in enumerate(filters, start=1))
    return 15 * characters + convolutions + highways * 2 * f * (f + 1)


LARGE = [50, 100, 150, 200, 200, 200, 200]
# Of each: V; parameters by formula; millions, as the paper, its program or its readers have them.
SIZES = {
    "ptb_lstm_small": (10_000, stack(10_000, 200, (200, 200)), 4.7),
    "ptb_lstm_medium": (10_000, stack(10_000, 650, (650, 650)), 19.8),
    "ptb_lstm_large": (10_000, stack(10_000, 1500, (1500, 1500)), 66.0),
    "ptb_awd_lstm": (10_000, stack(10_000, 400, (1150, 1150, 400), True), 24.2),
    "ptb_awd_lstm_mos": (
        10_000,
        stack(10_000, 280, (960, 960, 620), True) + mixture(280, 620, 15),
        21.5,
    ),
    "shakespeare_char_lstm": (65, stack(65, 64, (512, 512)), 3.3),
    # These two, the simple network and that of film reviews have the sizes that are chosen here.
    "ptb_feed_forward": (10_000, 10_000 * (100 + 200 + 1) + 200 * (4 * 100 + 1), 3.1),
    "ptb_log_bilinear": (10_000, 10_000 * (100 + 1) + 5 * 100**2, 1.1),
    "ptb_recurrent_nnlm": (10_000, 10_000 * (2 * 200 + 1) + 2 * 200**2, 4.1),
    "ptb_variational_lstm": (10_000, stack(10_000, 650, (650, 650)), 19.8),
    # An embedding of no words. The paper has 19 millions.
    "ptb_char_cnn_lstm": (
        10_000,
        character_cnn(50, LARGE, 2) + stack(10_000, sum(LARGE), (650, 650)) - 10_000 * sum(LARGE),
        19.4,
    ),
    # The paper has 21 millions.
    "ptb_pointer_sentinel": (10_000, stack(10_000, 650, (650, 650)) + 650**2 + 2 * 650, 20.2),
    "ptb_augmented_lstm": (10_000, stack(10_000, 650, (650, 650), True), 13.3),
    "ptb_variational_rhn": (10_000, 10_000 * (830 + 1) + 2 * 830 * (830 + 10 * (830 + 1)), 23.5),
    "ptb_skip_lstm": (10_000, stack(10_000, 950, (950, 950), True), 24.0),
    "ptb_mogrifier_lstm": (
        10_000,
        stack(10_000, 912, (912, 912), True) + 2 * 5 * 84 * (912 + 912),
        24.0,
    ),
    "ptb_char_lstm": (50, stack(50, 200, (1000, 1000, 200), True), 13.8),
    "imdb_lm_lstm": (
        30_000,
        stack(30_000, 300, (768,), True) + adaptive(768, 2_000, (8_000, 20_000)),
        16.5,
    ),
}
RECIPES = [name for name in zoo.list_models() if "training" in zoo.info(name)["recipe"]]
RECIPES = [name for name in RECIPES if zoo.info(name)["recipe"]["task"] == "language modelling"]


def words(count):
    """Of 48 characters, as those of the Penn Treebank are, and each with another spelling."""
    letters = [chr(0x430 + k) for k in range(48)]  # the small letters of Cyrillic
    return [letters[k % 48] + letters[k // 48 % 48] + letters[k // 48**2] for k in range(count)]


def built(name):
    recipe = read_recipe(folders.zoo_folder() / name / "recipe.toml")
    types = words(recipe.model.vocabulary_size)
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
    V, parameters, millions = SIZES[name]
    assert model.count_params() == parameters
    assert round(parameters / 1e6, 1) == millions

    part = recipe.training
    ids = np.random.default_rng(0).integers(0, V, 4 * 6 + 1)
    model.compile(make_optimizer(part))
    before = model.perplexity(ids, batch_size=4)["nll"]
    # A learning rate for four rows of six tokens, which are to be learned by heart.
    rate = min(part.learning_rate, 0.2 if model.sum_over_steps else 5.0)
    model.optimizer.learning_rate = 0.01 if part.optimizer == "adam" else rate
    model.fit(TokenStream(ids, 4, 6), epochs=10, verbose=0)
    assert model.perplexity(ids, batch_size=4)["nll"] < before - 0.1
    keras.backend.clear_session()
