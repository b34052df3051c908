"""A network of the zoo on the copying task: trained, resumed, measured, told of."""

import json

import keras
import numpy as np
import pytest

from keras_rnn import zoo
from keras_rnn.datasets import copy_memory
from keras_rnn.experiments import training as experiment
from keras_rnn.parametrizations import Orthogonal
from keras_rnn.zoo import card, copy_memory_card, folders, publish, training
from keras_rnn.zoo.copy_memory import probe
from keras_rnn.zoo.evaluation import evaluate
from tests.models.small import distance

RECIPE = """
name = "tiny_copy"
title = "Tiny"
task = "copying"
licence = "None."

[model]
type = "CopyMemory"
network = "exp_rnn"
units = 8

[data]
dataset = "copy_memory"
delay = 3

[training]
epochs = 2
batch_size = 4
seed = 1

[source]
paper = "None"
url = "https://example.org"
reported = "Nothing."
differences = ["all"]
"""


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "EVERY", 3)
    monkeypatch.setattr(experiment, "HELD_OUT_ROWS", 6)
    (tmp_path / "tiny_copy").mkdir()
    (tmp_path / "tiny_copy" / "recipe.toml").write_text(RECIPE)
    return tmp_path / "tiny_copy"


def train(source, output, **options):
    return training.train(source, output, report=lambda line: None, verbose=0, **options)


def test_from_recipe_to_card(source, tmp_path, monkeypatch):
    trained = train(source, tmp_path / "run")
    model = zoo.load(tmp_path / "run")
    ids, _ = copy_memory.sample(5, 3, np.random.default_rng(0))
    scores = model.predict(ids, verbose=0)
    assert scores.shape == (5, 23, 9)
    assert 0 < distance(scores, trained.predict(ids, verbose=0)) < 1e-2  # 16 bits on disk
    found = evaluate(tmp_path / "run")
    rows, symbols = copy_memory.sample(1000, 3, np.random.default_rng([0, 0, 1997]))
    p = model.predict(rows, verbose=0)
    p = p - np.log(np.exp(p).sum(axis=-1, keepdims=True))
    expected = -np.take_along_axis(p, symbols[..., None], axis=-1).mean()
    assert found["cross_entropy"] == pytest.approx(expected, rel=1e-4)
    assert found["accuracy"] == pytest.approx((p.argmax(-1) == symbols)[:, -10:].mean())
    assert json.loads((tmp_path / "run" / "probe.json").read_text()) == probe(model)
    history = json.loads((tmp_path / "run" / "metrics.json").read_text())["training"]
    assert (history["rows"], history["steps"], history["epochs"]) == (24, 6, 2)
    assert history["final"]["deviation"] < 2e-6

    for module in (folders, card, publish):
        monkeypatch.setattr(module, "zoo_folder", lambda: source.parent)
    publish.publish(tmp_path / "run")
    evaluate(source)
    text = card.card("tiny_copy")
    assert (
        f"| 3 | 1,000 | {found['accuracy']:.2%} |" in text
        and "0.1 times that for `recurrent_kernel`, a new base" in text
    )
    for line in copy_memory_card.USE[-2:]:
        assert line in text


def test_a_training_that_is_cut_short_ends_as_one_that_is_not(source, tmp_path):
    whole = train(source, tmp_path / "whole")
    train(source, tmp_path / "cut", minutes=0.0)
    assert experiment.EVERY == 3
    cut = train(source, tmp_path / "cut")
    for one, other in zip(whole.get_weights(), cut.get_weights(), strict=True):
        assert distance(one, other) == 0


def test_the_orthogonal_matrix_is_written_with_32_bits_and_the_rest_with_16(source, tmp_path):
    cells = [m.layers[2].cell for m in (train(source, tmp_path / "run"), zoo.load(tmp_path / "run"))]
    weights = [cell.recurrent_weight for cell in cells]
    for name in ("free", "base"):
        assert distance(*(getattr(weight, name) for weight in weights)) == 0
    assert np.any(weights[0].free) and distance(*(cell.kernel for cell in cells)) > 0
    weight = weights[1]
    assert Orthogonal().distance(weight.value()) < 1e-6
    rounded = keras.ops.convert_to_numpy(weight.base).astype("float16")
    assert Orthogonal().distance(rounded) > 1e-5
