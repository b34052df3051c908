"""Every published model is whole: weights, probe, checksum, card; and measured as it says.

Not under tests/zoo, where a miniature corpus takes the place of the real one for the whole folder.
"""

import json
import math
import os
from itertools import combinations

import numpy as np
import pytest

from keras_rnn import zoo
from keras_rnn.files import sha256
from keras_rnn.zoo import card, folders, weights
from keras_rnn.zoo.evaluation import evaluate
from keras_rnn.zoo.language_model_training import probe as likelihoods
from keras_rnn.zoo.loader import build_translator
from keras_rnn.zoo.music import probe as probabilities
from keras_rnn.zoo.pairs import read_tokenizers
from keras_rnn.zoo.recipe import read_recipe
from keras_rnn.zoo.translator_training import probe as translations
from tests.models.small import distance

NAMES = zoo.list_models()
TRAINED = [name for name in NAMES if "weights" in zoo.info(name)["metrics"]]
MEASURED = [name for name in NAMES if "evaluation" in zoo.info(name)["metrics"]]
LARGEST = 52_000_000  # bytes: 25 million parameters
# On all 25,000 test reviews.
FLOORS = {"imdb_bilstm": 0.89, "imdb_lstm": 0.875, "imdb_gru": 0.875, "imdb_simple_rnn": 0.80}
# On all 82,430 test tokens.
CEILINGS = {"ptb_kneser_ney5": 141.5, "ptb_lstm_small": 116.0, "ptb_lstm_medium": 82.7, "ptb_awd_lstm": 68.0}
# Nats for each of the 4,725 steps of the test split.
NATS = {"jsb_gru": 8.6, "jsb_lstm": 8.6}
# Of lower-cased, detokenized text.
BLEU = {
    "anki_en_fr_luong": 33.0,
    "multi30k_de_en_bahdanau": 37.0,
    "multi30k_en_de_bahdanau": 35.0,
    "multi30k_en_de_luong": 35.0,
    "multi30k_en_de_seq2seq": 28.0,
}
OTHERS = {
    *("ptb_lstm_large", "ptb_awd_lstm_mos", "shakespeare_char_lstm"),
    *("copy_memory_exp_rnn", "imdb_orthogonal_rnn", "imdb_simple_rnn_last"),
    *("imdb_bilstm_attention", "imdb_self_attention", "imdb_lm_lstm", "imdb_lstm_pretrained"),
    "multi30k_en_de_transformer",
}
PAIRS = {"multi30k": 1_000, "anki": 3_295}
PREFIXES = {"polymusic": "jsb", "penn_treebank": "ptb", "tiny_shakespeare": "shakespeare"}
TOKENS = {"penn_treebank": 82_430, "tiny_shakespeare": 55_770}


def kind(name):
    return zoo.info(name)["recipe"]["model"]["type"]


CLASSIFIERS = [name for name in TRAINED if kind(name) == "SequenceClassifier"]
LANGUAGE_MODELS = [name for name in TRAINED if kind(name) == "LanguageModel"]
TRANSLATORS = [name for name in TRAINED if kind(name) in ("SequenceToSequence", "Transformer")]
MUSIC = [name for name in TRAINED if kind(name) == "PianoRollModel"]


def folder(name):
    return folders.zoo_folder() / name


def test_the_zoo_holds_what_was_promised():
    assert {*FLOORS, *CEILINGS, *BLEU, *NATS, *OTHERS} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_bears_the_name_of_its_folder_and_is_documented(name):
    recipe = read_recipe(folder(name) / "recipe.toml")
    assert recipe.name == name
    assert name.startswith(PREFIXES.get(recipe.data.dataset, recipe.data.dataset) + "_")
    assert recipe.title and recipe.licence and recipe.source.paper and recipe.source.differences
    assert recipe.source.url.startswith("https://")


def test_no_two_recipes_train_the_same_model():
    recipes = [read_recipe(folder(name) / "recipe.toml") for name in NAMES]
    for one, other in combinations(recipes, 2):
        assert (one.model, one.data) != (other.model, other.data)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in TRAINED and kind(n) != "KneserNey"])
def test_an_entry_without_weights_says_so(name):
    with pytest.raises(ValueError, match=f"a recipe and no trained weights.*`keras-rnn train {name}`"):
        zoo.load(name)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_probe_is_reproduced(name):
    probe = json.loads((folder(name) / folders.PROBE).read_text(encoding="utf-8"))
    p = zoo.load(name).predict([row["text"] for row in probe], verbose=0)
    assert distance(p, [row["output"] for row in probe]) < 1e-4
    assert len(np.unique(p.round(3))) > 2  # or a model that says one thing of all would pass


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_the_likelihoods_of_the_probe_are_reproduced(name):
    probe = json.loads((folder(name) / folders.PROBE).read_text(encoding="utf-8"))
    found = likelihoods(zoo.load(name))
    for row, other in zip(probe, found, strict=True):
        assert row["ids"] == other["ids"]
        assert distance(row["nll"], other["nll"]) < 1e-3


@pytest.mark.parametrize("name", TRANSLATORS)
def test_the_translations_of_the_probe_are_reproduced(name):
    probe = json.loads((folder(name) / folders.PROBE).read_text(encoding="utf-8"))
    for row, other in zip(probe, translations(zoo.load(name)), strict=True):
        assert (row["text"], row["translation"]) == (other["text"], other["translation"])
        assert row["score"] == pytest.approx(other["score"], abs=1e-3)
    assert len({row["translation"] for row in probe}) > 2


@pytest.mark.parametrize("name", MUSIC)
def test_the_music_of_the_probe_is_as_likely_as_it_was(name):
    probe = json.loads((folder(name) / folders.PROBE).read_text(encoding="utf-8"))
    found = probabilities(zoo.load(name))
    assert distance([row["output"] for row in found], [row["output"] for row in probe]) < 1e-4
    assert np.ptp([row["output"] for row in probe]) > 0.5


@pytest.mark.parametrize("name", [name for name in MEASURED if name in MUSIC])
def test_the_measured_likelihood_of_music_is_what_was_asked_for(name):
    measured = zoo.info(name)["metrics"]["evaluation"]
    assert (measured["split"], measured["pieces"], measured["steps"]) == ("test", 77, 4_725)
    assert measured["nll"] <= NATS.get(name, 9.0)


@pytest.mark.parametrize("name", TRAINED)
def test_size_checksum_and_number_of_parameters(name):
    told, path = zoo.info(name)["metrics"]["weights"], folder(name) / weights.FILE
    assert told["sha256"] == sha256(path)
    assert told["bytes"] == path.stat().st_size <= LARGEST
    model = zoo.load(name, weights=False)
    shared = math.prod(model.embedding.embeddings.shape) if "trunk" in told else 0
    assert told["parameters"] + shared == sum(math.prod(v.shape) for v in model.trainable_variables)
    assert model.name == name


def test_the_transformer_is_as_large_as_the_recurrent_model_that_it_is_compared_with():
    ours, theirs = (
        read_recipe(folder(f"multi30k_en_de_{kind}") / "recipe.toml") for kind in ("transformer", "bahdanau")
    )
    tables = ("data", "preprocessing", "decoding")
    assert [getattr(ours, table) for table in tables] == [getattr(theirs, table) for table in tables]
    tokenizers = read_tokenizers(theirs, folder(theirs.name))
    expected = zoo.info(theirs.name)["metrics"]["weights"]["parameters"]
    assert build_translator(ours, *tokenizers).count_params() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_weights_are_those_of_the_whole_training_split(name):
    ledger = zoo.info(name)["metrics"]["training"]
    assert (ledger["examples"], ledger["validation_examples"]) == (25_000, 0)
    assert ledger["epochs"] == zoo.info(name)["recipe"]["training"]["epochs"]
    batch_size = zoo.info(name)["recipe"]["training"]["batch_size"]
    assert ledger["steps"] == ledger["epochs"] * -(-25_000 // batch_size)


@pytest.mark.parametrize("name", [*LANGUAGE_MODELS, *TRANSLATORS, *MUSIC])
def test_a_training_that_was_cut_short_says_so(name):
    ledger, planned = zoo.info(name)["metrics"]["training"], zoo.info(name)["recipe"]["training"]["epochs"]
    done = f"all {planned} epochs of the recipe are done"
    assert (ledger["stopped"] == done) == (ledger["epochs"] == planned)
    assert ledger["stopped"] in card.card(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_generated(name):
    assert (folder(name) / folders.CARD).read_text(encoding="utf-8") == card.card(name)


@pytest.mark.parametrize("name", [name for name in MEASURED if name in CLASSIFIERS])
def test_the_measured_accuracy_is_what_was_asked_for(name):
    measured = zoo.info(name)["metrics"]["evaluation"]
    assert (measured["split"], measured["examples"]) == ("test", 25_000)
    assert measured["accuracy"] >= FLOORS.get(name, 0)


@pytest.mark.parametrize("name", [name for name in MEASURED if name in TRANSLATORS])
def test_the_measured_bleu_is_what_was_reached(name):
    measured = zoo.info(name)["metrics"]["evaluation"]
    pairs = PAIRS[zoo.info(name)["recipe"]["data"]["dataset"]]
    assert (measured["split"], measured["pairs"]) == ("test", pairs)
    assert measured["bleu"] >= BLEU.get(name, 0)
    assert sum(row["sentences"] for row in measured["by_length"]) == pairs
    assert {"case:lc", "tok:13a"} <= set(measured["signature"].split("|"))


def test_attention_is_worth_three_points_and_five_on_the_longest_quarter():
    with_attention, without = (
        zoo.info(f"multi30k_en_de_{name}")["metrics"]["evaluation"] for name in ("bahdanau", "seq2seq")
    )
    assert with_attention["bleu"] >= without["bleu"] + 3
    longest, other = with_attention["by_length"][-1], without["by_length"][-1]
    assert longest["sentences"] == other["sentences"]
    assert longest["bleu"] >= other["bleu"] + 5


@pytest.mark.parametrize("name", [n for n in MEASURED if zoo.info(n)["recipe"]["data"]["dataset"] in TOKENS])
def test_the_measured_perplexity_is_what_was_asked_for(name):
    measured = zoo.info(name)["metrics"]["evaluation"]
    tokens = TOKENS[zoo.info(name)["recipe"]["data"]["dataset"]]
    assert (measured["split"], measured["tokens"]) == ("test", tokens)
    assert measured["perplexity"] <= CEILINGS.get(name, math.inf)
    assert measured["perplexity"] == pytest.approx(math.exp(measured["nll"]), abs=2e-3)


needs_data = pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")


@pytest.mark.data
@needs_data
@pytest.mark.parametrize("name", [name for name in MEASURED if name in CLASSIFIERS])
def test_golden_the_accuracy_is_found_again_on_500_reviews(name):
    p = zoo.info(name)["metrics"]["evaluation"]["accuracy"]
    found = evaluate(name, examples=500, write=False, verbose=0)["accuracy"]
    assert abs(found - p) < 4 * math.sqrt(p * (1 - p) / 500)


@pytest.mark.data
@needs_data
@pytest.mark.parametrize("name", [n for n in MEASURED if n in ("ptb_kneser_ney5", "ptb_lstm_small")])
def test_golden_the_perplexity_is_found_again(name):
    measured = zoo.info(name)["metrics"]["evaluation"]["perplexity"]
    assert evaluate(name, write=False)["perplexity"] == pytest.approx(measured, abs=0.01)


@pytest.mark.data
@needs_data
@pytest.mark.parametrize("name", [name for name in MEASURED if name in NATS])
def test_golden_the_likelihood_of_music_is_found_again(name):
    measured = zoo.info(name)["metrics"]["evaluation"]["nll"]
    assert evaluate(name, write=False)["nll"] == pytest.approx(measured, abs=1e-3)


@pytest.mark.data
@needs_data
@pytest.mark.parametrize("name", [name for name in MEASURED if name in BLEU])
def test_golden_the_bleu_is_found_again(name):
    measured, found = zoo.info(name)["metrics"]["evaluation"], evaluate(name, write=False, verbose=0)
    assert found["bleu"] == pytest.approx(measured["bleu"], abs=0.1)
    assert found["bleu_greedy"] == pytest.approx(measured["bleu_greedy"], abs=0.1)
