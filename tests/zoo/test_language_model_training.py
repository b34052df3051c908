"""Training a language model's recipe into a folder: what is written, what goes on, what is refused."""

import csv
import json

import numpy as np
import pytest
from keras import ops

from keras_rnn import zoo
from keras_rnn.datasets import penn_treebank
from keras_rnn.optimizers import AveragedSGD
from keras_rnn.zoo import language_model_training, training
from keras_rnn.zoo.corpora import read_corpus
from keras_rnn.zoo.recipe import read_recipe
from tests.models.small import distance
from tests.zoo.tiny import metrics, names
from tests.zoo.tiny_corpus import KNESER_NEY, RECIPE, TYPES, changed, entry

ADAM = changed('"nt_asgd"', '"adam"\ndecay_factor = 0.5\ndecay_after = 2').replace(
    "rate = 5.0", "rate = 0.02"
)
for old, new in (
    ("batch_size = 3", "batch_size = 1"),
    ("steps = 12", "steps = 6"),
    ("embedding_dimension = 4", "embedding_dimension = 16"),
    ("latent_size = 4", "latent_size = 16"),
    ("units = 5", "units = 30"),
    ("units = 4", "units = 16"),
):
    ADAM = changed(old, new, ADAM)
SGD = changed('"nt_asgd"', '"sgd"').replace("rate = 5.0", "rate = 1.0")


def rows(folder):
    with open(folder / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def weights(model):
    return [ops.convert_to_numpy(w) for w in model.trainable_variables]


def farthest(a, b):
    return max(distance(x, y) for x, y in zip(a, b, strict=True))


def test_the_folder_holds_what_that_of_a_classifier_holds(finished_lm):
    assert names(finished_lm[1]) == [
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


def test_history_is_perplexity_of_training_and_validation_by_epoch(finished_lm):
    history = rows(finished_lm[1])
    assert [row["epoch"] for row in history] == ["1", "2", "3", "4"]
    assert set(history[0]) == {"epoch", "loss", "perplexity", "val_loss", "val_perplexity"}
    for row in history:
        for name in ("", "val_"):
            expected = np.exp(float(row[f"{name}loss"]))
            assert float(row[f"{name}perplexity"]) == pytest.approx(expected, rel=1e-4)


def test_the_ledger(finished_lm, text):
    ledger = metrics(finished_lm[1])["training"]
    tokens, valid = (len(penn_treebank.load(split, text)) for split in ("train", "validation"))
    assert ledger["tokens"] == (tokens - 1) // 3 * 3
    assert ledger["validation_tokens"] == valid - 1
    assert ledger["steps"] == int(finished_lm[0].optimizer.iterations)
    assert ledger["epochs"] == ledger["final"]["epoch"] == 4
    assert ledger["stopped"] == "all 4 epochs of the recipe are done"
    assert ledger["command"] == "keras-rnn train tiny_lm"


def test_the_published_weights_are_the_averages(finished_lm):
    optimizer = finished_lm[0].optimizer
    assert isinstance(optimizer, AveragedSGD)
    assert int(optimizer.averaged_steps) > 0
    assert farthest(weights(finished_lm[0]), optimizer.averages) == 0
    assert farthest(weights(zoo.load(finished_lm[1])), optimizer.averages) < 1e-3  # 16 bits
    with np.load(finished_lm[1] / training.CHECKPOINT) as file:
        # The training goes on from its own weights.
        assert distance(file["variable_0"], optimizer.averages[0]) > 2e-3


def test_the_probe_is_what_the_loaded_model_says(finished_lm):
    model = zoo.load(finished_lm[1])
    probe = json.loads((finished_lm[1] / "probe.json").read_text())
    assert [len(row["ids"]) - 1 for row in probe] == [len(row["nll"]) for row in probe]
    assert len(probe) == len(language_model_training.PROBE_LENGTHS)
    for row in probe:
        assert model.perplexity(row["ids"])["nll"] == pytest.approx(np.mean(row["nll"]), abs=1e-5)


def test_a_loaded_model_has_its_vocabulary(finished_lm, text):
    model = zoo.load(finished_lm[1])
    assert model.vocabulary.types == penn_treebank.load("train", text).vocabulary.types
    assert model.vocabulary.tokens(model.vocabulary.ids("the cat flew\n")) == ["the", "cat", "<unk>", "<eos>"]
    assert model(np.array([[1, 2, 3]])).shape == (1, 3, TYPES)


def test_it_learns(tmp_path, text):
    training.train(entry(tmp_path / "lm", ADAM), tmp_path / "run", text, verbose=0)
    perplexity = [float(row["val_perplexity"]) for row in rows(tmp_path / "run")]
    assert perplexity[-1] < 0.8 * perplexity[0], perplexity
    assert [float(row["learning_rate"]) for row in rows(tmp_path / "run")] == pytest.approx(
        [0.02, 0.02, 0.01, 0.005]
    )


def test_it_stops_when_the_time_is_up_and_goes_on(finished_lm, tmp_path, text):
    source, output, lines = entry(tmp_path / "lm"), tmp_path / "run", []
    for done in (1, 2):
        training.train(source, output, text, minutes=0.0, report=lines.append, verbose=0)
        ledger = metrics(output)["training"]
        assert (ledger["epochs"], len(rows(output))) == (done, done)
        assert ledger["stopped"] == f"after {done} of the recipe's 4 epochs the time was up"
        assert lines[-2] == f"Stopped after epoch {done} of 4. The same command goes on."
        assert zoo.load(output).name == "tiny_lm"
    training.train(source, output, text, report=lines.append, verbose=0)
    assert "Going on after epoch 2 of 4." in lines
    ours, theirs = (metrics(folder)["training"] for folder in (output, finished_lm[1]))
    for key in ("steps", "epochs", "tokens", "stopped", "final"):
        assert ours[key] == pytest.approx(theirs[key], abs=1e-5), key
    assert farthest(weights(zoo.load(output)), weights(zoo.load(finished_lm[1]))) < 1e-2


def test_16_bit_products_leave_32_bit_weights(tmp_path, text):
    recipe = SGD.replace("seed = 7", 'seed = 7\ndtype = "mixed_bfloat16"')
    model = training.train(entry(tmp_path / "lm", recipe), tmp_path / "run", text, epochs=1, verbose=0)
    assert model.recurrent_layers[0].compute_dtype == model.recurrent_layers[1].compute_dtype == "bfloat16"
    assert model.softmax.compute_dtype == model.embedding.compute_dtype == "bfloat16"
    with np.load(tmp_path / "run" / training.CHECKPOINT) as file:
        assert file["variable_0"].dtype == "float32"
        assert distance(file["variable_0"], weights(model)[0]) == 0
    assert zoo.load(tmp_path / "run").softmax.compute_dtype == "float32"
    assert metrics(tmp_path / "run")["training"]["command"] == "keras-rnn train tiny_lm --epochs 1"


def test_a_changed_recipe_is_refused_and_the_key_is_named(lm_entry, tmp_path, text):
    other = entry(tmp_path / "other", changed("patience = 0", "patience = 3"))
    message = r"holds a training with another recipe\.toml, training\.patience = 0 and not 3\. Choose"
    with pytest.raises(ValueError, match=message):
        training.train(other, lm_entry, text, verbose=0)
    with pytest.raises(ValueError, match=r"another options\.json, epochs = None and not 9\. Choose"):
        training.train(lm_entry, lm_entry, text, epochs=9, verbose=0)


@pytest.mark.parametrize("option", [{"validation": 0.5}, {"examples": 20}])
def test_options_of_classifiers_are_refused(tmp_path, text, option):
    [name] = option
    with pytest.raises(ValueError, match=f"`{name}` must be left out for tiny_lm, of the kind LanguageModel"):
        training.train(entry(tmp_path / "lm"), tmp_path / "run", text, verbose=0, **option)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"penn_treebank"',
            '"penn"',
            r"`dataset` in \[data\] must be one of \['imdb', .*'penn'",
        ),
        ('"nt_asgd"', '"asgd"', r"`optimizer` in .* must be 'adam', 'nt_asgd' or 'sgd'; received 'asgd'"),
        ("seed = 7", 'seed = 7\ndtype = "int8"', r"`dtype` in .* must be one of .*; received 'int8'"),
        (
            "vocabulary_size = 13",
            "vocabulary_size = 14",
            r"`vocabulary_size` in \[model\] must be the number of types of penn_treebank, 13; received 14",
        ),
    ],
)
def test_values_that_no_training_has(tmp_path, text, old, new, message):
    with pytest.raises(ValueError, match=message):
        training.train(entry(tmp_path / "lm", changed(old, new)), tmp_path / "run", text, verbose=0)


def test_a_loss_that_is_no_number_stops_and_leaves_the_last_checkpoint(tmp_path, text):
    recipe = SGD.replace("rate = 1.0", "rate = 1e38").replace("clip_norm = 1.0\n", "clip_norm = 1e30\n")
    with pytest.raises(ValueError, match=r"The loss became (nan|inf) in epoch 1, step \d+"):
        training.train(entry(tmp_path / "lm", recipe), tmp_path / "run", text, verbose=0)
    assert not (tmp_path / "run" / training.CHECKPOINT).exists()


def test_a_kneser_ney_model_is_counted_and_measured(tmp_path, text):
    lines = []
    source = entry(tmp_path / "kn", KNESER_NEY)
    model = training.train(source, tmp_path / "run", text, report=lines.append)
    assert names(tmp_path / "run") == ["metrics.json", "options.json", "recipe.toml"]
    assert (model.weight, model.decay, model.model.order, model.model.discounts) == (0.2, 0.9, 3, 1)
    told = metrics(tmp_path / "run")
    for key, split in (("validation", "validation"), ("evaluation", "test")):
        ids = read_corpus(read_recipe(source / "recipe.toml").data, split, text).tokens
        assert told[key]["tokens"] == len(ids)
        assert told[key]["perplexity"] == pytest.approx(model.model.perplexity(ids), abs=1e-3)
        assert told[key]["perplexity_with_cache"] == pytest.approx(model.perplexity(ids), abs=1e-3)
        assert told[key]["perplexity"] != told[key]["perplexity_with_cache"]
    assert f"test: perplexity {told['evaluation']['perplexity']:.2f}" in lines[-1]
    with pytest.raises(ValueError, match="`epochs` must be left out for tiny_kn, of the kind KneserNey"):
        training.train(source, tmp_path / "other", text, epochs=3)


def test_the_recipe_of_this_file_uses_every_kind_of_key():
    assert "weight_drop" in RECIPE
    assert "initializer_range" in RECIPE
