"""Recipes of language models that train in a second, and a corpus in the folder of the Penn Treebank."""

import contextlib

import numpy as np
import pytest

from keras_rnn.datasets import penn_treebank
from tests.datasets.small_corpora import write_splits
from tests.zoo.tiny import write_entry

WORDS = ["the", "cat", "dog", "sat", "ran", "on", "a", "mat", "<unk>", "N"]
RARE = ["seldom", "once"]  # in each split one time: Kneser-Ney discounts are estimated from such
TYPES = len(WORDS) + len(RARE) + 1  # and the end of a line
LINES = {"train": 60, "validation": 15, "test": 12}
RECIPE = """\
name = "tiny_lm"
title = "Language model of a made-up text"
task = "language modelling"
licence = "Everybody's."

[model]
type = "LanguageModel"
vocabulary_size = 13
embedding_dimension = 4
layers = [
    { type = "LSTM", units = 5, weight_drop = 0.3, initializer_range = 0.2 },
    { type = "GRU", units = 4 },
]
tie_embeddings = true
softmax = { type = "MixtureOfSoftmaxes", experts = 2, latent_size = 4, dropout = 0.1 }
input_dropout = 0.1
hidden_dropout = 0.2
output_dropout = 0.1
embedding_dropout = 0.1
activation_regularization = 0.2
temporal_activation_regularization = 0.1

[data]
dataset = "penn_treebank"

[training]
epochs = 4
batch_size = 3
steps = 12
optimizer = "nt_asgd"
learning_rate = 5.0
variable_steps = true
clip_norm = 1.0
weight_decay = 1e-4
patience = 0
seed = 7

[source]
paper = "No paper."
url = "https://example.org"
reported = "Nobody has tried."
differences = ["made-up text"]
"""
KNESER_NEY = """\
name = "tiny_kn"
title = "Three-grams of a made-up text"
task = "language modelling"
licence = "Everybody's."

[model]
type = "KneserNey"
order = 3
discounts = 1
cache_weight = 0.2
cache_decay = 0.9

[data]
dataset = "penn_treebank"

[source]
paper = "No paper."
url = "https://example.org"
reported = "Nobody has tried."
differences = ["made-up text"]
"""

# Tables [model] of the other kinds, and of a language model with all else that one may have.
MODELS = {
    "tiny_feed_forward": """\
type = "FeedForwardLanguageModel"
vocabulary_size = 13
embedding_dimension = 4
order = 3
units = 5
direct_connections = true
""",
    "tiny_log_bilinear": """\
type = "LogBilinear"
vocabulary_size = 13
embedding_dimension = 4
order = 3
diagonal = true
""",
    "tiny_pointer": """\
type = "PointerSentinel"
vocabulary_size = 13
embedding_dimension = 4
layers = [{ type = "LSTM", units = 4, wrap = [{ type = "Zoneout", rates = [0.1, 0.3] }] }]
window = 7
tie_embeddings = true
""",
    "tiny_characters": """\
type = "LanguageModel"
vocabulary_size = 13
embedding = { type = "CharacterCNN", character_size = 3, filters = [2, 4], highways = 2 }
softmax = { type = "AugmentedSoftmax", alpha = 0.4, temperature = 5.0 }
input_dropout = 0.1
hidden_dropout = 0.2
output_dropout = 0.15
locked = false
embedding_dropout = 0.05
activation_regularization = 0.2
temporal_activation_regularization = 0.3
sum_over_steps = true
initializer_range = 0.2
skip_connections = true

[[model.layers]]
type = "LSTM"
units = 5
weight_drop = 0.3
initializer_range = 0.25
wrap = [{ type = "Mogrifier", rounds = 3, rank = 2 }, { type = "VariationalDropout", recurrent_rate = 0.2 }]

[[model.layers]]
type = "RecurrentHighway"
units = 5
depth = 2
""",
}


def with_model(name, model):
    """The recipe with another name and table [model], trained by Adam."""
    tail = RECIPE[RECIPE.index("[data]") :].replace("nt_asgd", "adam").replace("rate = 5.0", "rate = 0.02")
    return RECIPE[: RECIPE.index("[model]")].replace("tiny_lm", name) + f"[model]\n{model}\n{tail}"


OTHERS = {name: with_model(name, model) for name, model in MODELS.items()}


def changed(old, new, recipe=RECIPE):
    """The recipe with one line in the place of another; fails if the old one is not there."""
    assert recipe.count(old) == 1, old
    return recipe.replace(old, new)


def entry(folder, recipe=RECIPE):
    return write_entry(folder, recipe)


def texts():
    """Lines of words, each likely to be followed by the next one of `WORDS`; each split holds all."""
    random = np.random.default_rng(0)
    made = {}
    for split, lines in LINES.items():
        text = " ".join([*WORDS, *RARE]) + "\n"
        for _ in range(lines - 1):
            k = random.integers(len(WORDS)) + np.cumsum(random.choice([1, 1, 1, 3], random.integers(2, 9)))
            text += " ".join(WORDS[i % len(WORDS)] for i in k) + "\n"
        made[split] = text.encode()
    return made


@contextlib.contextmanager
def corpus(parent):
    """The corpus, and a loader that expects its files."""
    with pytest.MonkeyPatch.context() as patch:
        write_splits(patch, penn_treebank, parent / "ptb", texts())
        yield parent
