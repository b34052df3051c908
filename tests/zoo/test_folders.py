"""Which folder a name stands for, and what is said where there is none."""

from pathlib import Path

import pytest

from keras_rnn import zoo
from keras_rnn.zoo import folders
from tests.zoo.tiny import changed, write_entry


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A zoo of three entries in the place of the real one, with the current folder elsewhere."""
    shelf = tmp_path / "shelf"
    write_entry(shelf / "imdb_gru", changed('name = "tiny"', 'name = "imdb_gru"'))
    write_entry(shelf / "imdb_lstm", changed('task = "sentiment"', 'task = "tagging"'))
    write_entry(shelf / "copy_gru", changed('dataset = "imdb"', 'dataset = "copy"'))
    (shelf / "notes").mkdir()
    monkeypatch.setattr(folders, "zoo_folder", lambda: shelf)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return shelf


def test_list_models(published):
    assert zoo.list_models() == ["copy_gru", "imdb_gru", "imdb_lstm"]
    assert zoo.list_models(task="sentiment") == ["copy_gru", "imdb_gru"]
    assert zoo.list_models(dataset="imdb") == ["imdb_gru", "imdb_lstm"]
    assert zoo.list_models(pattern="*_gru") == ["copy_gru", "imdb_gru"]
    assert zoo.list_models(task="sentiment", dataset="imdb", pattern="imdb_???") == ["imdb_gru"]
    assert zoo.list_models(task="chess") == []


def test_an_unknown_name_is_answered_with_the_nearest_and_the_listing(published):
    with pytest.raises(ValueError) as caught:
        zoo.load("imdb_grru")
    message = str(caught.value)
    assert "no model and no folder named 'imdb_grru'. Nearest: imdb_gru, " in message
    assert "`keras-rnn list`" in message
    assert "keras_rnn.zoo.list_models()" in message
    with pytest.raises(ValueError, match=r"named 'qqqqqqqq'\. All names: "):
        zoo.info("qqqqqqqq")


def test_a_published_name_wins_over_a_folder_of_the_same_name(published):
    write_entry(Path("imdb_gru"))
    assert zoo.info("imdb_gru")["name"] == "imdb_gru"
    for path in (
        "./imdb_gru",
        Path("imdb_gru"),
        Path("imdb_gru").absolute(),
        str(Path("imdb_gru").absolute()),
    ):
        assert zoo.info(path)["name"] == "tiny"


def test_a_folder_is_found_by_its_plain_name_where_no_model_has_it(published):
    write_entry(Path("mine"))
    assert zoo.info("mine")["name"] == "tiny"
    assert zoo.info("mine")["folder"] == "mine"


def test_a_folder_that_is_no_entry(published):
    Path("empty").mkdir()
    for folder in ("empty", str(published / "notes")):
        with pytest.raises(ValueError, match=r"is no zoo entry: it holds no recipe\.toml.*`keras-rnn list`"):
            zoo.load(folder)


@pytest.mark.parametrize("name", ["", ".", "..", "../shelf", "imdb_gru/recipe.toml"])
def test_other_names_are_refused_too(published, name):
    with pytest.raises(ValueError, match=r"is no zoo entry|There is no model and no folder named"):
        zoo.info(name)


def test_an_entry_without_weights_says_so(published):
    with pytest.raises(
        ValueError,
        match=r"imdb_gru holds a recipe and no trained weights\. .*`keras-rnn train imdb_gru`, or",
    ):
        zoo.load("imdb_gru")
    with pytest.raises(
        ValueError, match=r"assets/vocabulary\.txt is missing: without it no text becomes ids"
    ):
        zoo.load("imdb_gru", weights=False)


def test_metrics_that_are_no_json(published):
    (published / "imdb_gru" / "metrics.json").write_text('{"weights": ')
    with pytest.raises(ValueError, match=r"metrics\.json is not valid JSON: Expecting value"):
        zoo.info("imdb_gru")


def test_info_is_the_recipe_and_what_was_measured(published):
    (published / "imdb_gru" / "metrics.json").write_text('{"evaluation": {"accuracy": 0.5}}')
    info = zoo.info("imdb_gru")
    assert info["folder"] == str(published / "imdb_gru")
    assert info["recipe"]["training"]["epochs"] == 3
    assert info["metrics"] == {"evaluation": {"accuracy": 0.5}}
