"""A language model of reviews, and a classifier that begins as it and reads its file."""

import json
import shutil

import h5py
import numpy as np
import pytest

from keras_rnn import zoo
from keras_rnn.datasets import imdb, imdb_corpus
from keras_rnn.models import settle_normalization
from keras_rnn.zoo import card, classifier_training, folders, publish, sentiment_page, training
from keras_rnn.zoo.recipe import read_recipe
from tests.models.small import distance
from tests.zoo import tiny
from tests.zoo.tiny import metrics, names, write_entry

TYPES = 14
TRUNK = tiny.RECIPE[: tiny.RECIPE.index("[model]")].replace('"tiny"', '"tiny_trunk"')
TRUNK += f"""
[model]
type = "LanguageModel"
vocabulary_size = {TYPES}
embedding_dimension = 5
layers = [{{ type = "LSTM", units = 8 }}]
softmax = {{ type = "AdaptiveSoftmax", cutoffs = [4], factor = 2 }}

[data]
dataset = "imdb"
level = "lower-case word"

[training]
epochs = 1
batch_size = 4
steps = 10
optimizer = "adam"
learning_rate = 0.02
seed = 3
"""
TRUNK += tiny.RECIPE[tiny.RECIPE.index("[source]") :]


def classifier_recipe(trunk, more=""):
    recipe = tiny.RECIPE.replace("embedding_dimension = 4", "embedding_dimension = 5\nnormalize = true")
    for old, new in (
        ('"GRU", units = 3, bidirectional = true', '"LSTM", units = 8'),
        ("validation_fraction = 0.25", "validation_fraction = 0.0"),
        ("vocabulary_size = 30", f"vocabulary_size = {TYPES}"),
        ("epochs = 3", 'epochs = 2\nschedule = "slanted_triangular"'),
        ("[training]", f'[pretrained]\nentry = "{trunk}"\nlanguage_weight = 0.2\n{more}\n[training]'),
    ):
        assert recipe.count(old) == 1, old
        recipe = recipe.replace(old, new)
    return recipe


@pytest.fixture(scope="module")
def trunk(reviews, tmp_path_factory):
    source = write_entry(tmp_path_factory.mktemp("recipes") / "tiny_trunk", TRUNK)
    output = tmp_path_factory.mktemp("runs") / "tiny_trunk"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imdb_corpus, "HELD_OUT", 7)
        training.train(source, output, reviews, report=lambda line: None, verbose=0)
    return output


@pytest.fixture(scope="module")
def tuned(reviews, trunk, tmp_path_factory):
    """A classifier that was stopped after its first epoch, and went on: trained models, and its folder."""
    source = write_entry(tmp_path_factory.mktemp("recipes") / "tiny", classifier_recipe(trunk))
    output, models = tmp_path_factory.mktemp("runs") / "tiny", []
    for minutes in (0.0, None):
        models.append(training.train(source, output, reviews, minutes=minutes, verbose=0))
        models.append(zoo.load(output))
    return models, output


def test_the_head_learns_first_and_then_the_trunk(trunk, tuned):
    language_model = zoo.load(trunk)
    begun = language_model.recurrent_layers[0].get_weights()
    first, last = (tuned[0][k].recurrent_layers[0].get_weights() for k in (1, 3))
    assert all(distance(a, b) < 1e-3 for a, b in zip(begun, first))  # 16 bits
    assert all(distance(a, b) > 2e-3 for a, b in zip(begun, last))
    head = [tuned[0][k].head.get_weights()[0] for k in (1, 3)]
    assert distance(*head) > 2e-3
    for loaded in tuned[0][1::2]:
        assert distance(loaded.embedding.get_weights()[0], language_model.embedding.get_weights()[0]) == 0


def test_the_file_holds_what_was_tuned_and_the_loaded_model_is_the_trained_one(trunk, tuned, reviews):
    (_, _, trained, loaded), folder = tuned
    assert "assets/vocabulary.txt" not in names(folder)
    shapes = []
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda _, item: shapes.append(getattr(item, "shape", None)))
    assert (5, 32) in shapes
    assert (TYPES, 5) not in shapes
    told = metrics(folder)
    assert told["weights"]["parameters"] == 4 * 8 * (5 + 8 + 1) + 3 * 16 + 1
    assert told["weights"]["trunk"] == {"entry": str(trunk), "sha256": metrics(trunk)["weights"]["sha256"]}
    assert told["training"]["epochs"] == 2
    assert loaded.tokenizer.words == zoo.load(trunk).vocabulary.types[2:]
    texts = list(classifier_training.PROBE_TEXTS)
    assert distance(loaded.predict(texts, verbose=0), trained.predict(texts, verbose=0)) < 2e-3
    norm = trained.classifier.normalization
    assert all(distance(a, b) == 0 for a, b in zip(norm.weights, loaded.normalization.weights))  # vectors
    kept = norm.moving_mean.numpy()
    settle_normalization(trained.classifier, imdb.load("train", path=reviews).texts, verbose=0)
    assert distance(kept, norm.moving_mean) < 1e-6
    assert zoo.load(folder, weights=False).tokenizer.words == loaded.tokenizer.words
    told = f"Fine-tuned from `{trunk}`: the head learns first, and one layer more every epoch"
    assert told in card.card(folder)


def test_another_trunk_is_refused(trunk, tuned, tmp_path):
    folder = shutil.copytree(tuned[1], tmp_path / "tiny")
    text = (folder / "metrics.json").read_text()
    checksum = metrics(trunk)["weights"]["sha256"]
    (folder / "metrics.json").write_text(text.replace(checksum, "0" * 64))
    with pytest.raises(ValueError, match=f"tiny was trained from .* sha256 0{{64}}; received .* {checksum}"):
        zoo.load(folder)
    (folder / "metrics.json").write_text(text)
    options = folder / "options.json"
    options.write_text(options.read_text().replace(checksum, "0" * 64))
    with pytest.raises(ValueError, match=r"another options\.json, trunk\.sha256 = '0{64}' and not"):
        training.train(write_entry(tmp_path / "again", classifier_recipe(trunk)), folder)
    weights = (folder / "model.weights.h5").read_bytes()
    (folder / "model.weights.h5").write_bytes(weights[:-9])
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is damaged"):
        zoo.load(folder)


def test_what_does_not_go_with_the_trunk_is_refused(trunk, tuned, tmp_path, reviews):
    for old, new, error, message in (
        ("y_size = 14", "y_size = 13", ValueError, r"`vocabulary_size` in \[preproc.* 14; received 13"),
        ("units = 8", "units = 9", ValueError, r"in the place of LSTM with weights of shapes \[\(5, 32\)"),
        (f'"{trunk}"', f'"{tuned[1]}"', TypeError, "must name a LanguageModel; .* a SequenceClassifier"),
        ("seed = 7", 'seed = 7\ndtype = "int8"', ValueError, r"`dtype` in \[training\] must be one of"),
        ("seed = 7", "seed = 7\nmultipliers = { head = 0.5 }", ValueError, "`multipliers` in .* left out"),
        ('"slanted_triangular"', '"slanted"', ValueError, r"one of \['constant', 'cosine', 'slanted_tri"),
    ):
        recipe = classifier_recipe(trunk)
        assert recipe.count(old) == 1, old
        source = write_entry(tmp_path / "tiny", recipe.replace(old, new))
        with pytest.raises(error, match=message):
            classifier_training.prepare(read_recipe(source / "recipe.toml"), tmp_path, reviews)


def test_each_layer_learns_more_slowly_than_the_one_above_it(trunk, tmp_path, reviews):
    more = "decay = 2.0\nunfreeze_every = 0\nadversarial_weight = 0.5\nadversarial_norm = 3.0"
    recipe = classifier_recipe(trunk, more).replace("seed = 7", 'seed = 7\ndtype = "mixed_bfloat16"')
    prepared = classifier_training.prepare(
        read_recipe(write_entry(tmp_path / "tiny", recipe) / "recipe.toml"), tmp_path, reviews
    )
    (lstm,) = prepared.model.classifier.recurrent_layers
    head = prepared.model.classifier.head
    expected = {f"(^|/){head.name}/": 1.0, f"(^|/){lstm.name}/": 0.5}
    assert dict(prepared.model.optimizer.multipliers) == expected
    assert prepared.callbacks(None) == []
    model = prepared.model
    assert (model.language_weight, model.adversarial_weight, model.adversarial_norm) == (0.2, 0.5, 3.0)
    dtypes = model.classifier.recurrent_layers[0].compute_dtype, model.softmax.compute_dtype
    assert dtypes == ("bfloat16", "bfloat16")
    assert model(np.array([[2, 3, 0]])).dtype == "float32"


def test_the_tables_count_what_it_shares(trunk, tuned, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "zoo_folder", lambda: tmp_path)
    shelf = shutil.copytree(tuned[1], tmp_path / "tiny")
    told = {**metrics(shelf), "evaluation": {"accuracy": 0.75, "cross_entropy": 0.5, "seconds": 1.0}}
    (shelf / "metrics.json").write_text(json.dumps(told))
    own = told["weights"]["parameters"]
    hours = told["training"]["hours"] + metrics(trunk)["training"]["hours"]
    assert f"| 0.7500 | {own + 5 * TYPES} | {own} | {hours:.2f} |" in sentiment_page.page()
    assert f"| {own} | 0.0 MB, and that of {trunk} |" in card.table(["tiny"])


def test_it_is_published_without_a_second_vocabulary(tuned, tmp_path, monkeypatch):
    for module in (folders, publish):
        monkeypatch.setattr(module, "zoo_folder", lambda: tmp_path)
    shelf = write_entry(tmp_path / "tiny", (tuned[1] / "recipe.toml").read_text())
    publish.publish(tuned[1])
    assert names(shelf) == ["metrics.json", "model.weights.h5", "probe.json", "recipe.toml"]
    assert metrics(shelf)["weights"] == metrics(tuned[1])["weights"]
