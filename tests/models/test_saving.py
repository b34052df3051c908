"""A `.keras` file holds the whole model: tokenizer, compiled state and optimizer."""

import json

import keras
import numpy as np
import pytest

from keras_rnn import layers as our_layers
from keras_rnn.layers import GRU, Bidirectional
from tests.models.small import LABELS, TEXTS, classifier, distance, tokenizer


def layers():
    return [Bidirectional(GRU(2, return_sequences=True)), GRU(3, return_sequences=True)]


@pytest.mark.parametrize(("head", "outputs"), [("bernoulli", 1), ("categorical", 3), ("gaussian", 1)])
def test_round_trip(tmp_path, head, outputs):
    model = classifier(
        layers=layers(),
        head=head,
        outputs=outputs,
        tokenizer=tokenizer(max_length=4, truncation="tail"),
        pooling=["mean", "last"],
        dropout=0.25,
        seed=7,
    )
    model.run_eagerly = head != "bernoulli"  # one of them in a graph is enough
    model.fit(TEXTS, LABELS, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again.run_eagerly = model.run_eagerly
    assert type(again) is type(model)
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())  # tuples become lists there
    long = [*TEXTS, "good film film film film film"]  # the tokenizer's truncation is kept, too
    assert distance(again.predict(long, verbose=0), model.predict(long, verbose=0)) == 0
    assert distance(again.evaluate(TEXTS, LABELS, verbose=0), model.evaluate(TEXTS, LABELS, verbose=0)) == 0
    assert int(again.optimizer.iterations) == 2
    for mine, theirs in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        assert distance(mine, theirs) == 0


def test_a_loaded_model_goes_on_where_the_saved_one_stopped(tmp_path):
    model = classifier()
    model.fit(TEXTS, LABELS, epochs=3, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for m in (model, again):
        m.fit(TEXTS, LABELS, epochs=6, initial_epoch=3, verbose=0)
    for mine, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        assert distance(mine, theirs) == 0
    fresh = classifier()
    fresh.fit(TEXTS, LABELS, epochs=6, verbose=0)
    for mine, theirs in zip(model.get_weights(), fresh.get_weights(), strict=True):
        assert distance(mine, theirs) < 1e-6


def test_a_model_without_tokenizer_and_one_that_was_never_compiled(tmp_path):
    model = classifier(vocabulary_size=9)
    bare = type(model).from_config(model.get_config())
    bare.build((None, None))
    bare.set_weights(model.get_weights())
    bare.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    ids = np.array([[2, 8, 0], [3, 0, 0]])
    assert distance(again(ids), model(ids)) == 0
    assert again.tokenizer is None
    assert not again.compiled


def test_weights_alone(tmp_path):
    model, other = classifier(seed=1), classifier(seed=2)
    assert distance(model.predict(TEXTS, verbose=0), other.predict(TEXTS, verbose=0)) > 1e-3
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    assert distance(model.predict(TEXTS, verbose=0), other.predict(TEXTS, verbose=0)) == 0


def test_a_pooling_and_blocks_that_are_layers(tmp_path):
    blocks = [our_layers.SelfAttentionBlock(2, 5, rotary=True), keras.layers.LayerNormalization()]
    pooling = our_layers.AttentionPooling(3, hops=2, penalty=0.5)
    model = classifier(layers=blocks, pooling=pooling, dropout=0.25, seed=7)
    # The pooling learns, and its penalty counts while training alone.
    before = keras.ops.convert_to_numpy(pooling.hop_kernel)
    losses = model.fit(TEXTS, LABELS, epochs=1, verbose=0).history["loss"]
    assert distance(pooling.hop_kernel, before) > 0
    assert losses[0] > model.evaluate(TEXTS, LABELS, verbose=0)[0] + 0.1
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert (type(again.pooling), again.pooling.penalty) == (our_layers.AttentionPooling, 0.5)
    assert distance(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0)) == 0
