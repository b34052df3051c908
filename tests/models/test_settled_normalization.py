"""Batch normalization with the statistics of all texts."""

import numpy as np
import pytest

from keras_rnn.layers import GRU
from keras_rnn.models import settle_normalization
from tests.contracts.arrays import distance, normal
from tests.models.small import LABELS, TEXTS, classifier

SAID = [text for text in TEXTS if text]


def normalized(**arguments):
    model = classifier(
        layers=[GRU(5, return_sequences=True)], pooling=["last", "max"], normalize=True, **arguments
    )
    model.set_weights([normal([1, k], *w.shape) ** 2 for k, w in enumerate(model.get_weights())])
    return model


def pooled(model, text):
    h = model.hidden_states(model.embedding(model.tokenizer.encode([text])[0][None]))
    return np.concatenate([h[0, -1], np.max(h[0], axis=0)])


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_they_are_those_of_the_pooled_features_one_text_at_a_time(batch_size):
    model = normalized(word_dropout=0.5, embedding_dropout=0.5, dropout=0.5)
    before = [v.numpy() for v in model.trainable_variables]
    settle_normalization(model, SAID, batch_size=batch_size, verbose=0)
    expected = np.stack([pooled(model, text) for text in SAID])
    norm = model.normalization
    assert distance(norm.moving_mean, expected.mean(axis=0)) < 1e-6
    assert distance(norm.moving_variance, expected.var(axis=0)) < 1e-6
    assert all(distance(a, b) == 0 for a, b in zip(before, model.trainable_variables))
    z = (expected - expected.mean(axis=0)) / np.sqrt(expected.var(axis=0) + 1e-5)
    z = (z * norm.gamma + norm.beta) @ np.array(model.head.get_weights()[0]) + model.head.get_weights()[1]
    assert distance(model.predict(SAID, verbose=0), 1 / (1 + np.exp(-z))) < 1e-5


def test_moving_averages_are_of_the_last_batches_and_these_are_not():
    model = normalized()
    model.compile()
    model.fit(TEXTS, LABELS, epochs=3, batch_size=2, verbose=0)
    moving = model.normalization.moving_mean.numpy()
    settle_normalization(model, TEXTS, verbose=0)
    assert distance(moving, model.normalization.moving_mean) > 1e-3


def test_ids_and_features():
    model = normalized()
    ids = np.array([[2, 3, 4], [5, 0, 0]])
    settle_normalization(model, ids, verbose=0)
    h = [
        model.hidden_states(model.embedding(ids[:1]))[0],
        model.hidden_states(model.embedding(ids[1:, :1]))[0],
    ]
    expected = np.mean([np.concatenate([one[-1], np.max(one, axis=0)]) for one in h], axis=0)
    assert distance(model.normalization.moving_mean, expected) < 1e-6


def test_a_classifier_without_is_refused():
    with pytest.raises(
        ValueError, match="`classifier` must have normalize=True; received <SequenceClassifier"
    ):
        settle_normalization(classifier(), TEXTS)
