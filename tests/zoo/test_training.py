"""Training a recipe into a folder: what is written, and what is refused."""

import csv
import json

import numpy as np
import pytest
from matplotlib import image

from keras_rnn import zoo
from keras_rnn.callbacks import Deviation, DynamicTrivialization
from keras_rnn.zoo import classifier_training, training
from keras_rnn.zoo.recipe import read_recipe
from tests.models.small import distance
from tests.zoo.tiny import REVIEWS_PER_CLASS, changed, metrics, names, write_entry

HELD_OUT = REVIEWS_PER_CLASS * 2 // 4
TRAINED_ON = REVIEWS_PER_CLASS * 2 - HELD_OUT


def test_the_folder_holds_all_that_was_promised_and_nothing_else(finished):
    assert names(finished[1]) == [
        "assets",
        "assets/vocabulary.txt",
        "checkpoint.npz",
        "curves.png",
        "history.csv",
        "metrics.json",
        "model.weights.h5",
        "options.json",
        "probe.json",
        "recipe.toml",
    ]


def test_some_weights_may_learn_more_slowly_and_base_points_move(reviews, tmp_path):
    layer = '{ type = "ExpRNN", units = 3 }'
    recipe = changed('{ type = "GRU", units = 3, bidirectional = true }', layer)
    recipe = recipe.replace("seed = 7", "seed = 7\nmultipliers = { recurrent_kernel = 0.25 }\nperiod = 5")
    source = write_entry(tmp_path / "tiny", recipe)
    prepared = classifier_training.prepare(read_recipe(source / "recipe.toml"), tmp_path, reviews)
    assert prepared.model.optimizer.multipliers == {"recurrent_kernel": 0.25}
    assert prepared.model.optimizer.optimizer.clipnorm == 1.0
    looking, moving = prepared.callbacks(None)  # in this order: see Deviation
    assert (type(looking), type(moving), moving.period) == (Deviation, DynamicTrivialization, 5)


def test_it_reports_what_it_does(finished):
    lines = finished[2]
    assert lines[0] == "Reading imdb \u2026"
    assert lines[-1] == f"Trained in 0 minutes. Next: keras-rnn evaluate {finished[1]}"
    assert not any("Going on" in line for line in lines)


def test_history_is_one_row_for_each_epoch(finished):
    with open(finished[1] / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert set(rows[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_curves_are_a_picture_with_something_in_it(finished):
    data = (finished[1] / "curves.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")
    picture = image.imread(finished[1] / "curves.png")
    assert picture.shape[0] > 200 < picture.shape[1]
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 20


def test_the_ledger(finished):
    ledger = metrics(finished[1])["training"]
    steps = 3 * -(-TRAINED_ON // 8)
    told = {key: ledger[key] for key in ("examples", "validation_examples", "epochs", "steps", "command")}
    assert told == {
        "examples": TRAINED_ON,
        "validation_examples": HELD_OUT,
        "epochs": 3,
        "steps": steps,
        "command": "keras-rnn train tiny",
    }
    assert set(ledger["versions"]) == {"python", "tensorflow", "keras", "numpy"}
    assert ledger["final"]["epoch"] == 3
    assert int(finished[0].optimizer.iterations) == steps


def test_the_vocabulary_is_that_of_the_training_part(finished):
    words = (finished[1] / "assets" / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
    assert words[-1] == ""
    assert set(words[:-1]) <= {
        "the",
        "film",
        "was",
        "a",
        "story",
        "dull",
        "awful",
        "caf\u00e9",
        "fine",
        "moving",
        "loved",
    }
    assert zoo.load(finished[1]).tokenizer.words == words[:-1]


def test_the_probe_is_what_the_loaded_model_says(finished):
    probe = json.loads((finished[1] / "probe.json").read_text())
    assert [row["text"] for row in probe] == list(classifier_training.PROBE_TEXTS)
    p = zoo.load(finished[1]).predict([row["text"] for row in probe], verbose=0)
    assert distance([row["output"] for row in probe], p) < 1e-6


def test_another_recipe_in_the_folder_is_refused(entry, tmp_path, reviews):
    before = {name: (entry / name).read_bytes() for name in names(entry) if (entry / name).is_file()}
    other = write_entry(tmp_path / "other", changed("seed = 7", "seed = 8"))
    with pytest.raises(
        ValueError,
        match=rf"{entry} holds a training with another recipe\.toml, training\.seed = 7 and not 8\. Choose",
    ):
        training.train(other, entry, reviews, verbose=0)
    for options in ({"epochs": 4}, {"validation": 0.5}, {"examples": 20}):
        with pytest.raises(ValueError, match=r"holds a training with another options\.json"):
            training.train(entry, entry, reviews, verbose=0, **options)
    assert before == {name: (entry / name).read_bytes() for name in before}


def test_a_checkpoint_that_is_damaged(entry, reviews):
    path = entry / training.CHECKPOINT
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        ValueError, match=r"checkpoint\.npz is not a readable checkpoint .*Delete it to begin anew"
    ):
        training.train(entry, entry, reviews, verbose=0)


def test_options_for_a_first_try(tmp_path, reviews):
    source = write_entry(tmp_path / "tiny")
    model = training.train(
        source, tmp_path / "run", reviews, epochs=1, validation=0.0, examples=24, verbose=0
    )
    ledger = metrics(tmp_path / "run")["training"]
    assert (ledger["examples"], ledger["validation_examples"], ledger["steps"]) == (24, 0, 3)
    assert ledger["command"] == "keras-rnn train tiny --epochs 1 --validation 0.0 --examples 24"
    assert "val_loss" not in ledger["final"]
    assert int(model.optimizer.iterations) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'dataset = "imdb"',
            'dataset = "imbd"',
            r"`dataset` in \[data\] must be one of \['imdb'\]; received 'imbd'",
        ),
        (
            "clip_norm = 1.0",
            'schedule = "step"',
            r"`schedule` in .* must be one of .*'cosine', 'slanted_triangular'\]; received 'step'",
        ),
        ("clip_norm = 1.0", 'optimizer = "sgd"', "`optimizer` in .* must be 'adamw'; received 'sgd'"),
        (
            '"SequenceClassifier"',
            '"Tagger"',
            "`type` in .* must be one of .*'SequenceClassifier', .*; received type='Tagger'",
        ),
        ('["mean", "max"]', '["median"]', "`modes` must be one or more of .*received modes=.*median"),
    ],
)
def test_values_that_no_training_has(tmp_path, reviews, old, new, message):
    with pytest.raises(ValueError, match=message):
        training.train(
            write_entry(tmp_path / "tiny", changed(old, new)), tmp_path / "run", reviews, verbose=0
        )


def test_no_data(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`path` must be the aclImdb folder .*Unpack http"):
        training.train(write_entry(tmp_path / "tiny"), tmp_path / "run", tmp_path, verbose=0)
