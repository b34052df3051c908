"""recipe.toml: what is legal, and how everything else is refused."""

import ast
import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest

from keras_rnn import layers, zoo
from keras_rnn.parametrizations import Orthogonal
from keras_rnn.text import WordTokenizer
from keras_rnn.zoo import model_tables
from keras_rnn.zoo import recipe_tables as recipes
from keras_rnn.zoo.loader import build_classifier
from keras_rnn.zoo.recipe import read_recipe, replace
from keras_rnn.zoo.recipe_layers import make_layer
from tests.zoo.tiny import RECIPE, changed, write_entry


def read(tmp_path, text):
    return read_recipe(write_entry(tmp_path, text) / "recipe.toml")


def test_every_key_is_read_and_what_is_missing_has_its_default(tmp_path):
    recipe = read(tmp_path, RECIPE)
    written, known = tomllib.loads(RECIPE), dataclasses.asdict(recipe)
    for name, value in written.items():
        if isinstance(value, dict):
            assert {key: known[name][key] for key in value} == value
        else:
            assert known[name] == value
    assert (recipe.model.head, recipe.model.outputs, recipe.training.optimizer) == ("bernoulli", 1, "adamw")
    assert recipe.training.clip_norm == 1.0
    assert read(tmp_path, changed("clip_norm = 1.0\n", "")).training.clip_norm is None


def test_a_whole_number_is_a_number(tmp_path):
    rate = read(tmp_path, changed("learning_rate = 0.05", "learning_rate = 1")).training.learning_rate
    assert rate == 1.0
    assert type(rate) is float


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "word_dropout",
            "word_droput",
            r"`word_droput` is no key of \[model\]\. Did you mean `word_dropout`\?",
        ),
        (
            "seed = 7",
            "seed = 7\nzzz = 1",
            r"`zzz` is no key of \[training\]\. Legal are batch_size, clip_norm",
        ),
        ('name = "tiny"', 'nam = "tiny"', r"`nam` is no key of the recipe\. Did you mean `name`\?"),
        ("[data]", "[dta]", r"`dta` is no key of the recipe\. Did you mean `data`\?"),
        ("seed = 7\n", "", r"`seed` is missing in \[training\]"),
        ('name = "tiny"\n', "", "`name` is missing in the recipe"),
        ("epochs = 3", 'epochs = "3"', r"`epochs` in \[training\] must be of type int; received '3'"),
        ("epochs = 3", "epochs = 3.5", r"`epochs` in \[training\] must be of type int; received 3\.5"),
        ("epochs = 3", "epochs = true", r"`epochs` in \[training\] must be of type int; received True"),
        ("dropout = 0.2", "dropout = false", r"`dropout` in \[model\] must be of type float; received False"),
        ('["mean", "max"]', '"mean"', r"`pooling` in \[model\] must be of type list; received 'mean'"),
        ('name = "tiny"', 'name = "tiny"\nmodel = 3', "is not valid TOML"),
        (
            '"GRU"',
            '"GUR"',
            r"`type` in \[\[model.layers\]\] number 1 must be one of GRU, .*LSTM,.*received type='GUR'",
        ),
        ('type = "GRU", ', "", "`type` in .*number 1 must be one of .*; received type=None"),
        ('"GRU"', '"WordDropout"', "received type='WordDropout'"),
        (
            "units = 3",
            "unit = 3",
            r"`unit` is no key of \[\[model.layers\]\] number 1\. Did you mean `units`",
        ),
        ("units = 3", "units = -3", "`units` must be a positive integer; received units=-3"),
        ("units = 3, ", "", r"\[\[model.layers\]\] number 1: .*missing .*'units'"),
        (
            "true }]",
            '"yes" }]',
            r"`bidirectional` in \[\[model.layers\]\] number 1 must be true or false; received 'yes'",
        ),
        (
            '[{ type = "GRU", units = 3, bidirectional = true }]',
            '["GRU"]',
            "number 1 must be a table; received 'GRU'",
        ),
        ("[training]", "[training", "is not valid TOML"),
    ],
)
def test_what_is_refused(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=rf"recipe\.toml(: | is ).*{message}|recipe\.toml {message}"):
        read(tmp_path, changed(old, new))


def test_a_table_where_a_value_belongs_and_the_reverse(tmp_path):
    with pytest.raises(ValueError, match=r"`title` in the recipe must be of type str; received \{'a': 1\}"):
        read(tmp_path, changed('title = "Sentiment of made-up reviews"', "title = { a = 1 }"))
    head, tail = RECIPE.split("[data]")
    without = "data = 3\n" + head + tail[tail.index("[preprocessing]") :]
    with pytest.raises(ValueError, match=r"`data` in the recipe must be a table; received 3"):
        read(tmp_path, without)


def test_a_recipe_that_is_no_utf8(tmp_path):
    (write_entry(tmp_path) / "recipe.toml").write_bytes(RECIPE.encode() + b"# caf\xe9\n")
    with pytest.raises(ValueError, match=r"recipe\.toml is not valid TOML: 'utf-8' codec"):
        read_recipe(tmp_path / "recipe.toml")


def test_overrides(tmp_path):
    recipe = read(tmp_path, RECIPE)
    other = replace(recipe, max_length=None, epochs=9, embedding_dimension=5, learning_rate=1)
    assert other.preprocessing.max_length is None
    assert (other.training.epochs, other.model.embedding_dimension) == (9, 5)
    assert type(other.training.learning_rate) is float
    assert recipe.preprocessing.max_length == 8  # the recipe itself stays
    assert dataclasses.asdict(replace(recipe)) == dataclasses.asdict(recipe)


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (
            {"max_lenght": 3},
            ValueError,
            "`max_lenght` is no key of .*; received max_lenght=3.*Legal are.*max_length",
        ),
        (
            {"dataset": "x"},
            ValueError,
            "`dataset` is no key of the recipe's model, preprocessing or training",
        ),
        (
            {"max_length": "all"},
            TypeError,
            r"\[preprocessing\] max_length must be of type int; received 'all'",
        ),
        ({"epochs": None}, TypeError, r"\[training\] epochs must be of type int; received None"),
    ],
)
def test_overrides_that_are_refused(tmp_path, overrides, error, message):
    with pytest.raises(error, match=message):
        replace(read(tmp_path, RECIPE), **overrides)


def test_a_layer_of_a_recipe_is_that_layer():
    layer = make_layer({"type": "LSTM", "units": 5, "unit_forget_bias": False}, "a test")
    assert type(layer) is layers.LSTM
    assert layer.get_config()["unit_forget_bias"] is False
    assert layer.return_sequences
    both = make_layer({"type": "SimpleRNN", "units": 5, "bidirectional": True}, "a test")
    assert type(both) is layers.Bidirectional
    assert type(both.forward_layer) is layers.SimpleRNN
    assert both.return_sequences


def test_the_makers_of_a_simple_rnn_take_what_it_takes():
    table = {"type": "ScaledCayleyRNN", "units": 4, "negative": 1, "recurrent_dropout": 0.25}
    layer = make_layer(table, "a test")
    assert type(layer) is layers.SimpleRNN and layer.return_sequences
    assert layer.cell.recurrent_parametrization == Orthogonal("cayley")
    assert layer.cell.recurrent_dropout == 0.25 and layer.cell.recurrent_initializer.negative == 1
    with pytest.raises(ValueError, match=r"`negativ` is no key of a test\. Did you mean `negative`"):
        make_layer({"type": "ScaledCayleyRNN", "units": 4, "negativ": 1}, "a test")
    wrapped = make_layer({"type": "ExpRNN", "units": 4, "weight_drop": 0.5}, "a test")
    assert type(wrapped.cell) is layers.WeightDrop
    assert wrapped.cell.cell.recurrent_parametrization == Orthogonal("matrix_exp")


def test_self_attention_stands_among_the_layers_of_a_classifier(tmp_path):
    block = '{ type = "SelfAttentionBlock", heads = 2, feed_forward = 5, rotary = true }'
    text = changed('{ type = "GRU", units = 3, bidirectional = true }', block)
    text = text.replace('pooling = ["mean", "max"]', "attention_pooling = { units = 3, hops = 2 }")
    recipe = read(tmp_path, text)
    model = build_classifier(recipe, WordTokenizer(["a", "film"]))
    [layer] = model.recurrent_layers
    assert (type(layer), layer.heads, layer.rotary) == (layers.SelfAttentionBlock, 2, True)
    assert (type(model.pooling), model.pooling.hops) == (layers.AttentionPooling, 2)
    assert model(np.array([[2, 3, 0]])).shape == (1, 1)
    for old, new, message in (
        (
            "hops = 2",
            "hopes = 2",
            r"`hopes` is no key of `attention_pooling` in \[model\]\. Did you mean `hops`",
        ),
        ("heads = 2", "heads = 0", r"\[\[model.layers\]\] number 1: `heads` must be a positive integer"),
    ):
        with pytest.raises(ValueError, match=message):
            read(tmp_path, text.replace(old, new))


TABLES = {
    "ClassifierModel": {"card.py", "loader.py", "classifier_card.py"},
    "ExamplesRecipe": {"classifier_training.py"},
    "PreprocessingRecipe": {"loader.py", "classifier_training.py"},
    "ClassifierTraining": {"classifier_training.py"},
    "WordVectorsRecipe": {"word_vectors.py"},
    "PretrainedRecipe": {"classifier_training.py", "pretraining.py"},
    "SourceRecipe": {"card.py"},
    "Recipe": {"card.py"},
    "ClassifierRecipe": {"card.py", "loader.py", "classifier_training.py"},
    "CorpusRecipe": {"corpora.py"},
    "LanguageModelTraining": {"language_model_training.py", "training.py"},
    "KneserNeyModel": {"card.py", "kneser_ney.py"},
    "KneserNeyRecipe": {"card.py", "kneser_ney.py"},
}
TABLES |= {
    "PairsRecipe": {"pairs.py"},
    "SubwordsRecipe": {"pairs.py", "translator_card.py"},
    "TranslatorTraining": {"translator_training.py", "translator_card.py"},
    "DecodingRecipe": {"translator_card.py"},
}
TRANSLATORS = ("TranslatorRecipe", "SequenceToSequenceRecipe", "TransformerRecipe")
TABLES |= {
    name: {"card.py", "loader.py", "translator_training.py", "translator_evaluation.py"}
    for name in TRANSLATORS
}
TABLES |= {
    "CopyMemoryModel": {"copy_memory.py", "card.py"},
    "CopyMemoryData": {"copy_memory.py", "folders.py"},
    "CopyMemoryTraining": {"copy_memory.py"},
    "MusicRecipe": {"music.py"},
    "PianoRollTraining": {"music.py", "music_card.py"},
    "PianoRollRecipe": {"card.py", "music.py", "music_card.py"},
    "CopyMemoryRecipe": {"card.py", "copy_memory.py", "copy_memory_card.py"},
}
NEURAL = (
    "NeuralRecipe",
    "LanguageModelRecipe",
    "PointerSentinelRecipe",
    "FeedForwardRecipe",
    "LogBilinearRecipe",
)
TABLES |= {name: {"card.py", "loader.py"} for name in NEURAL}
# Their keys are arguments of the models, and handed on.
HANDED_ON = {
    "LanguageModelCore",
    "PointerSentinelCore",
    "FeedForwardCore",
    "LogBilinearCore",
    "PianoRollCore",
    "TransformerCore",
    "TranslatorCore",
}


@pytest.mark.parametrize("table", TABLES)
def test_no_key_of_a_recipe_is_ignored(table):
    # Each is read by the code that it is there for, beyond the reading of the file itself.
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in Path(zoo.__file__).parent.glob("*.py")
        if path.name in TABLES[table]
    ]
    used = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    keys = {field.name for field in dataclasses.fields(getattr(recipes, table))}
    assert keys
    assert keys - used == set()


def test_every_table_is_looked_at():
    every = {**vars(recipes), **vars(model_tables)}
    assert {*TABLES, *HANDED_ON} == {name for name, value in every.items() if dataclasses.is_dataclass(value)}
