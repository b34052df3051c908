"""Feed-forward and log-bilinear language models: equations, contexts, states, training, files, JAX."""

import doctest
import importlib
import json
from functools import partial

import keras
import numpy as np
import pytest

from keras_rnn.datasets import TokenStream
from keras_rnn.layers import AdaptiveSoftmax, FullSoftmax
from keras_rnn.models import FeedForwardLanguageModel, LogBilinear
from tests.contracts.arrays import distance, flat, normal
from tests.contracts.test_jax import run_on_jax
from tests.models.small_language_model import (
    IDS,
    OTHER_IDS,
    ROWS,
    TYPES,
    likelihoods,
    log_probabilities,
    stream,
)
from tests.models.test_language_model_training import TEXT
from tests.reference import context_models

ORDER = 4
MAKERS = {
    "feed-forward": partial(FeedForwardLanguageModel, embedding=6, units=5),
    "direct": partial(FeedForwardLanguageModel, embedding=6, units=5, direct_connections=True),
    "log-bilinear": partial(LogBilinear, embedding=6),
    "diagonal": partial(LogBilinear, embedding=6, diagonal=True),
}
ORACLES = {
    "feed-forward": context_models.feed_forward,
    "direct": partial(context_models.feed_forward, direct=True),
    "log-bilinear": context_models.log_bilinear,
    "diagonal": partial(context_models.log_bilinear, diagonal=True),
}
all_models = pytest.mark.parametrize("name", MAKERS)


def made(name, order=ORDER, **arguments):
    """With random weights, the same in every call and under every backend."""
    model = MAKERS[name](TYPES, order=order, **arguments)
    model.build((None, None))
    model.set_weights([0.7 * normal([0, k], *w.shape) for k, w in enumerate(model.get_weights())])
    model.compile(keras.optimizers.SGD(0.5))
    return model


def weights_of(model):
    """In the order of the oracles."""
    if isinstance(model, LogBilinear):
        return flat([model.embedding.weights, model.position_kernel, model.softmax.weights])
    return flat([model.embedding.weights, model.hidden.weights, model.softmax.weights])


@pytest.mark.parametrize("order", [2, 3, 5])
@all_models
def test_it_is_its_equations(name, order):
    model = made(name, order, dtype="float64")
    expected = [ORACLES[name](weights_of(model), row, order) for row in ROWS]
    assert distance(model(ROWS), np.stack(expected)) < 1e-10


MUTANTS = {
    (name, mutant): wrong
    for name, oracle in ORACLES.items()
    for mutant, wrong in {
        **{mutant: partial(oracle, seen=seen) for mutant, seen in context_models.CONTEXTS.items()},
        **context_models.MUTANTS[name],
    }.items()
}


@pytest.mark.parametrize(("name", "mutant"), MUTANTS)
def test_mutants_of_the_oracles_show(name, mutant):
    model, ids = made(name, dtype="float64"), IDS[:9]
    wrong = MUTANTS[name, mutant](weights_of(model), ids, ORDER)
    assert distance(log_probabilities(model, ids), wrong) > 1e-3
    assert distance(log_probabilities(model, ids), ORACLES[name](weights_of(model), ids, ORDER)) < 1e-10


@all_models
def test_it_sees_its_context_and_no_more(name):
    model, ids = made(name), IDS[:10].copy()
    before = log_probabilities(model, ids)
    ids[4] = (ids[4] + 1) % TYPES
    changed = np.abs(log_probabilities(model, ids) - before).max(axis=-1) > 1e-4
    assert changed.tolist() == [4 <= t < 4 + ORDER - 1 for t in range(10)]


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
@all_models
def test_one_stream_in_windows_is_one_pass(name, steps):
    model = made(name)
    expected = likelihoods(model, OTHER_IDS).mean()
    found = model.perplexity(OTHER_IDS, steps=steps)
    assert found["tokens"] == len(OTHER_IDS) - 1
    assert abs(found["nll"] - expected) < 1e-5
    fresh = np.concatenate([likelihoods(model, OTHER_IDS[k : k + 8]) for k in range(0, 46, 7)])
    assert abs(fresh.mean() - expected) > 1e-3


@all_models
def test_run_is_the_same_in_pieces(name):
    model = made(name)
    h, [last] = model.run(ROWS, model.initial_states(3))
    states, pieces = model.initial_states(3), []
    for begin, end in ((0, 1), (1, 2), (2, 7), (7, 8)):
        piece, states = model.run(ROWS[:, begin:end], states)
        pieces.append(piece)
    assert distance(np.concatenate(flat(pieces), axis=1), h) < 1e-6
    assert distance(states, [ROWS[:, -(ORDER - 2) :]]) == distance(states, [last]) == 0


@all_models
def test_evaluate_and_fit_read_the_same_stream(name):
    model = made(name)
    expected = model.perplexity(IDS, batch_size=3)
    loss, perplexity = model.evaluate(stream(keep_tail=True), verbose=0)
    assert abs(loss - expected["nll"]) < 1e-5
    assert abs(perplexity - expected["perplexity"]) < 1e-3
    model.compile(keras.optimizers.SGD(0.0))
    history = model.fit(stream(), validation_data=stream(OTHER_IDS, 2), epochs=2, verbose=0).history
    assert abs(history["loss"][0] - expected["nll"]) < 1e-5
    assert history["loss"][0] == history["loss"][1]


@all_models
def test_the_gradient_is_the_same_however_the_text_is_cut(name):
    import tensorflow as tf

    model = made(name, dtype="float64")
    weights = [w.value for w in model.trainable_weights]

    def gradients(steps):
        model.reset_state()
        batches = stream(steps=steps)
        with tf.GradientTape() as tape:
            totals = [
                model(dict(zip(("tokens", "targets"), batches[k])), training=True)["total"]
                for k in range(len(batches))
            ]
        return [tf.convert_to_tensor(d) for d in tape.gradient(totals, weights)]

    assert distance(gradients(2), gradients(23)) < 1e-10


@all_models
def test_it_is_made_again_saved_and_loaded(name, tmp_path):
    model = made(name)
    again = type(model).from_config(model.get_config())
    assert again.get_config() == model.get_config()
    model.fit(stream(), verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again.build((None, None))
    again.load_weights(tmp_path / "model.weights.h5")
    assert distance(loaded(ROWS), model(ROWS)) == distance(again(ROWS), model(ROWS)) == 0
    assert np.isfinite(loaded.fit(stream(), verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # V (m + h + 1) + h ((n - 1) m + 1)
        ("feed-forward", 10_000 * (100 + 200 + 1) + 200 * (4 * 100 + 1)),
        # Bengio 2003: |V| (1 + n m + h) + h (1 + (n - 1) m)
        ("direct", 10_000 * (1 + 5 * 100 + 200) + 200 * (1 + 4 * 100)),
        ("log-bilinear", 10_000 * (100 + 1) + 4 * 100 * 100),
        ("diagonal", 10_000 * (100 + 1) + 4 * 100),
    ],
)
def test_it_has_as_many_parameters_as_the_formula_says(name, parameters):
    units = {"units": 200} if name in ("feed-forward", "direct") else {}
    model = MAKERS[name](10_000, order=5, **{"embedding": 100, **units})
    model.build((None, None))
    assert model.count_params() == parameters


def learned(name, **arguments):
    """The perplexity before and after ten steps."""
    keras.utils.set_random_seed(3)
    model = MAKERS[name](13, **{"order": 5, "embedding": 16, **arguments})
    model.compile(keras.optimizers.Adam(0.03))
    train = TokenStream(TEXT[:2401], 20, 12)
    before = model.perplexity(TEXT[2401:3000])["nll"]
    assert len(train) == 10
    assert abs(before - np.log(13)) < 0.4
    model.fit(train, verbose=0)
    return before, model.perplexity(TEXT[2401:3000])["nll"]


@all_models
def test_ten_steps_lower_the_loss(name):
    before, after = learned(name)
    assert after < before - 0.1


def test_another_softmax_serves_a_hidden_layer():
    before, after = learned("direct", softmax=AdaptiveSoftmax(13, [4], factor=2))
    assert after < before - 0.1


def test_a_tied_softmax_reads_the_embedding():
    model = FeedForwardLanguageModel(TYPES, 3, 6, units=6, softmax=FullSoftmax(TYPES, tied=True))
    model.build((None, None))
    assert model.count_params() == TYPES * (6 + 1) + 6 * (2 * 6 + 1)
    assert np.isfinite(log_probabilities(model, IDS[:5])).all()


def test_in_16_bits_it_learns():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = [learned(name) for name in MAKERS]
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(after < before - 0.1 for before, after in found)


ON_JAX = """
import json
from tests.models.test_context_models import *
print(json.dumps([trained(name) for name in MAKERS]))
"""


def trained(name):
    model = made(name)
    history = model.fit(stream(), validation_data=stream(OTHER_IDS, 2), epochs=2, verbose=0).history
    return [*history["loss"], *history["val_loss"], model.perplexity(OTHER_IDS)["nll"]]


@pytest.mark.slow
def test_fit_takes_the_same_steps_on_jax():
    found = json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1])
    assert distance(found, [trained(name) for name in MAKERS]) < 1e-4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogBilinear(TYPES, order=1), "`order` must be at least 2"),
        (lambda: LogBilinear(TYPES, order=2.5), "`order` must be a positive integer"),
        (lambda: LogBilinear(TYPES, embedding=0), "`embedding` must be a positive integer"),
        (lambda: FeedForwardLanguageModel(TYPES, units=0), "`units` must be a positive integer"),
        (
            lambda: FeedForwardLanguageModel(TYPES, softmax=FullSoftmax(9)),
            "`softmax` must have vocabulary_size=11, as the model; received .*=9",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("module", ["feed_forward_language_model", "log_bilinear"])
def test_examples_run(module):
    found = importlib.import_module(f"keras_rnn.models.{module}")
    assert doctest.testmod(found, extraglobs={"np": np}).failed == 0
