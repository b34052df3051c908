"""The pointer sentinel: its equations, the words it carries, its loss, and all that a language model does."""

import doctest
import importlib
import json

import keras
import numpy as np
import pytest

from keras_rnn.datasets import TokenStream
from keras_rnn.layers import GRU, LSTM, AugmentedSoftmax
from keras_rnn.models import LanguageModel, PointerSentinel
from tests.contracts.arrays import distance, flat, normal
from tests.contracts.test_jax import run_on_jax
from tests.models.small_language_model import IDS, OTHER_IDS, ROWS, TYPES, likelihoods, stream
from tests.reference.pointer_sentinel import MUTANTS, pointer_sentinel

WINDOW = 3


def pointer_model(window=WINDOW, layers=None, embedding=6, dtype="float64", **arguments):
    """With random weights; few words are seen twice, so the matrices are large enough to tell."""
    layers = [LSTM(7, dtype=dtype), GRU(4, dtype=dtype)] if layers is None else layers
    model = PointerSentinel(TYPES, layers, embedding, window=window, dtype=dtype, **arguments)
    model.build((None, None))
    model.set_weights([normal([0, k], *w.shape) for k, w in enumerate(model.get_weights())])
    model.compile(keras.optimizers.SGD(0.5))
    return model


def by_hand(model, rows, mixture=pointer_sentinel):
    """Probabilities and gates of rows of ids, from what the layers and the softmax make of them."""
    inner = LanguageModel.run(model, rows, model.initial_states(len(rows))[:-2])[0]
    p = np.exp(flat(LanguageModel.log_likelihoods(model, inner))[0])
    weights = [flat(w)[0] for w in (model.query_kernel, model.query_bias, model.sentinel)]
    found = [mixture(h, x, own, *weights, model.window) for h, x, own in zip(flat(inner)[0], rows, p)]
    return [np.array(parts) for parts in zip(*found)]


@pytest.mark.parametrize("window", [1, 3, 8, 20])
@pytest.mark.parametrize("tied", [False, True])
def test_it_is_its_equations(tied, window):
    model = pointer_model(window, embedding=4 if tied else 6, tie_embeddings=tied)
    p, _ = by_hand(model, ROWS)
    assert np.abs(p.sum(axis=-1) - 1).max() < 1e-12
    assert distance(np.exp(flat(model(ROWS))[0]), p) < 1e-10


@pytest.mark.parametrize("mutant", MUTANTS)
def test_wrong_mixtures_show(mutant):
    model = pointer_model()
    assert distance(np.exp(flat(model(ROWS))[0]), by_hand(model, ROWS, MUTANTS[mutant])[0]) > 1e-3


@pytest.mark.parametrize("training", [False, True])
def test_the_likelihoods_of_targets_are_those_of_the_distribution(training):
    model = pointer_model()
    p, gates = by_hand(model, ROWS)
    h, _ = model.run(ROWS, model.initial_states(3))
    y, w = np.random.default_rng(1).integers(0, TYPES, ROWS.shape), normal(2, *ROWS.shape) ** 2
    total, nll = model.log_likelihoods(h, training, targets=y, sample_weight=w)
    expected = -np.log(np.take_along_axis(p, y[..., None], -1)[..., 0])
    assert distance(nll, expected) < 1e-10
    of_vocabulary = np.exp(flat(LanguageModel.log_likelihoods(model, h[0]))[0])
    pointed = np.exp(-expected) - gates * np.take_along_axis(of_vocabulary, y[..., None], -1)[..., 0]
    own = expected - np.log(gates + pointed) if training else expected
    assert abs(float(total) - np.sum(w * own)) < 1e-9
    unweighted, _ = model.log_likelihoods(h, training, targets=y)
    assert abs(float(unweighted) - np.sum(own)) < 1e-9
    assert (pointed > 1e-3).any() and (pointed < 1e-12).any()


def test_gradients_are_difference_quotients():
    import tensorflow as tf

    model = pointer_model(layers=[LSTM(4, dtype="float64")], embedding=4, tie_embeddings=True)
    y = np.random.default_rng(1).integers(0, TYPES, ROWS.shape)

    def total():
        h, _ = model.run(ROWS, model.initial_states(3))
        return model.log_likelihoods(h, True, targets=y)[0]

    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        value = total()
    found = tape.gradient(value, [v.value for v in variables])
    assert len(variables) == 1 + 3 + 1 + 3
    for variable, gradient in zip(variables, found):
        start, direction = variable.numpy(), normal(5, *variable.shape)
        ends = []
        for step in (1e-6, -1e-6):
            variable.assign(start + step * direction)
            ends.append(float(total()))
        variable.assign(start)
        expected = (ends[0] - ends[1]) / 2e-6
        slope = np.sum(flat(tf.convert_to_tensor(gradient))[0] * direction)
        assert abs(slope - expected) < 1e-6 * max(1, abs(expected)), variable.path


# ---------------------------------------------------------------------------- words that are carried


@pytest.mark.parametrize("steps", [1, 2, 7, 46, 100])
def test_a_text_in_pieces_is_the_text_as_a_whole(steps):
    model = pointer_model(window=5)
    found = model.perplexity(OTHER_IDS, steps=steps)["nll"]
    assert abs(found - likelihoods(model, OTHER_IDS).mean()) < 1e-10


def test_what_forgets_the_words_of_the_piece_before_is_another_number():
    model = pointer_model(window=5)
    _, states = model.run(OTHER_IDS[None, :20], model.initial_states(1))
    forgetful = [*states[:-2], *model.initial_states(1)[-2:]]
    one, two = (model.run(OTHER_IDS[None, 20:23], given)[0] for given in (states, forgetful))
    assert distance(model.log_likelihoods(one), model.log_likelihoods(two)) > 1e-3


def test_fit_carries_words_from_batch_to_batch():
    """The first two batches, with no learning between them, are one of twice the length."""
    model = pointer_model(window=4)
    model.compile(keras.optimizers.SGD(0.0))
    long, short = (model.fit(stream(IDS[:31], 3, n), verbose=0).history["loss"][0] for n in (10, 5))
    assert abs(long - short) < 1e-5
    words = model.carried_states(3)[-1]
    assert np.array_equal(words.numpy(), IDS[:30].reshape(3, 10)[:, -4:])
    model.reset_state()
    assert (words.numpy() == -1).all()


# ---------------------------------------------------------------------------- as a language model


def trained(cls, **arguments):
    """The likelihood of a text that says three words of many again and again, and then three others."""
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(4)
    text = np.concatenate([random.choice(random.integers(0, 200, 3), 20) for _ in range(150)])
    model = cls(200, [LSTM(24)], 24, **arguments)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(TokenStream(text[:2401], 10, 24), epochs=3, verbose=0)
    return model.perplexity(text[2400:])["nll"]


def test_it_learns_to_point():
    assert trained(PointerSentinel, window=12) < trained(LanguageModel) - 1


def test_it_is_made_again_and_loaded(tmp_path):
    model = pointer_model(dtype="float32", output_dropout=0.2, seed=1)
    model.fit(stream(), verbose=0)
    again = PointerSentinel.from_config(model.get_config())
    assert again.get_config() == model.get_config() and again.window == WINDOW
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert distance(loaded(ROWS), model(ROWS)) == 0
    loaded.fit(stream(), verbose=0)


def test_it_writes_text():
    model = pointer_model(dtype="float32")
    y = model.generate(ROWS, 6, temperature=0.0)
    rows = ROWS
    for _ in range(6):
        rows = np.concatenate([rows, flat(model(rows))[0][:, -1:].argmax(-1)], axis=1)
    assert np.array_equal(y, rows[:, 8:])


def test_sixteen_bits_are_close_to_32():
    found = []
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            model = pointer_model(dtype=policy)
        finally:
            keras.config.set_dtype_policy("float32")
        model.set_weights([0.3 * w for w in model.get_weights()])
        losses = model.fit(stream(), epochs=2, verbose=0).history["loss"]
        found.append([*losses, model.perplexity(OTHER_IDS)["nll"]])
    assert 0 < distance(found[0], found[1]) < 0.03


ON_JAX = """
import json
from tests.models.test_pointer_sentinel import *
print(json.dumps(numbers()))
"""


def numbers():
    model = pointer_model(dtype="float32")
    model.set_weights([0.3 * w for w in model.get_weights()])
    losses = model.fit(stream(), epochs=2, verbose=0).history["loss"]
    return [*losses, model.perplexity(OTHER_IDS)["nll"]]


@pytest.mark.slow
def test_it_takes_the_same_steps_on_jax():
    found = json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1])
    assert distance(found, numbers()) < 1e-4


@pytest.mark.parametrize("window", [0, -1, 2.5, True])
def test_windows(window):
    with pytest.raises(ValueError, match=rf"`window` must be a positive integer; received window={window!r}"):
        PointerSentinel(TYPES, [LSTM(4)], 4, window=window)


def test_another_softmax_is_refused():
    softmax = AugmentedSoftmax(TYPES, tied=True)
    with pytest.raises(ValueError, match=r"`softmax` must be a keras_rnn.layers.FullSoftmax; received softm"):
        PointerSentinel(TYPES, [LSTM(4)], 4, tie_embeddings=True, softmax=softmax)


@pytest.mark.parametrize("module", ["pointer_sentinel", "monte_carlo"])
def test_examples_run(module):
    names = {"np": np, "LSTM": LSTM, "LanguageModel": LanguageModel}
    module = importlib.import_module(f"keras_rnn.models.{module}")
    assert doctest.testmod(module, extraglobs=names).failed == 0
