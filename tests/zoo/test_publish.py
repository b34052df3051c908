"""From the folder of a finished training to an entry of the zoo."""

import json

import pytest

from keras_rnn.zoo import folders, publish
from tests.zoo.tiny import changed, metrics, names, write_entry


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "zoo_folder", lambda: tmp_path / "zoo")
    monkeypatch.setattr(publish, "zoo_folder", lambda: tmp_path / "zoo")
    write_entry(tmp_path / "zoo" / "tiny")
    return tmp_path / "zoo" / "tiny"


def rewrite(folder, change):
    told = metrics(folder)
    change(told)
    (folder / "metrics.json").write_text(json.dumps(told))


def test_a_training_with_validation_gives_its_result_and_picture(entry, shelf):
    publish.publish(entry)
    assert names(shelf) == ["curves.png", "history.csv", "metrics.json", "recipe.toml"]
    assert metrics(shelf) == {"validation": metrics(entry)["training"]}


def test_a_training_on_all_gives_the_weights_and_drops_what_was_measured_on_older_ones(entry, shelf):
    publish.publish(entry)
    rewrite(shelf, lambda told: told.update(evaluation={"accuracy": 1}))
    rewrite(entry, lambda told: told["training"].update(validation_examples=0))
    publish.publish(entry)
    assert {"model.weights.h5", "assets/vocabulary.txt", "probe.json"} <= set(names(shelf))
    assert set(metrics(shelf)) == {"weights", "training", "validation"}
    for name in ("model.weights.h5", "assets/vocabulary.txt", "probe.json"):
        assert (shelf / name).read_bytes() == (entry / name).read_bytes()


def test_an_unfinished_training_and_one_of_another_recipe_change_nothing(entry, shelf):
    recipe = (entry / "recipe.toml").read_text()
    (entry / "recipe.toml").write_text(changed("seed = 7", "seed = 8"))
    with pytest.raises(ValueError, match="was trained with another recipe than"):
        publish.publish(entry)
    (entry / "recipe.toml").write_text(recipe)
    rewrite(entry, lambda told: told.pop("weights"))
    with pytest.raises(
        ValueError, match=r"holds no finished training\. Run `keras-rnn train tiny` to its end"
    ):
        publish.publish(entry)
    assert names(shelf) == ["recipe.toml"]
