"""Weights on disk: half the size, and not one altered byte gets through."""

import http.server
import json
import shutil
import threading
import tomllib
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_rnn import zoo
from keras_rnn.datasets.download import DownloadError
from keras_rnn.zoo import weights
from tests.models.small import distance
from tests.zoo.tiny import changed, metrics, names

TEXTS = [
    "a fine story",
    "",
    "dull dull dull",
    "the film was a story the film was a story the film was a story",
]


def on_disk(w):
    return w.astype(np.float16) if w.ndim > 1 else w


def test_matrices_are_float16_on_disk_and_float32_in_memory(finished):
    kinds = []
    with h5py.File(finished[1] / weights.FILE) as file:
        file.visititems(
            lambda _, item: (
                kinds.append((item.dtype.name, item.ndim)) if isinstance(item, h5py.Dataset) else None
            )
        )
        assert "optimizer" not in file
    kinds = {kind for kind in kinds if "int" not in kind[0]}  # whole numbers are the random generators'
    assert kinds == {("float16", 2), ("float32", 1)}
    model = zoo.load(finished[1])
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    # Nothing but the rounding lies between the two.
    for trained, loaded in zip(finished[0].get_weights(), model.get_weights(), strict=True):
        assert distance(on_disk(trained), loaded) == 0


def test_the_loaded_model_predicts_what_the_trained_one_did(finished):
    assert (
        distance(zoo.load(finished[1]).predict(TEXTS, verbose=0), finished[0].predict(TEXTS, verbose=0))
        < 5e-3
    )


def test_every_altered_byte_is_noticed(entry):
    path = entry / weights.FILE
    whole = path.read_bytes()
    for position in (0, len(whole) // 2, len(whole) - 1):
        altered = bytearray(whole)
        altered[position] ^= 1
        path.write_bytes(altered)
        with pytest.raises(
            ValueError, match=f"{path} is damaged: it must be .* sha256 .*; received .*Get the file"
        ):
            zoo.load(entry)
    path.write_bytes(whole)
    zoo.load(entry)


@pytest.mark.parametrize("length", [0, 1000, -1])
def test_a_file_cut_short(entry, length):
    path = entry / weights.FILE
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=f"must be {metrics(entry)['weights']['bytes']} bytes .*received "):
        zoo.load(entry)


def test_a_missing_file(entry, monkeypatch):
    monkeypatch.delenv("KERAS_RNN_ZOO_URL", raising=False)
    (entry / weights.FILE).unlink()
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is missing; .* Set KERAS_RNN_ZOO_URL to the"):
        zoo.load(entry)
    zoo.load(entry, weights=False)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(finished, monkeypatch, tmp_path):
    """The address of a zoo that holds the trained folder; the cache is another folder."""
    handler = partial(QuietHandler, directory=finished[1].parent)
    monkeypatch.setattr(weights, "CACHE", str(tmp_path / "cache"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_missing_file_is_fetched_once(entry, finished, served, monkeypatch):
    (entry / weights.FILE).unlink()
    monkeypatch.setenv("KERAS_RNN_ZOO_URL", served + "/")
    fetched = zoo.load(entry)
    for trained, loaded in zip(finished[0].get_weights(), fetched.get_weights(), strict=True):
        assert distance(on_disk(trained), loaded) == 0
    monkeypatch.setenv("KERAS_RNN_ZOO_URL", "http://127.0.0.1:9")  # nobody is there, nor asked
    zoo.load(entry)


def test_another_file_at_the_address_is_refused(entry, served, monkeypatch):
    (entry / weights.FILE).unlink()
    told = json.loads((entry / "metrics.json").read_text())
    told["weights"]["sha256"] = "0" * 64
    (entry / "metrics.json").write_text(json.dumps(told))
    monkeypatch.setenv("KERAS_RNN_ZOO_URL", served)
    with pytest.raises(DownloadError, match="must have sha256 0000"):
        zoo.load(entry)


def test_the_package_leaves_out_large_files_alone_and_keeps_to_its_size():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    left_out = project["tool"]["setuptools"]["exclude-package-data"]["keras_rnn.zoo.entries"]
    assert {entry.removesuffix("/*.h5") for entry in left_out} <= set(zoo.list_models())
    carried = 0
    for name in zoo.list_models():
        if (found := zoo.info(name)["metrics"].get("weights")) is None:
            continue
        large = found["bytes"] > 10_000_000 or "trunk" in found
        if f"{name}/*.h5" in left_out:
            assert large, name
        else:
            assert found["bytes"] <= 15_000_000 and "trunk" not in found, name
            carried += found["bytes"]
    assert 0 < carried < 90_000_000


@pytest.mark.parametrize("change", [{"embedding_dimension": 5}, {"pooling": ["max"]}])
def test_overrides_that_change_the_size(entry, change):
    with pytest.raises(
        ValueError, match=r"holds .* parameters; the model that was asked for has .*Leave out"
    ):
        zoo.load(entry, **change)
    zoo.load(entry, weights=False, **change)


def test_a_recipe_of_another_size(entry):
    (entry / "recipe.toml").write_text(changed("units = 3", "units = 4"))
    with pytest.raises(ValueError, match="parameters; the model that was asked for has"):
        zoo.load(entry)


def test_a_vocabulary_of_another_size(entry):
    with open(entry / "assets" / "vocabulary.txt", "a") as file:
        file.write("another\n")
    with pytest.raises(ValueError, match="parameters; the model that was asked for has"):
        zoo.load(entry)


def test_overrides_that_leave_the_weights(finished):
    model = zoo.load(finished[1], max_length=None, dropout=0.0)
    assert model.tokenizer.max_length is None
    cut = zoo.load(finished[1])
    assert distance(model.predict(TEXTS[:3], verbose=0), cut.predict(TEXTS[:3], verbose=0)) < 1e-6
    assert distance(model.predict(TEXTS[3:], verbose=0), cut.predict(TEXTS[3:], verbose=0)) > 1e-6


def test_metrics_tell_size_checksum_and_parameters(finished):
    told, path = metrics(finished[1])["weights"], finished[1] / weights.FILE
    assert told["bytes"] == path.stat().st_size
    assert told["parameters"] == finished[0].count_params()
    assert len(told["sha256"]) == 64


def test_a_full_disk_leaves_the_old_weights(finished, entry, monkeypatch):
    before, files = (entry / weights.FILE).read_bytes(), names(entry)
    usage = shutil.disk_usage(entry)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(
        OSError, match=r"model\.weights\.h5 could not be written: the disk is full\. Make room"
    ):
        weights.save_float16(finished[0], entry)
    assert (entry / weights.FILE).read_bytes() == before
    assert names(entry) == files


def test_saving_twice_gives_the_same_file(finished, entry):
    expected = json.dumps(metrics(entry)["weights"])
    assert json.dumps(weights.save_float16(finished[0], entry)) == expected
