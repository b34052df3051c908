"""Recipes of language models: what each kind may say, and what is told of what it may not."""

import dataclasses

import pytest

from keras_rnn import layers
from keras_rnn.datasets import Vocabulary
from keras_rnn.zoo import recipe_tables as recipes
from keras_rnn.zoo.loader import build_language_model
from keras_rnn.zoo.recipe import read_recipe, replace
from keras_rnn.zoo.recipe_layers import make_embedding, make_layer, make_softmax
from tests.zoo import tiny_corpus
from tests.zoo.tiny import write_entry


def read(tmp_path, text):
    return read_recipe(write_entry(tmp_path, text) / "recipe.toml")


@pytest.mark.parametrize("name", tiny_corpus.OTHERS)
def test_every_key_of_a_neural_model_is_handed_on(tmp_path, name):
    recipe = read(tmp_path, tiny_corpus.OTHERS[name])
    part = recipe.model
    types = ["<eos>", *"abcdefghijkl"]
    config = build_language_model(recipe, Vocabulary(types)).get_config()
    made = {"type", "layers", "embedding_dimension", "embedding", "softmax"}
    plain = {f.name: f.default for f in dataclasses.fields(part) if f.name not in made}
    assert {key: config[key] for key in plain} == {key: getattr(part, key) for key in plain}
    if name != "tiny_pointer":  # the keys of its language model are those of tiny_characters
        assert [key for key, default in plain.items() if getattr(part, key) == default] == (
            ["tie_embeddings"] if name == "tiny_characters" else []
        )


def test_a_language_model_has_tables_of_its_own(tmp_path):
    recipe = read(tmp_path, tiny_corpus.RECIPE)
    assert type(recipe) is recipes.LanguageModelRecipe
    assert (recipe.training.optimizer, recipe.training.steps, recipe.data.level) == ("nt_asgd", 12, "word")
    assert replace(recipe, epochs=9, hidden_dropout=0).model.hidden_dropout == 0.0
    counted = read(tmp_path, tiny_corpus.KNESER_NEY)
    assert type(counted) is recipes.KneserNeyRecipe
    assert replace(counted, order=4).model.order == 4
    with pytest.raises(ValueError, match="`epochs` is no key of the recipe's model; received epochs=3"):
        replace(counted, epochs=3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "input_dropout",
            "input_droput",
            r"`input_droput` is no key of \[model\]. Did you mean `input_dropout`",
        ),
        ("input_dropout = 0.1", "pooling = 0.1", r"`pooling` is no key of \[model\]\. Legal are "),
        ("steps = 12\n", "", r"`steps` is missing in \[training\]"),
        ("patience = 0", "max_length = 3", r"`max_length` is no key of \[training\]"),
        ("[training]", "[preprocessing]", "`preprocessing` is no key of the recipe"),
        ("weight_drop = 0.3", "weight_drop = 3", "number 1: `rate` must be a share in"),
        ("weight_drop", "wieght_drop", "`wieght_drop` is no key of .*number 1. Did you mean `weight_drop`"),
        ('"MixtureOfSoftmaxes"', '"LSTM"', r"`type` in `softmax` in \[model\] must be one of .*FullSoftmax"),
        (
            "experts = 2",
            "expert = 2",
            r"`expert` is no key of `softmax` in \[model\]. Did you mean `experts`",
        ),
        ("experts = 2", "experts = -2", r"`softmax` in \[model\]: `experts` must be a positive integer"),
        (
            '"LanguageModel"',
            '"LanguageModle"',
            r"`type` in \[model\] must be one of 'CopyMemory', 'FeedForwardLanguageModel', "
            "'KneserNey', 'LanguageModel', 'LogBilinear', 'PianoRollModel', 'PointerSentinel', "
            "'SequenceClassifier', 'SequenceToSequence', 'Transformer'; received "
            r"type='LanguageModle'\. Did you mean `LanguageModel`",
        ),
        (
            "embedding_dimension = 4\n",
            "",
            r"\[model\] must have .*; received embedding_dimension=None, .*None",
        ),
        (
            "embedding_dimension = 4",
            "embedding_dimension = 4\nwindow = 3",
            r"`window` is no key of \[model\]",
        ),
        (
            '"GRU", units = 4',
            '"GRU", units = 4, wrap = "Zoneout"',
            r"`wrap` in .*number 2 must be a list of tab",
        ),
        ('"GRU", units = 4', '"GRU", units = 4, wrap = ["Zoneout"]', r"`wrap` in .*number 2 must be a table"),
    ],
)
def test_what_is_refused_of_a_language_model(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, tiny_corpus.changed(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "tiny_characters",
            '"Mogrifier"',
            '"Mogrifer"',
            r"`type` in `wrap` in \[\[model.layers\]\] number 1 must be one of .*Zoneout; received "
            r"type='Mogrifer'\. Did you mean `Mogrifier`\?",
        ),
        ("tiny_characters", '"Mogrifier"', '"GRU"', "one of .*Zoneout; received type='GRU'"),
        (
            "tiny_characters",
            "rounds = 3",
            "round = 3",
            r"`round` is no key of `wrap` in \[\[model.layers\]\] number 1\. Did you mean `rounds`\?",
        ),
        ("tiny_characters", "rounds = 3", "cell = 3", r"`cell` is no key of `wrap`"),
        ("tiny_characters", "rounds = 3", "rounds = 0", "number 1: `rounds` must be a positive integer"),
        ("tiny_characters", "recurrent_rate = 0.2", "recurrent_rate = 2", "number 1: `recurrent_rate` must"),
        (
            "tiny_characters",
            '"CharacterCNN"',
            '"CNN"',
            r"`type` in `embedding` in \[model\] must be one of Char",
        ),
        (
            "tiny_characters",
            "highways = 2",
            "highway = 2",
            r"`highway` is no key of `embedding` in \[model\]\. Did you mean `highways`\?",
        ),
        ("tiny_characters", "highways = 2", 'words = ["a"]', r"`words` is no key of `embedding`"),
        ("tiny_characters", "highways = 2", "highways = -2", r"`embedding` in \[model\]: `highways` must be"),
        (
            "tiny_characters",
            "input_dropout = 0.1",
            "embedding_dimension = 4",
            r"\[model\] must have `embedding_dimension` or the table `embedding`, one of the two; received "
            r"embedding_dimension=4, embedding=\{",
        ),
        ("tiny_characters", "skip_connections", "skip_conections", "Did you mean `skip_connections`"),
        (
            "tiny_feed_forward",
            "units = 5",
            "unit = 5",
            r"`unit` is no key of \[model\]. Did you mean `units`",
        ),
        ("tiny_feed_forward", "order = 3\n", "", r"`order` is missing in \[model\]"),
        ("tiny_feed_forward", "units = 5", "diagonal = true", r"`diagonal` is no key of \[model\]"),
        (
            "tiny_log_bilinear",
            "diagonal",
            "diagonl",
            r"`diagonl` is no key of \[model\]. Did you mean `diagonal`",
        ),
        (
            "tiny_log_bilinear",
            "order = 3",
            'order = "3"',
            r"`order` in \[model\] must be of type int; received '3'",
        ),
        ("tiny_pointer", "window = 7", "windows = 7", "`windows` is no key .* Did you mean `window`"),
        ("tiny_pointer", "rates =", "rate =", "`rate` is no key of `wrap` in .* Did you mean `rates`"),
        ("tiny_pointer", "[0.1, 0.3]", "[0.1]", r"number 1: `rates` must be a number or a list of 2"),
    ],
)
def test_what_is_refused_of_other_kinds(tmp_path, name, old, new, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, tiny_corpus.changed(old, new, tiny_corpus.OTHERS[name]))


def test_weight_drop_and_the_range_of_a_layer():
    table = {"type": "LSTM", "units": 40, "unit_forget_bias": False, "initializer_range": 0.25}
    layer = make_layer({**table, "weight_drop": 0.5}, "a test", "mixed_bfloat16")
    assert type(layer) is layers.Recurrent
    assert type(layer.cell) is layers.WeightDrop
    assert (layer.cell.rate, type(layer.cell.cell)) == (0.5, layers.LSTMCell)
    assert layer.compute_dtype == layer.cell.cell.compute_dtype == "bfloat16"
    other = make_layer(table, "a test")
    for made in (layer, other):
        made.build((None, None, 40))
        kernel, recurrent_kernel, bias = (w.numpy() for w in made.trainable_variables)
        for w in (kernel, recurrent_kernel, bias):
            assert 0.2 < abs(w).max() <= 0.25
            assert w.min() < 0 < w.max()
        assert abs(kernel - recurrent_kernel).max() > 0.1  # not the same numbers twice


def test_the_softmax_of_a_table():
    table = {"type": "MixtureOfSoftmaxes", "experts": 3, "latent_size": 4}
    softmax = make_softmax(table, 20, True, "a test", "mixed_bfloat16")
    assert (softmax.vocabulary_size, softmax.experts, softmax.tied) == (20, 3, True)
    assert softmax.compute_dtype == "bfloat16"
    assert make_softmax({"type": "AdaptiveSoftmax", "cutoffs": [4]}, 20, False, "a test").cutoffs == [4]
    assert make_softmax(None, 20, True, "a test") is None


def test_the_wrappers_of_a_cell():
    mogrifier = {"type": "Mogrifier", "rounds": 2, "rank": 3}
    dropout = {"type": "VariationalDropout", "recurrent_rate": 0.25}
    table = {"type": "LSTM", "units": 40, "unit_forget_bias": False, "initializer_range": 0.25}
    layer = make_layer(
        {**table, "weight_drop": 0.5, "wrap": [mogrifier, dropout]}, "a test", "mixed_bfloat16"
    )
    outside, gated = layer.cell, layer.cell.cell
    assert (type(layer), layer.return_sequences) == (layers.Recurrent, True)
    assert (type(outside), outside.recurrent_rate) == (layers.VariationalDropout, 0.25)
    assert (type(gated), gated.rounds, gated.rank) == (layers.Mogrifier, 2, 3)
    assert (type(gated.cell), gated.cell.rate) == (layers.WeightDrop, 0.5)
    assert type(gated.cell.cell) is layers.LSTMCell
    assert {cell.compute_dtype for cell in (outside, gated, gated.cell.cell)} == {"bfloat16"}
    layer.build((None, None, 40))
    for weight in outside.innermost.weights:
        assert 0.2 < abs(weight.numpy()).max() <= 0.25
    assert type(make_layer({**table, "wrap": []}, "a test")) is layers.LSTM
    both = make_layer({**table, "wrap": [dropout], "bidirectional": True}, "a test")
    assert type(both.backward_layer.cell) is layers.VariationalDropout


def test_the_embedding_of_a_table():
    table = {"type": "CharacterCNN", "filters": [2, 3], "highways": 0}
    embedding = make_embedding(table, None, ["cat", "dog"], "a test", "mixed_bfloat16")
    assert (embedding.words, embedding.filters, embedding.highways) == (["cat", "dog"], [2, 3], 0)
    assert embedding.compute_dtype == "bfloat16"
    assert make_embedding(None, 7, ["cat", "dog"], "a test") == 7
