"""SavedModels of language models: they score and write text as Python does, where TensorFlow is alone."""

import doctest
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.datasets import Vocabulary
from keras_rnn.export import graph_vocabulary
from keras_rnn.export.graph_vocabulary import GraphVocabulary
from keras_rnn.layers import LSTM, AdaptiveSoftmax, LSTMCell, MixtureOfSoftmaxes, Recurrent, WeightDrop
from tests.contracts.arrays import distance
from tests.models.small_language_model import TYPES, language_model, log_probabilities, stream
from tests.models.test_generation import WORDS, pointing

TEXTS = {
    "words": [
        "the cat sat\non a mat\n",
        "",
        "the dog",
        "a\u0085b caf\u00e9\v off\tran \f\r\n\n x\u00a0y",
        "cat " * 90,
    ],
    "characters": ["bad\ncage", "", "\u00e9 <eos> zz\n\n", "\0", "a\u0085\U0001f600b"],
}
CASES = {name: [*([text] for text in texts), texts] for name, texts in TEXTS.items()}
SETTINGS = [(30, 1.0, 0, 1.0, 0), (12, 0.7, 5, 0.9, 3), (20, 0.0, 0, 1.0, 1), (20, 2.0, 99, 1.0, 2**31 - 5)]
SERVE = """
import json, sys
import tensorflow as tf
folder, results = sys.argv[1], {}
settings = json.load(open(folder + "/settings.json"))
plain = lambda outputs: {k: v.numpy().tolist() for k, v in outputs.items()}
text = lambda outputs: [t.decode() for t in outputs["text"].numpy()]
names = ["tokens", "temperature", "top_k", "top_p", "seed"]
kinds = [tf.int32, tf.float32, tf.int32, tf.float32, tf.int32]
for name, cases in json.load(open(folder + "/cases.json")).items():
    loaded = tf.saved_model.load(folder + "/" + name)
    serve, generate = loaded.signatures["serving_default"], loaded.signatures["generate"]
    spec = []
    for signature in (serve, generate):
        _, inputs = signature.structured_input_signature
        for side in (inputs, signature.structured_outputs):
            spec.append({k: [s.dtype.name, s.shape.as_list()] for k, s in side.items()})
    scores, written = [], []
    for texts in cases:
        outputs = plain(serve(text=tf.constant(texts)))
        outputs["tokens"] = [[t.decode() for t in row] for row in outputs["tokens"]]
        scores.append(outputs)
        again = plain(loaded.signatures["score"](text=tf.constant(texts)))
        assert str(again["log_probability"]) == str(outputs["log_probability"])
    for numbers in settings:
        given = {n: tf.constant(x, kind) for n, x, kind in zip(names, numbers, kinds)}
        written.append([text(generate(prompt=tf.constant(texts), **given)) for texts in cases])
    nobody = {k: v.shape.as_list() for k, v in serve(text=tf.zeros([0], tf.string)).items()}
    nobody["text"] = generate(prompt=tf.zeros([0], tf.string), **given)["text"].shape.as_list()
    one = {**given, "tokens": tf.constant(0)}
    refused = []
    for wrong in ({"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}, {"top_k": -1}, {"tokens": -1}):
        try:
            generate(prompt=tf.constant([""]), **{**given, **{k: tf.constant(v) for k, v in wrong.items()}})
        except tf.errors.InvalidArgumentError as error:
            refused.append(error.message)
    results[name] = {
        "spec": spec, "scores": scores, "written": written, "nobody": nobody, "refused": refused,
        "nothing": text(generate(prompt=tf.constant(["", "cat"]), **one)),
    }
strangers = [m for m in sys.modules if m.partition(".")[0] in ("keras_rnn", "tensorflow_text")]
print(json.dumps([strangers, results]))
"""


def awd(**arguments):
    layers = [Recurrent(WeightDrop(LSTMCell(n), 0.5)) for n in (7, 6)]
    return language_model(layers, tie_embeddings=True, output_dropout=0.4, embedding_dropout=0.1, **arguments)


@pytest.fixture(scope="module")
def models():
    models = {
        "words": awd(vocabulary=Vocabulary(WORDS)),
        "characters": language_model(
            vocabulary=Vocabulary([*"abcdeg \u00e9", "<unk>", "<eos>", "z"], "character")
        ),
    }
    models["words"].fit(stream(), verbose=0)  # its states and what was compiled for it do not disturb
    return models


@pytest.fixture(scope="module")
def served(models, tmp_path_factory):
    """What a clean process gets from the exported models; started once, for it takes seconds."""
    folder = tmp_path_factory.mktemp("served")
    for name, model in models.items():
        model.export(folder / name)
    (folder / "cases.json").write_text(json.dumps(CASES))
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    command = [sys.executable, "-c", SERVE, str(folder)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
    strangers, results = json.loads(result.stdout)
    assert strangers == []
    return results


@pytest.mark.parametrize("case", range(6))
@pytest.mark.parametrize("name", CASES)
def test_the_served_model_scores_as_python_does(models, served, name, case):
    model, texts, found = models[name], CASES[name][case], served[name]["scores"][case]
    vocabulary = model.vocabulary
    assert set(found) == {"tokens", "length", "log_probability", "perplexity"}
    for row, text in enumerate(texts):
        ids = vocabulary.ids(text)
        n = found["length"][row]
        assert n == len(ids)
        assert found["tokens"][row] == [*vocabulary.tokens(ids), *[""] * (len(found["tokens"][row]) - n)]
        assert not any(found["log_probability"][row][n:])
        if not n:
            assert np.isnan(found["perplexity"][row])
            continue
        whole = [vocabulary.end, *ids]
        expected = log_probabilities(model, whole[:-1])[np.arange(n), ids]
        assert distance(np.array(found["log_probability"][row][:n]), expected) < 1e-4
        assert abs(found["perplexity"][row] / model.perplexity(whole)["perplexity"] - 1) < 1e-4


def test_the_cases_can_tell_models_apart(served):
    for name in CASES:
        assert len(np.unique(np.round(served[name]["scores"][5]["log_probability"], 3))) > 6


@pytest.mark.parametrize("which", range(len(SETTINGS)))
@pytest.mark.parametrize("name", CASES)
def test_the_served_model_writes_as_python_does(models, served, name, which):
    steps, *settings = SETTINGS[which]
    for texts, found in zip(CASES[name], served[name]["written"][which]):
        assert found == models[name].generate(texts, steps, *settings)


def test_signatures(served):
    for name in CASES:
        assert served[name]["spec"] == [
            {"text": ["string", [None]]},
            {
                "tokens": ["string", [None, None]],
                "length": ["int32", [None]],
                "log_probability": ["float32", [None, None]],
                "perplexity": ["float32", [None]],
            },
            {
                "prompt": ["string", [None]],
                "tokens": ["int32", []],
                "temperature": ["float32", []],
                "top_k": ["int32", []],
                "top_p": ["float32", []],
                "seed": ["int32", []],
            },
            {"text": ["string", [None]]},
        ]


def test_nobody_and_nothing(served):
    for name in CASES:
        assert served[name]["nobody"] == {
            "tokens": [0, 0],
            "length": [0],
            "log_probability": [0, 0],
            "perplexity": [0],
            "text": [0],
        }
        assert served[name]["nothing"] == ["", ""]


def test_settings_out_of_range_are_refused(served):
    for name in CASES:
        told = served[name]["refused"]
        assert len(told) == 5
        for setting, message in zip(("temperature", "top_p", "top_p", "top_k", "tokens"), told):
            assert f"`{setting}` must" in message


SOFTMAXES = {
    "mixture": lambda own: language_model(softmax=MixtureOfSoftmaxes(TYPES, experts=3, latent_size=5), **own),
    "adaptive": lambda own: language_model([LSTM(4)], softmax=AdaptiveSoftmax(TYPES, [5], factor=2), **own),
    "pointer": lambda own: pointing(**own),
}


@pytest.mark.parametrize("softmax", SOFTMAXES)
def test_every_softmax_is_exported(softmax, tmp_path):
    model = SOFTMAXES[softmax]({"vocabulary": Vocabulary(WORDS)})
    model.export(tmp_path / "served")
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    [found] = loaded.score(tf.constant(["the cat sat"]))["perplexity"].numpy()
    assert abs(found / model.perplexity([1, 0, 2, 3])["perplexity"] - 1) < 1e-4
    [text] = loaded.generate(tf.constant(["the"]), 20, 1.0, 0, 1.0, 0)["text"].numpy()
    assert text.decode() == model.generate("the", 20)


def test_the_example_runs():
    assert doctest.testmod(graph_vocabulary, extraglobs={"Vocabulary": Vocabulary}) == (0, 3)


def test_lower_case_words_in_the_graph_are_those_of_python():
    vocabulary = Vocabulary.from_words(["don't", "miss", "!", "it"])
    graph, text = GraphVocabulary(vocabulary), "Don't <br />MISS it!\n\nA 'miss'"
    ids = graph.ids([text, ""])
    assert ids.to_list() == [vocabulary.ids(text).tolist(), []] == [[2, 3, 5, 4, 0, 0, 1, 3], []]
    assert graph.following(2, ids[0]).numpy().decode() == " " + vocabulary.text(ids[0].numpy())


def test_a_word_that_a_vocabulary_without_unk_has_not():
    graph = GraphVocabulary(Vocabulary(["a", "<eos>"]))
    assert graph.ids(["a\na"]).to_list() == [[0, 1, 0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="`text` must consist of the words"):
        graph.ids(["a b"])


def test_what_cannot_be_exported(tmp_path, monkeypatch):
    model = language_model(vocabulary=Vocabulary([word if word != "<eos>" else "eos" for word in WORDS]))
    with pytest.raises(ValueError, match=r"`vocabulary` must have <eos>, .* received .*11 types"):
        model.export(tmp_path / "served")
    model.vocabulary = Vocabulary(WORDS)
    (tmp_path / "thesis").mkdir()
    with pytest.raises(ValueError, match="`path` must be a new folder"):
        model.export(tmp_path / "thesis")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="received KERAS_BACKEND=jax"):
        model.export(tmp_path / "served")
