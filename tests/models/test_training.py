"""Training as a whole: traced at most twice, the same for the same seed, and on JAX without TensorFlow."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_rnn.layers import GRU
from keras_rnn.models import SequenceClassifier
from tests.models.small import LABELS, TEXTS, classifier, distance, tokenizer


class Counted(SequenceClassifier):
    """Counts how often its steps are traced: the Python below runs only then."""

    traces = 0

    def train_step(self, *args, **kwargs):
        self.traces += 1
        return super().train_step(*args, **kwargs)


def fit_and_count(lengths, **arguments):
    """Traces of the train step while fitting texts of these lengths, and the shapes of the first epoch."""
    model = Counted([GRU(3, return_sequences=True)], embedding_dimension=2, tokenizer=tokenizer())
    model.compile()
    texts = ["good " * int(n) for n in lengths]
    drawn = model._batches(texts, lengths % 2, None, 8, shuffle=True)
    model.fit(texts, lengths % 2, batch_size=8, epochs=2, verbose=0, **arguments)
    return model.traces, [drawn[k][0].shape for k in range(len(drawn))]


@pytest.mark.parametrize("drop_remainder", [False, True])
def test_fit_over_many_lengths_traces_the_train_step_at_most_twice(drop_remainder):
    lengths = np.random.default_rng(0).permutation(130)
    traces, shapes = fit_and_count(lengths, drop_remainder=drop_remainder)
    assert len(set(shapes)) > 10  # or nothing is shown
    assert 1 <= traces <= 2


def test_batches_that_begin_alike_do_not_fix_the_length():
    # Keras itself reads the shape of what is to come off the first two batches.
    traces, shapes = fit_and_count(np.array([5] * 64 + [9] * 8))
    assert shapes[0] == shapes[1] == (8, 5)
    assert (8, 9) in shapes
    assert traces <= 2


def test_the_same_seed_gives_the_same_weights():
    results = {}
    for run, seed in (("first", 5), ("again", 5), ("other", 6)):
        model = classifier(dropout=0.5, word_dropout=0.2, seed=2)
        model.fit(TEXTS * 3, np.tile(LABELS, 3), batch_size=8, epochs=2, seed=seed, verbose=0)
        results[run] = np.concatenate([weight.ravel() for weight in model.get_weights()])
    assert distance(results["first"], results["again"]) == 0
    assert distance(results["first"], results["other"]) > 1e-4


ON_JAX = """
import json, os, sys
sys.modules["tensorflow"] = None  # as on a machine without it
import keras
from tests.models.small import LABELS, TEXTS, classifier
model = classifier()
model.load_weights(sys.argv[1])
before = model.predict(TEXTS, verbose=0).tolist()
losses = model.fit(TEXTS, LABELS, epochs=15, batch_size=4, verbose=0, validation_split=0.25).history["loss"]
try:
    model.export(sys.argv[1] + ".export")
except ValueError as error:
    refused = str(error)
measured = model.evaluate(TEXTS, LABELS, verbose=0)
print(json.dumps([keras.backend.backend(), before, losses, measured, refused]))
"""


def test_training_from_a_list_of_texts_on_jax_without_tensorflow(tmp_path):
    pytest.importorskip("jax")
    model = classifier()
    model.save_weights(tmp_path / "model.weights.h5")
    result = subprocess.run(
        [sys.executable, "-c", ON_JAX, str(tmp_path / "model.weights.h5")],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    backend, before, losses, measured, refused = json.loads(result.stdout)
    assert backend == "jax" != keras.backend.backend()
    assert distance(before, model.predict(TEXTS, verbose=0)) < 1e-5
    assert losses[-1] < 0.5 * losses[0]
    assert np.isfinite(measured).all()
    assert "received KERAS_BACKEND=jax" in refused
