"""A model of music in the zoo: trained, measured, told of, and played."""

import json

import mido
import numpy as np
import pytest

from keras_rnn import cli, zoo
from keras_rnn.datasets import polymusic
from keras_rnn.zoo import card, folders, publish, training
from keras_rnn.zoo.evaluation import evaluate
from keras_rnn.zoo.music import probe
from keras_rnn.zoo.recipe import read_recipe
from tests.models.small import distance

RECIPE = """
name = "tiny_music"
title = "Tiny"
task = "music"
licence = "None."

[model]
type = "PianoRollModel"
layers = [{ type = "GRU", units = 4 }]
input_dropout = 0.1

[data]
dataset = "polymusic"
collection = "jsb"

[training]
epochs = 2
batch_size = 2
learning_rate = 1e-2
average = 0.9
seed = 1

[source]
paper = "None"
url = "https://example.org"
reported = "Nothing."
differences = ["all"]
"""


@pytest.fixture
def data(tmp_path):
    random, arrays = np.random.default_rng(0), {}
    for short in polymusic.SPLITS.values():
        arrays[f"{short}_roll"] = (random.random((9, 88)) < 0.05).astype("uint8")
        arrays[f"{short}_lengths"] = np.array([4, 3, 2])
    (tmp_path / "polymusic").mkdir()
    np.savez(tmp_path / "polymusic" / "JSB_Chorales.npz", **arrays)
    return tmp_path


def test_from_recipe_to_card_and_midi(data, tmp_path, monkeypatch, capsys):
    source = tmp_path / "zoo" / "tiny_music"
    source.mkdir(parents=True)
    (source / "recipe.toml").write_text(RECIPE)
    run = tmp_path / "run"
    trained = training.train(source, run, data, report=lambda line: None, verbose=0)
    model, rolls = zoo.load(run), polymusic.load("test", path=data)
    assert 0 < distance(model(rolls[0][None]), trained(rolls[0][None])) < 1e-3  # 16 bits on disk
    assert json.loads((run / "probe.json").read_text()) == probe(model)
    ledger = json.loads((run / "metrics.json").read_text())["training"]
    assert (ledger["steps_of_music"], ledger["steps"]) == (9, 4)
    for module in (folders, card, publish):
        monkeypatch.setattr(module, "zoo_folder", lambda: tmp_path / "zoo")
    publish.publish(run)
    found = evaluate(source, data)
    nll = 0.0
    for roll in rolls:
        q = np.asarray(model(roll[None]))[0]
        nll -= np.log(np.where(roll == 1, q, 1 - q)).sum() / 9
    assert found["nll"] == pytest.approx(nll, rel=1e-5) and found["steps"] == 9
    evaluate(source, data, split="validation")
    text = card.card("tiny_music")
    assert f"| test | 3 | 9 | {nll:.3f} |" in text and "moving average of the weights (0.9)" in text
    monkeypatch.setattr(
        "sys.argv", ["keras-rnn", "generate", str(source), "--tokens", "6", "--midi", str(tmp_path / "x.mid")]
    )
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code and "6 steps" in capsys.readouterr().out
    assert mido.MidiFile(tmp_path / "x.mid").ticks_per_beat == 480


def test_another_dataset_is_refused(data, tmp_path):
    (tmp_path / "recipe.toml").write_text(RECIPE.replace('"polymusic"', '"imdb"'))
    recipe = read_recipe(tmp_path / "recipe.toml")
    with pytest.raises(ValueError, match=r"`dataset` in .data. must be 'polymusic'"):
        zoo.music.prepare(recipe, data)
