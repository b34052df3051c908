"""What a model is measured to be: from the shipped file, and written only when asked."""

import json

import numpy as np
import pytest

from keras_rnn import zoo
from keras_rnn.datasets import imdb
from keras_rnn.zoo.evaluation import evaluate
from keras_rnn.zoo.weights import save_float16
from tests.zoo.tiny import REVIEWS_PER_CLASS, metrics


def test_accuracy_and_cross_entropy(entry, reviews):
    test = imdb.load("test", reviews)
    p = zoo.load(entry).predict(test.texts, verbose=0)[:, 0].astype(np.float64)
    result = evaluate(entry, reviews, write=False, verbose=0)
    assert result["split"] == "test"
    assert result["examples"] == 2 * REVIEWS_PER_CLASS
    assert result["accuracy"] == pytest.approx(np.mean((p > 0.5) == test.labels), abs=1e-5)
    expected = -np.log(np.where(test.labels, p, 1 - p)).mean()
    assert result["cross_entropy"] == pytest.approx(expected, abs=1e-5)
    assert result["command"] == "keras-rnn evaluate tiny"
    assert {"hardware", "backend", "versions", "commit", "seconds"} <= set(result)


def test_the_shipped_file_is_measured(entry, reviews):
    (entry / "model.weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        evaluate(entry, reviews, verbose=0)


def test_only_what_is_asked_for_is_written(entry, reviews):
    before = metrics(entry)
    evaluate(entry, reviews, write=False, verbose=0)
    assert metrics(entry) == before
    assert evaluate(entry, reviews, examples=20, write=True, verbose=0)["examples"] == 20
    assert metrics(entry) == before  # a part of the test set is no result
    result = evaluate(entry, reviews, write=True, verbose=0)
    assert metrics(entry) == {**before, "evaluation": result}


def test_certain_and_wrong_is_a_large_number_and_not_infinite(entry, reviews):
    model = zoo.load(entry)
    [*_, bias] = model.trainable_variables
    bias.assign([1000.0])
    path = entry / "metrics.json"
    path.write_text(json.dumps({**metrics(entry), "weights": save_float16(model, entry)}))
    result = evaluate(entry, reviews, write=False, verbose=0)
    assert result["accuracy"] == 0.5
    assert 5 < result["cross_entropy"] < 20
