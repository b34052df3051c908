"""A translator as a SavedModel: the sentences that Python gives, where keras_rnn is not."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.models.small_translation import text, with_tokenizers

TEXTS = ["one two three", "", "\u00a0\t", "six", "日本 ☃ two", "five four three two one one two"]
SERVE = """
import json, sys
import tensorflow as tf
import tensorflow_text
loaded = tf.saved_model.load(sys.argv[1])
texts, results = json.loads(sys.argv[2]), []
for k, alpha in ((None, None), (1, 0.0), (3, 0.5), (5, 1.0)):
    given = {"text": tf.constant(texts)}
    if k is None:
        out = loaded.signatures["serving_default"](**given)
    else:
        out = loaded.signatures["translate"](
            **given, beam_size=tf.constant(k), length_penalty=tf.constant(alpha)
        )
    results.append([[t.decode() for t in out["translation"].numpy()], out["score"].numpy().tolist()])
nobody = loaded.signatures["serving_default"](text=tf.zeros([0], tf.string))["translation"].shape.as_list()
try:
    loaded.signatures["translate"](**given, beam_size=tf.constant(0), length_penalty=tf.constant(1.0))
except tf.errors.InvalidArgumentError as error:
    refused = error.message
strangers = [m for m in sys.modules if m.partition(".")[0] == "keras_rnn"]
print(json.dumps([strangers, results, nobody, refused]))
"""


@pytest.fixture(scope="module", params=["luong", "transformer"])
def served(request, tmp_path_factory):
    keras.utils.set_random_seed(0)
    # A penalty so large that it decides.
    decoding = {"coverage_penalty": 2.0} if request.param == "luong" else {}
    model = with_tokenizers(request.param, decoding=decoding)
    model.compile(keras.optimizers.Adam(0.02 if request.param == "luong" else 0.005))
    model.fit(text(600, seed=3), 50, epochs=5, verbose=0)
    folder = tmp_path_factory.mktemp("served") / "translator"
    model.export(folder)
    ran = subprocess.run(
        [sys.executable, "-c", SERVE, str(folder), json.dumps(TEXTS)], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return model, json.loads(ran.stdout.splitlines()[-1])


def test_it_needs_no_keras_rnn(served):
    _, (strangers, *_) = served
    assert strangers == []


@pytest.mark.parametrize("case", range(4))
def test_it_gives_what_translate_gives(served, case):
    model, (_, results, *_) = served
    texts, scores = results[case]
    settings = [{}, {"beam_size": 1}, {"beam_size": 3, "length_penalty": 0.5}, {}][case]
    expected = [best for best, *_ in model.translations(TEXTS, **settings)]
    assert texts == [best.text for best in expected]
    assert np.abs(np.array(scores) - [best.score for best in expected]).max() < 1e-4
    assert texts[1] == texts[2] == ""
    assert len(set(texts)) > 2


def test_the_coverage_penalty_of_the_model_counts(served):
    model, (_, results, *_) = served
    _, scores = results[0]
    without = [best.score for best, *_ in model.translations(TEXTS, coverage_penalty=0.0)]
    differ = np.abs(np.array(scores) - without).max()
    assert differ > 0.01 if model.decoding["coverage_penalty"] else differ < 1e-4


def test_nobody_and_no_beam(served):
    _, (_, _, nobody, refused) = served
    assert nobody == [0]
    assert "`beam_size` must be 1 or more" in refused
