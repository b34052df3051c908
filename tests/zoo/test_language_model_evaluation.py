"""What a language model is measured to be: over all tokens of a split, from the shipped file."""

import dataclasses
import functools

import numpy as np
import pytest
from keras import ops

from keras_rnn import zoo
from keras_rnn.datasets import TokenStream, penn_treebank
from keras_rnn.layers import LSTM
from keras_rnn.models import (
    LanguageModel,
    cache_perplexity,
    choose_cache,
    choose_dynamic,
    dynamic_perplexity,
    gradient_statistics,
)
from keras_rnn.zoo.adaptive_evaluation import METHODS, RMS_DECAYS, RMS_RATES, SGD_DECAYS, SGD_RATES
from keras_rnn.zoo.data_tables import CorpusRecipe
from keras_rnn.zoo.evaluation import evaluate
from keras_rnn.zoo.folders import read_entry
from keras_rnn.zoo.language_model_evaluation import measure
from tests.zoo import tiny_corpus
from tests.zoo.tiny import metrics


@pytest.mark.parametrize("split", ["validation", "test"])
def test_every_token_counts_once_in_one_stream(lm_entry, text, split):
    model, corpus = zoo.load(lm_entry), penn_treebank.load(split, text)
    result = evaluate(lm_entry, text, write=False, split=split)
    ids = np.append(corpus.vocabulary.end, corpus.tokens)
    log_p = ops.convert_to_numpy(model(ids[None, :-1]))[0].astype("float64")
    nll = -log_p[np.arange(len(corpus)), corpus.tokens]
    assert (result["split"], result["tokens"]) == (split, len(corpus.tokens))
    assert result["nll"] == pytest.approx(nll.mean(), abs=1e-5)
    assert result["perplexity"] == pytest.approx(np.exp(nll.mean()), abs=1e-3)
    assert result["command"] == "keras-rnn evaluate tiny_lm" + (
        " --split validation" if split != "test" else ""
    )
    assert {"hardware", "backend", "versions", "commit", "seconds"} <= set(result)


def test_characters_are_measured_in_bits_too(lm_entry, text):
    assert "bits_per_character" not in evaluate(lm_entry, text, write=False)
    _, recipe, _ = read_entry(lm_entry)
    corpus = penn_treebank.load("test", text, level="character")
    model = LanguageModel(len(corpus.vocabulary), [LSTM(3)], 4)
    model.vocabulary = corpus.vocabulary
    of_characters = dataclasses.replace(recipe, data=CorpusRecipe("penn_treebank", "character"))
    result = measure(of_characters, model, "test", text)
    assert result["tokens"] == len(corpus.tokens)
    assert 2 ** result["bits_per_character"] == pytest.approx(result["perplexity"], rel=1e-4)


def test_pieces_change_nothing(lm_entry, text, monkeypatch):
    whole = evaluate(lm_entry, text, write=False)["nll"]
    monkeypatch.setattr("keras_rnn.zoo.language_model_evaluation.STEPS", 7)
    assert evaluate(lm_entry, text, write=False)["nll"] == pytest.approx(whole, abs=2e-6)


def test_each_split_is_written_in_its_place(lm_entry, text):
    before = metrics(lm_entry)
    evaluate(lm_entry, text, write=False)
    assert metrics(lm_entry) == before
    test = evaluate(lm_entry, text, write=True)
    valid = evaluate(lm_entry, text, write=True, split="validation")
    assert metrics(lm_entry) == {**before, "evaluation": test, "validation": valid}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_settings_of_the_validation_split(lm_entry, text, monkeypatch, method):
    monkeypatch.setattr("keras_rnn.zoo.adaptive_evaluation.PART", 40)
    before = metrics(lm_entry)
    result = evaluate(lm_entry, text, write=True, verbose=0, method=method)
    assert metrics(lm_entry) == {**before, f"test {method}": result}
    assert result["command"] == f"keras-rnn evaluate tiny_lm --method {method}"
    model = zoo.load(lm_entry)
    splits = {split: penn_treebank.load(split, text) for split in ("train", "validation", "test")}
    ids = {split: np.append(corpus.vocabulary.end, corpus.tokens) for split, corpus in splits.items()}
    if method == "cache":
        best, perplexity = choose_cache(model, ids["validation"])[0], cache_perplexity
    else:
        squares = gradient_statistics(model, TokenStream(ids["train"], 100, 5)) if "rms" in method else None
        perplexity = functools.partial(dynamic_perplexity, statistics=squares)
        tried = {"sgd": (SGD_RATES, SGD_DECAYS), "rms": (RMS_RATES, RMS_DECAYS)}[method[-3:]]
        trials = choose_dynamic(model, ids["validation"], *tried, squares, part=40)
        middle = [t for t in trials if t["settings"]["decay"] == tried[1][len(tried[1]) // 2]]
        rate = middle[0]["settings"]["learning_rate"]  # trials come best first
        best = next(t for t in trials if t["settings"]["learning_rate"] == rate)
    assert result["settings"] == best["settings"]
    assert result["nll"] == pytest.approx(perplexity(model, ids["test"], **best["settings"])["nll"], abs=2e-6)
    assert result["tokens"] == len(splits["test"].tokens)


def test_the_shipped_file_is_measured(lm_entry, text):
    (lm_entry / "model.weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        evaluate(lm_entry, text)


def test_a_kneser_ney_model(tmp_path, text):
    result = evaluate(
        tiny_corpus.entry(tmp_path / "kn", tiny_corpus.KNESER_NEY), text, write=False, split="validation"
    )
    ids = penn_treebank.load("validation", text).tokens
    assert result["tokens"] == len(ids)
    assert result["nll"] == pytest.approx(np.log(result["perplexity"]), abs=1e-4)
    assert result["perplexity"] != result["perplexity_with_cache"]


def test_what_is_refused(lm_entry, entry, text, reviews):
    with pytest.raises(ValueError, match=r"`split` must be one of .*'validation'.*; received split='valid'"):
        evaluate(lm_entry, text, split="valid")
    with pytest.raises(ValueError, match="`split` must be 'test' for a classifier; received split='train'"):
        evaluate(entry, reviews, split="train")
    with pytest.raises(ValueError, match="`examples` must be left out for a LanguageModel"):
        evaluate(lm_entry, text, examples=20)
    with pytest.raises(ValueError, match=r"`method` must be one of \('cache', .*received method='dynamic'"):
        evaluate(lm_entry, text, method="dynamic")
    with pytest.raises(ValueError, match=r"or 'beam', of a translator; .* a SequenceClassifier"):
        evaluate(entry, reviews, method="cache")


def test_a_corpus_with_other_words_is_refused(lm_entry, text):
    words = (lm_entry / "assets" / "vocabulary.txt").read_text().splitlines()
    (lm_entry / "assets" / "vocabulary.txt").write_text("\n".join(words[::-1]) + "\n")
    with pytest.raises(ValueError, match="The corpus penn_treebank has another vocabulary than tiny_lm"):
        evaluate(lm_entry, text)
