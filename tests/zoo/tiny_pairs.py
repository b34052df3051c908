"""Recipes of translators that train in seconds, and sentence pairs in the place of Multi30k."""

import contextlib

import pytest

from keras_rnn.zoo import pairs
from tests.models.small_translation import text
from tests.zoo.tiny import write_entry

SIZES = {"train": 300, "validation": 20, "test": 15}
RECIPE = """\
name = "tiny_en_de"
title = "Numbers, backwards in German"
task = "translation"
licence = "Everybody's."

[model]
type = "SequenceToSequence"
embedding_dimension = 12
encoder = [{ type = "GRU", units = 8, bidirectional = true }]
decoder = [{ type = "LSTM", units = 10 }, { type = "GRU", units = 9 }]
attention = { type = "BahdanauAttention", units = 7, normalize = true }
order = "before"
attentional_units = 12
tie_embeddings = true
embedding_dropout = 0.05
output_dropout = 0.05
label_smoothing = 0.1

[data]
dataset = "multi30k"
source = "en"
target = "de"

[preprocessing]
vocabulary_size = 50

[training]
epochs = 5
batch_size = 20
learning_rate = 0.02
warmup_steps = 10
weight_decay = 1e-4
clip_norm = 1.0
average = 0.9
seed = 7

[decoding]
beam_size = 3
length_penalty = 0.5

[source]
paper = "No paper."
url = "https://example.org"
reported = "Nobody has tried."
differences = ["made-up sentences"]
"""
WITHOUT = (
    RECIPE.replace('attention = { type = "BahdanauAttention", units = 7, normalize = true }\n', "")
    .replace('order = "before"\nattentional_units = 12\ntie_embeddings = true\n', "")
    .replace("vocabulary_size = 50", "vocabulary_size = 40\njoint = false")
    .replace("epochs = 5", "epochs = 2\nsampling = 0.1")
    .replace("tiny_en_de", "tiny_blind")
)
# The model of blocks in the place of the recurrent one.
TRANSFORMER = f"""{RECIPE[: RECIPE.index("[model]")]}[model]
type = "Transformer"
units = 16
encoder_blocks = 2
decoder_blocks = 1
heads = 2
dropout = 0.05
tie_embeddings = true
label_smoothing = 0.1

{RECIPE[RECIPE.index("[data]") :]}""".replace("tiny_en_de", "tiny_blocks").replace("epochs = 5", "epochs = 2")


def entry(folder, recipe=RECIPE):
    return write_entry(folder, recipe)


def load(split, source, target, path=None):
    """What `multi30k.load` is asked for."""
    assert (source, target) == ("en", "de")
    return text(SIZES[split], seed=list(SIZES).index(split))


@contextlib.contextmanager
def corpus():
    """These pairs under the name of the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(pairs.PAIRS, "multi30k", load)
        yield
