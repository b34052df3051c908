"""A language model learns: as a loop by hand does, under all recipes, in 16 bits, and on JAX."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.callbacks import VariableSteps
from keras_rnn.datasets import TokenStream
from keras_rnn.layers import GRU, LSTM, LSTMCell, Recurrent, WeightDrop
from keras_rnn.models import LanguageModel
from tests.contracts.arrays import distance, flat
from tests.contracts.test_jax import run_on_jax
from tests.contracts.test_one_loop import ops_in
from tests.models.small_language_model import (
    BATCH,
    IDS,
    OTHER_IDS,
    RATE,
    STEPS,
    TYPES,
    language_model,
    stream,
)


def by_hand(model, scale):
    """The mean loss of an epoch, and the weights after it, by a loop that hands on the states itself.

    Of layers of their own, a dense layer and Keras's cross entropy; `scale(steps)` times the mean is trained.
    """
    import tensorflow as tf

    embedding = keras.layers.Embedding(TYPES, 6)
    lstm, gru = (cls(n, return_sequences=True, return_state=True) for cls, n in ((LSTM, 7), (GRU, 4)))
    dense = keras.layers.Dense(TYPES)
    dense(gru(lstm(embedding(IDS[None]))[0])[0])
    parts = [model.embedding, *model.recurrent_layers, model.softmax]
    for mine, theirs in zip((embedding, lstm, gru, dense), parts):
        values = [w.numpy() for w in theirs.weights]
        mine.set_weights(values if mine is not dense else [values[0].T, values[1]])
    weights = [w for layer in (embedding, lstm, gru, dense) for w in layer.trainable_weights]
    h, c, g = (np.zeros((BATCH, size), "float32") for size in (7, 7, 4))
    losses, counts, batches = [], [], stream()
    for inputs, targets in (batches[k] for k in range(len(batches))):
        with tf.GradientTape() as tape:
            y, h, c = lstm(embedding(inputs), initial_state=[h, c])
            y, g = gru(y, initial_state=[g])
            each = keras.losses.sparse_categorical_crossentropy(targets, dense(y), from_logits=True)
            loss = scale(inputs.shape[1]) * ops.mean(each)
        for weight, gradient in zip(weights, tape.gradient(loss, [w.value for w in weights])):
            weight.assign_sub(RATE * tf.convert_to_tensor(gradient))
        h, c, g = (tf.stop_gradient(state) for state in (h, c, g))
        losses.append(float(ops.mean(each)))
        counts.append(targets.size)
    values = [w.numpy() for w in weights]
    return np.average(losses, weights=counts), [*values[:-2], values[-2].T, values[-1]]


@pytest.mark.parametrize("sum_over_steps", [False, True])
def test_fit_is_the_loop_by_hand(sum_over_steps):
    model = language_model(sum_over_steps=sum_over_steps)
    model.compile(keras.optimizers.SGD(RATE))
    loss, weights = by_hand(model, (lambda steps: steps) if sum_over_steps else (lambda steps: 1))
    found = model.fit(stream(), verbose=0).history["loss"][0]
    parts = [model.embedding, *model.recurrent_layers, model.softmax]
    assert abs(found - loss) < 1e-5
    assert distance([w.value for part in parts for w in part.weights], weights) < 1e-5


def test_penalties_are_trained_and_not_shown():
    losses, weights = {}, {}
    for alpha in (0.0, 5.0):
        model = language_model(activation_regularization=alpha)
        losses[alpha] = model.fit(stream(IDS[: 3 * STEPS + 1]), verbose=0).history["loss"]
        weights[alpha] = model.get_weights()
    assert losses[0.0] == losses[5.0]  # of one batch, before its step
    assert distance(weights[0.0], weights[5.0]) > 1e-3


def test_weights_of_zero_teach_nothing():
    # Two batches, the second of padding in all rows but the first.
    ids, model, cut = IDS[: 3 * 6], language_model(), language_model()
    model.fit(stream(ids, BATCH, 4, keep_tail=True), verbose=0)
    batches = stream(ids, BATCH, 4, keep_tail=True)
    for tokens, targets, weights in (batches[k] for k in range(len(batches))):
        other = np.where(weights > 0, targets, 7)
        cut.train_on_batch(tokens, other, 2 * weights)  # of which the mean is the same
    assert distance(model.get_weights(), cut.get_weights()) < 1e-6


# ---------------------------------------------------------------------------- recipes

RECIPES = {
    "zaremba": lambda: (
        {"layers": [LSTM(24), LSTM(24)], "embedding": 24, "locked": False, "sum_over_steps": True}
        | dict.fromkeys(("input_dropout", "hidden_dropout", "output_dropout"), 0.2),
        keras.optimizers.SGD(0.5, global_clipnorm=5.0),
        {},
    ),
    "awd": lambda: (
        {
            "layers": [Recurrent(WeightDrop(LSTMCell(n), 0.3)) for n in (32, 24)],
            "embedding": 24,
            "tie_embeddings": True,
            "embedding_dropout": 0.1,
            "input_dropout": 0.2,
            "hidden_dropout": 0.2,
            "output_dropout": 0.2,
            "activation_regularization": 2.0,
            "temporal_activation_regularization": 1.0,
        },
        keras.optimizers.SGD(5.0, global_clipnorm=0.25),
        {"variable_steps": True},
    ),
    "gru": lambda: ({"layers": [GRU(24)], "embedding": 16}, keras.optimizers.Adam(0.02), {}),
}
# Each word follows from the one before it, but for the last of four.
TEXT = np.stack([np.arange(0, 1600) % 3 + 4 * k for k in range(4)], axis=1).ravel() % 13


@pytest.mark.parametrize("recipe", RECIPES)
def test_ten_steps_lower_the_loss(recipe):
    keras.utils.set_random_seed(3)
    arguments, optimizer, cut = RECIPES[recipe]()
    model = LanguageModel(13, **arguments)
    model.compile(optimizer)
    train = TokenStream(TEXT[:2401], 20, 12, **cut)
    assert len(train) == 10
    before = model.perplexity(TEXT[2401:3000])["nll"]
    assert abs(before - np.log(13)) < 0.1
    model.fit(train, verbose=0)
    assert model.perplexity(TEXT[2401:3000])["nll"] < before - 0.1


def test_fit_scales_the_learning_rate_of_variable_steps_itself():
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    train = stream(np.tile(IDS, 6), BATCH, 20, variable_steps=True)
    model = language_model()
    for given in ([Watch()], [VariableSteps(train), Watch()]):
        model.fit(train, callbacks=given, verbose=0)
    expected = RATE * train.lengths / 20
    assert distance(seen, [*expected, *expected]) < 1e-6
    assert len(set(expected)) > 3


# ---------------------------------------------------------------------------- graphs


def test_few_graphs_are_traced(monkeypatch):
    traced = []
    run = LanguageModel.run
    monkeypatch.setattr(
        LanguageModel, "run", lambda self, *a, **k: traced.append(k or a[2:]) or run(self, *a, **k)
    )
    model = language_model()
    traced.clear()
    model.fit(stream(), validation_data=stream(OTHER_IDS, 1, keep_tail=True), epochs=2, verbose=0)
    assert 2 <= len(traced) <= 4
    traced.clear()
    for _ in range(2):
        model.perplexity(OTHER_IDS)
    assert len(traced) == 1


def test_each_layer_is_one_loop():
    import tensorflow as tf

    model = language_model([LSTM(7, implementation="plain"), GRU(4, implementation="plain")])
    ids = tf.TensorSpec((None, None), "int32")
    run = tf.function(lambda x: model.run(x, model.initial_states(ops.shape(x)[0])))
    loops = ops_in(run.get_concrete_function(ids))
    assert loops["While"] + loops["StatelessWhile"] == 2

    @tf.function
    def gradients(tokens, targets):
        with tf.GradientTape() as tape:
            total = model({"tokens": tokens, "targets": targets}, training=True)["total"]
        return tape.gradient(total, [w.value for w in model.trainable_weights])

    ids = tf.TensorSpec((BATCH, None), "int32")
    loops = ops_in(gradients.get_concrete_function(ids, ids))
    # There and back through each layer, and once over the slices of the softmax.
    assert loops["While"] + loops["StatelessWhile"] == 2 * 2 + 1


# ---------------------------------------------------------------------------- 16 bits, JAX


def test_training_in_16_bits_is_close_to_that_in_32():
    found = {}
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            model = language_model(tie_embeddings=True, layers=[LSTM(7), LSTM(6)], output_dropout=0.0)
        finally:
            keras.config.set_dtype_policy("float32")
        history = model.fit(stream(np.tile(IDS, 4)), epochs=3, verbose=0).history["loss"]
        found[policy] = np.array([*history, model.perplexity(OTHER_IDS)["nll"]])
    assert {keras.backend.standardize_dtype(state.dtype) for state in model.states} == {"float32"}
    assert model.recurrent_layers[0].compute_dtype == model.softmax.compute_dtype == "bfloat16"
    assert model(IDS[None]).dtype == "float32"
    ratio = found["mixed_bfloat16"] / found["float32"]
    assert 0 < np.abs(ratio - 1).max() < 0.02
    assert found["float32"][2] < found["float32"][0]


ON_JAX = """
import json
from tests.models.test_language_model_training import *
keras.utils.set_random_seed(3)
print(json.dumps([*trained(), *learned("awd")]))
"""


def trained():
    """The losses of two epochs with a validation, and the perplexity after them."""
    model = language_model(activation_regularization=1.0, temporal_activation_regularization=1.0)
    history = model.fit(stream(), validation_data=stream(OTHER_IDS, 2), epochs=2, verbose=0).history
    evaluated = model.evaluate(stream(OTHER_IDS, 1, keep_tail=True), verbose=0)
    total = float(np.sum([np.abs(w).sum() for w in flat(model.get_weights())]))
    return [*history["loss"], *history["val_loss"], *evaluated, model.perplexity(OTHER_IDS)["nll"], total]


def learned(recipe):
    arguments, optimizer, cut = RECIPES[recipe]()
    model = LanguageModel(13, **arguments)
    model.compile(optimizer)
    before = model.perplexity(TEXT[2401:3000])["nll"]
    model.fit(TokenStream(TEXT[:2401], 20, 12, **cut), verbose=0)
    return before, model.perplexity(TEXT[2401:3000])["nll"]


@pytest.mark.slow
def test_fit_takes_the_same_steps_on_jax():
    *losses, before, after = json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1])
    assert distance(losses, trained()) < 1e-3
    assert after < before - 0.1
