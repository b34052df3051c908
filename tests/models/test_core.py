"""The core, ids to the parameters of a distribution, against NumPy."""

import keras
import numpy as np
import pytest

from keras_rnn.layers import Bidirectional, SimpleRNN
from keras_rnn.models import SequenceClassifier
from tests.models.small import classifier, distance, tokenizer

IDS = np.array([[2, 3, 4, 5, 6], [6, 2, 0, 0, 0], [0, 0, 5, 6, 0], [2, 0, 3, 0, 4], [0, 0, 0, 0, 0]])


def simple_rnn(weights, x):
    """The states of one sequence, `(time, units)`: h[t] = tanh(x[t] W + h[t-1] U + b)."""
    kernel, recurrent, bias = weights
    states, h = [], np.zeros(len(recurrent))
    for row in x:
        h = np.tanh(row @ kernel + h @ recurrent + bias)
        states.append(h)
    return np.array(states).reshape(len(x), len(bias))


def pooled(how, states):
    if len(states) == 0:
        return np.zeros(states.shape[1])
    return {"last": states[-1], "mean": states.mean(0), "max": states.max(0)}[how]


def scores(model, rows, pooling, layers):
    """What goes into the head's nonlinearity: each row read by itself, padding and gaps left out."""
    embedding = model.embedding.get_weights()[0].astype(np.float64)
    kernel, bias = (w.astype(np.float64) for w in model.head.get_weights())
    results = []
    for row in rows:
        x = embedding[row[row != 0]]
        for layer in layers:
            weights = [w.astype(np.float64) for w in layer.get_weights()]
            x = simple_rnn(weights[:3], x)
        results.append(np.concatenate([pooled(how, x) for how in pooling]) @ kernel + bias)
    return np.array(results)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("pooling", ["last", "mean", "max", ["max", "last", "mean"]])
def test_pooling(pooling):
    model = classifier(pooling=pooling)
    names = [pooling] if isinstance(pooling, str) else pooling
    expected = sigmoid(scores(model, IDS, names, model.recurrent_layers))
    assert distance(model(IDS), expected) < 1e-6


def test_two_layers():
    model = classifier(layers=[SimpleRNN(3, return_sequences=True), SimpleRNN(4, return_sequences=True)])
    assert distance(model(IDS), sigmoid(scores(model, IDS, ["last"], model.recurrent_layers))) < 1e-6


@pytest.mark.parametrize("pooling", ["last", ["mean", "last"]])
def test_bidirectional(pooling):
    model = classifier(layers=[Bidirectional(SimpleRNN(3, return_sequences=True))], pooling=pooling)
    [layer] = model.recurrent_layers
    embedding = model.embedding.get_weights()[0].astype(np.float64)
    kernel, bias = (w.astype(np.float64) for w in model.head.get_weights())
    weights = [w.astype(np.float64) for w in layer.get_weights()]
    expected = []
    for row in IDS:
        x = embedding[row[row != 0]]
        forward, backward = simple_rnn(weights[:3], x), simple_rnn(weights[3:], x[::-1])
        # The last state of the second half is the one that has read the whole sequence: at its beginning.
        halves = {
            "last": [pooled("last", forward), pooled("last", backward)],
            "mean": [pooled("mean", forward), pooled("mean", backward)],
        }
        names = [pooling] if isinstance(pooling, str) else pooling
        expected.append(np.concatenate([half for name in names for half in halves[name]]) @ kernel + bias)
    assert distance(model(IDS), sigmoid(np.array(expected))) < 1e-6


def test_categorical_head_is_a_softmax():
    model = classifier(head="categorical", outputs=3)
    z = np.exp(scores(model, IDS, ["last"], model.recurrent_layers))
    assert distance(model(IDS), z / z.sum(1, keepdims=True)) < 1e-6


def test_gaussian_head_is_means_and_then_variances():
    model = classifier(head="gaussian", outputs=2)
    mean, score = np.split(scores(model, IDS, ["last"], model.recurrent_layers), 2, axis=1)
    assert distance(model(IDS), np.concatenate([mean, np.log1p(np.exp(score)) + 1e-6], 1)) < 1e-6


def test_padding_changes_nothing():
    model = classifier(pooling=["last", "mean", "max"])
    wider = np.concatenate([np.zeros((5, 2), int), IDS, np.zeros((5, 40), int)], axis=1)
    assert distance(model(wider), model(IDS)) < 1e-6


def test_a_mask_takes_the_place_of_the_padding_id():
    model = classifier()
    mask = np.array([[True, True, False, False, False]])
    assert distance(model(IDS[:1], mask=mask), model(IDS[:1, :2])) < 1e-6
    assert distance(model(IDS[:1]), model(IDS[:1, :2])) > 1e-3


def test_features_in_place_of_ids():
    reads_ids = classifier(vocabulary_size=8)
    layer = SimpleRNN.from_config(reads_ids.recurrent_layers[0].get_config())
    model = SequenceClassifier([layer])
    features = reads_ids.embedding(IDS)
    model.build(features.shape)
    model.set_weights(reads_ids.get_weights()[1:])
    assert distance(model(features, mask=IDS != 0), reads_ids(IDS)) < 1e-6
    # Without a mask every step counts, also one whose features are zero.
    assert distance(model(features * 0)[0], model(features[:1] * 0)[0]) < 1e-6
    assert distance(model(features), reads_ids(IDS)) > 1e-3


def test_a_mask_that_comes_with_the_features_is_used_and_goes_no_further():
    model = SequenceClassifier([SimpleRNN(3, return_sequences=True)])
    inputs = keras.Input((None, 2))
    masked = keras.layers.Masking()(inputs)
    whole = keras.Model(inputs, model(masked))
    x = np.random.default_rng(0).normal(size=(2, 5, 2))
    x[0, 3:] = x[1, 1] = 0
    assert distance(whole(x), model(x, mask=x.any(-1))) < 1e-6
    assert distance(whole(x), model(x)) > 1e-3
    assert whole.compute_mask(x, None) is None


def test_dropout_is_off_at_inference_and_on_in_training():
    for name in ("word_dropout", "embedding_dropout", "dropout"):
        model, without = classifier(**{name: 0.5}), classifier()
        without.set_weights(model.get_weights())
        assert distance(model(IDS), without(IDS)) == 0
        assert distance(model(IDS, training=True), model(IDS)) > 1e-3


def test_word_dropout_makes_words_unknown_and_leaves_padding():
    model = classifier(word_dropout=0.999999)
    assert distance(model(IDS, training=True), model(np.where(IDS, 1, 0))) < 1e-6


def test_dropout_of_features_is_the_same_in_all_steps():
    # Seen in the pooled features, where the recurrent layer is replaced by one that passes its input.
    model = classifier(layers=[keras.layers.Activation("linear")], embedding_dropout=0.5, pooling="mean")
    x = model.embedding_dropout(keras.ops.ones((3, 7, 4)), training=True)
    x = keras.ops.convert_to_numpy(x)
    assert set(np.unique(x)) == {0, 2}
    assert (x == x[:, :1]).all()


def test_the_same_seed_gives_the_same_dropout():
    first, second, third = (classifier(dropout=0.5, seed=seed) for seed in (3, 3, 4))
    assert distance(first.get_weights()[0], second.get_weights()[0]) == 0
    assert distance(first(IDS, training=True), second(IDS, training=True)) == 0
    assert distance(first.get_weights()[0], third.get_weights()[0]) > 1e-3


def test_compute_output_shape_is_the_shape():
    for head, outputs, width in (("bernoulli", 1, 1), ("categorical", 3, 3), ("gaussian", 2, 4)):
        model = classifier(head=head, outputs=outputs)
        assert model(IDS).shape == model.compute_output_shape(IDS.shape) == (5, width)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": "poisson"}, "`head` must be one of .*'bernoulli'.*; received head='poisson'"),
        (
            {"layers": [SimpleRNN(3)]},
            "must return its sequence.*received simple_rnn.* Set return_sequences=True",
        ),
        (
            {"tokenizer": tokenizer(), "vocabulary_size": 9},
            "that of the tokenizer, 7; received vocabulary_size=9",
        ),
        ({"pooling": "median"}, "`modes` must be one or more of .*received modes='median'"),
        ({"word_dropout": 1.5}, "`rate` must be a share .*received rate=1.5"),
        ({"outputs": 0}, "`outputs` must be a positive integer; received outputs=0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SequenceClassifier(**{"layers": [], "vocabulary_size": 7, **arguments})


def test_pooled_features_are_normalized_by_the_batch():
    model = classifier(pooling=["mean", "last"], normalize=True, dropout=0.3)
    ids = np.array([[2, 3, 4], [5, 6, 0], [3, 3, 2], [6, 0, 0]])
    mask = ids != 0
    h = model.hidden_states(model.embedding(ids), mask)
    s = keras.ops.convert_to_numpy(model.pooling(h, mask=mask))
    gamma, beta, moving_mean, moving_variance = model.normalization.get_weights()
    W, b = model.head.get_weights()

    def expected(mean, variance):
        return 1 / (1 + np.exp(-(((s - mean) / np.sqrt(variance + 1e-5) * gamma + beta) @ W + b)))

    assert distance(model(ids), expected(moving_mean, moving_variance)) < 1e-6
    model.dropout.rate = 0.0
    assert distance(model.decide(h, mask, training=True), expected(s.mean(0), s.var(0))) < 1e-5
    again = SequenceClassifier.from_config(model.get_config())
    assert again.normalization is not None
    assert classifier().normalization is None
