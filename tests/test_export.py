"""SavedModels: text in, numbers out, the same as predict, in a process that knows TensorFlow alone."""

import json
import subprocess
import sys
from itertools import chain

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.layers import GRU, Bidirectional
from tests.models.small import LABELS, TEXTS, classifier, distance, tokenizer

CASES = {
    "batch 1": ["a good film"],
    "batch 64": TEXTS * 8,
    "empty": [""],
    "100,000 characters": ["good film " * 10_000, "x" * 100_000, "bad"],
    "not ASCII": [
        "caf\u00e9 \u00c9T\u00c9 good\u0085bad\u00a0film \U0001f600",
        "\u0130\u0131I\0bad",
        "a\u2028film",
    ],
}
HEADS = {
    "bernoulli": {},
    "categorical": {"head": "categorical", "outputs": 3, "tokenizer": tokenizer(max_length=40)},
    "gaussian": {"head": "gaussian", "outputs": 2, "tokenizer": tokenizer(max_length=40, truncation="tail")},
}
SERVE = """
import json, sys
import numpy as np
import tensorflow as tf
folder, results = sys.argv[1], {}
for name, cases in json.load(open(folder + "/cases.json")).items():
    serve = tf.saved_model.load(folder + "/" + name).signatures["serving_default"]
    _, inputs = serve.structured_input_signature
    spec = {k: [s.dtype.name, s.shape.as_list()] for k, s in {**inputs, **serve.structured_outputs}.items()}
    outputs = [{k: v.numpy().tolist() for k, v in serve(text=tf.constant(t)).items()} for t in cases]
    broken = {k: v.numpy().tolist() for k, v in serve(text=tf.constant([b"caf\\xe9 bad"])).items()}
    nobody = {k: v.shape.as_list() for k, v in serve(text=tf.zeros([0], tf.string)).items()}
    results[name] = {"spec": spec, "outputs": outputs, "broken": broken, "nobody": nobody}
strangers = [m for m in sys.modules if m.partition(".")[0] in ("keras_rnn", "tensorflow_text")]
print(json.dumps([strangers, results]))
"""


@pytest.fixture(scope="module")
def models():
    models = {}
    for name, arguments in HEADS.items():
        # The network of the zoo once; the other heads on the smallest one.
        layers = [Bidirectional(GRU(3, return_sequences=True))] if name == "bernoulli" else None
        models[name] = model = classifier(layers=layers, pooling=["last", "mean"], dropout=0.5, **arguments)
        model.run_eagerly = name != "bernoulli"
        labels = np.stack([LABELS, LABELS], 1) if name == "gaussian" else LABELS
        model.fit(TEXTS, labels, epochs=3, verbose=0)
        model.run_eagerly = False
    return models


@pytest.fixture(scope="module")
def served(models, tmp_path_factory):
    """What a clean process gets from all three exported models; started once, for it takes seconds."""
    folder = tmp_path_factory.mktemp("served")
    for name, model in models.items():
        model.export(folder / name)
    (folder / "cases.json").write_text(json.dumps({name: list(CASES.values()) for name in models}))
    command = [sys.executable, "-c", SERVE, str(folder)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    strangers, results = json.loads(result.stdout)
    assert strangers == []
    return results


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("head", HEADS)
def test_the_served_model_says_what_predict_says(models, served, head, case):
    outputs = served[head]["outputs"][list(CASES).index(case)]
    p = models[head].predict(CASES[case], verbose=0)
    if head == "bernoulli":
        expected = {"probability": p[:, 0], "label": p[:, 0] > 0.5}
    elif head == "categorical":
        expected = {"probability": p, "label": p.argmax(1)}
    else:
        expected = {"mean": p[:, :2], "variance": p[:, 2:]}
    assert set(outputs) == set(expected)
    for name, value in expected.items():
        assert distance(outputs[name], value) < 1e-5


def test_the_cases_can_tell_models_apart(models):
    p = models["bernoulli"].predict(list(chain(*CASES.values())), verbose=0)
    assert len(np.unique(p.round(3))) > 5
    assert {bool(x) for x in p > 0.5} == {True, False}


def test_signature(served):
    text = {"text": ["string", [None]]}
    assert served["bernoulli"]["spec"] == {
        **text,
        "probability": ["float32", [None]],
        "label": ["int32", [None]],
    }
    assert served["categorical"]["spec"] == {
        **text,
        "probability": ["float32", [None, 3]],
        "label": ["int32", [None]],
    }
    assert served["gaussian"]["spec"] == {
        **text,
        "mean": ["float32", [None, 2]],
        "variance": ["float32", [None, 2]],
    }


def test_bytes_that_are_no_utf8_are_an_unknown_word(models, served):
    expected = models["bernoulli"].predict(["\ufffd bad"], verbose=0)[:, 0]
    assert distance(served["bernoulli"]["broken"]["probability"], expected) < 1e-5


def test_a_batch_of_nothing_gives_nothing(served):
    assert served["bernoulli"]["nobody"] == {"probability": [0], "label": [0]}


def test_the_folder_must_be_new_or_a_saved_model(models, tmp_path):
    model = models["bernoulli"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").touch()
    (tmp_path / "file").touch()
    for path in (tmp_path / "thesis", tmp_path / "file"):
        with pytest.raises(
            ValueError, match=f"`path` must be a new folder; {path} exists and is no SavedModel"
        ):
            model.export(path)
    assert (tmp_path / "thesis" / "chapter").exists()


def test_an_earlier_saved_model_is_replaced_whole(models, tmp_path):
    path = tmp_path / "deep" / "model"
    models["bernoulli"].export(str(path))
    (path / "left over").touch()
    models["gaussian"].export(path)
    assert not (path / "left over").exists()
    assert set(tf.saved_model.load(str(path)).signatures["serving_default"].structured_outputs) == {
        "mean",
        "variance",
    }
    assert [entry.name for entry in path.parent.iterdir()] == ["model"]
    assert path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (tf.errors.ResourceExhaustedError(None, None, "/x/y; No space left on device"), "the disk is full"),
        (tf.errors.OutOfRangeError(None, None, "/x/y; File too large [Op:SaveV2]"), "File too large"),
    ],
)
def test_a_write_that_fails_leaves_everything_as_it_was(models, tmp_path, monkeypatch, failure, told):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "saved_model.pb").write_text("of yesterday")

    def half(self, folder, **_):
        (tmp_path / folder / "saved_model.pb").write_text("half")
        raise failure

    # `ExportArchive` is a factory: the class behind it is the backend's.
    monkeypatch.setattr(type(keras.export.ExportArchive()), "write_out", half)
    for name in ("old", "new"):
        with pytest.raises(OSError, match=rf"{name} could not be written: {told}\. Make room or choose"):
            models["bernoulli"].export(tmp_path / name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old" / "saved_model.pb").read_text() == "of yesterday"


def test_a_model_without_tokenizer_is_exported_as_keras_does(tmp_path):
    model = classifier(vocabulary_size=9)
    ids = np.array([[2, 3, 0]], np.int32)
    model.predict(ids, verbose=0)
    model.export(tmp_path / "core", verbose=False)
    assert distance(tf.saved_model.load(str(tmp_path / "core")).serve(ids), model(ids)) < 1e-6
