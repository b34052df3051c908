"""Each head is trained by maximum likelihood: its loss, and that training finds the distribution."""

import keras
import numpy as np
import pytest

from keras_rnn.losses import GaussianNegativeLogLikelihood
from keras_rnn.metrics import GaussianMeanSquaredError
from tests.models.small import TEXTS, classifier, distance

TARGETS = {
    "bernoulli": np.array([[1, 0], [0, 0], [1, 1], [0, 1]] * 2),
    "categorical": np.array([0, 2, 1, 1, 0, 2, 2, 2]),
    "gaussian": np.linspace(-2, 3, 16).reshape(8, 2),
}
OUTPUTS = {"bernoulli": 2, "categorical": 3, "gaussian": 2}


def negative_log_likelihood(head, p, y):
    """In nats, the mean over the texts and, for several answers, over the answers."""
    if head == "bernoulli":
        return -np.where(y, np.log(p), np.log1p(-p)).mean()
    if head == "categorical":
        return -np.log(p[np.arange(len(y)), y]).mean()
    mean, variance = np.split(p, 2, axis=1)
    density = np.exp(-((y - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    return -np.log(density).mean()


@pytest.mark.parametrize("head", TARGETS)
def test_default_loss_and_metric(head):
    model = classifier(head=head, outputs=OUTPUTS[head])
    p, y = model.predict(TEXTS, verbose=0).astype(np.float64), TARGETS[head]
    metric = {
        "bernoulli": lambda: np.mean((p > 0.5) == y),
        "categorical": lambda: np.mean(p.argmax(1) == y),
        "gaussian": lambda: np.mean((y - p[:, :2]) ** 2),
    }[head]()
    measured = model.evaluate(TEXTS, y, verbose=0, return_dict=True)
    name = "mse" if head == "gaussian" else "accuracy"
    assert set(measured) == {name, "loss"}
    expected = [metric, negative_log_likelihood(head, p, y)]
    assert distance([measured[name], measured["loss"]], expected) < 1e-5


@pytest.mark.parametrize("head", TARGETS)
def test_a_column_of_labels_is_a_row_of_labels(head):
    model = classifier(head=head, outputs=OUTPUTS[head] if head == "categorical" else 1)
    y = np.array([1, 0, 1, 0, 1, 0, 1, 1])
    losses = [model.evaluate(TEXTS, labels, verbose=0) for labels in (y, y[:, None], y.tolist(), y > 0)[:3]]
    assert distance(losses[0], losses[1]) == distance(losses[0], losses[2]) == 0


def test_a_loss_and_metrics_of_the_user_are_kept():
    model = classifier()
    model.compile("sgd", loss="mse", metrics=["mae"])
    p = model.predict(TEXTS, verbose=0)[:, 0]
    expected = [np.mean((p - 1) ** 2), np.mean(np.abs(p - 1))]
    assert distance(model.evaluate(TEXTS, np.ones(8), verbose=0), expected) < 1e-6


# Two kinds of text. Of the fitted distributions the likelihood is highest at the frequencies, the means and
# the variances of the sample itself, so that these are known exactly.
KINDS = ["good film", "bad"]
SAMPLE = {
    "bernoulli": ([1] * 12 + [0] * 4, [1] * 2 + [0] * 14),
    "categorical": ([0] * 8 + [1] * 4 + [2] * 4, [2] * 10 + [1] * 6),
    "gaussian": (np.linspace(0, 3, 16), np.linspace(-2, -1, 16)),
}
LEARNT = {
    "bernoulli": [[12 / 16], [2 / 16]],
    "categorical": [[0.5, 0.25, 0.25], [0, 6 / 16, 10 / 16]],
    "gaussian": [[np.mean(y), np.var(y)] for y in SAMPLE["gaussian"]],
}


@pytest.mark.parametrize("head", SAMPLE)
def test_training_finds_the_distribution(head):
    texts = 12 * [text for text, y in zip(KINDS, SAMPLE[head]) for _ in y]
    labels = np.tile(np.concatenate(SAMPLE[head]), 12)
    model = classifier(head=head, outputs=3 if head == "categorical" else 1)
    rate = keras.optimizers.schedules.CosineDecay(0.05, 240)
    model.compile(keras.optimizers.Adam(rate))
    losses = model.fit(texts, labels, batch_size=32, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert distance(model.predict(KINDS, verbose=0), LEARNT[head]) < 0.04


def test_gaussian_loss_and_metric_take_weights_and_shapes():
    y, p = np.array([1.0, 2.0]), np.array([[0.0, 4.0], [2.5, 0.25]])
    expected = [0.5 * (np.log(2 * np.pi * v) + (t - m) ** 2 / v) for t, (m, v) in zip(y, p)]
    for shape in ((2,), (2, 1)):
        loss = GaussianNegativeLogLikelihood()(y.reshape(shape), p, sample_weight=[1.0, 3.0])
        assert abs(float(loss) - (expected[0] + 3 * expected[1]) / 2) < 1e-6
        metric = GaussianMeanSquaredError()
        metric.update_state(y.reshape(shape), p, sample_weight=[1.0, 3.0])
        assert abs(float(metric.result()) - (1 + 3 * 0.25) / 4) < 1e-6


@pytest.mark.parametrize(
    ("head", "labels", "error", "message"),
    [
        ("bernoulli", [0, 2], ValueError, "Each label must be 0 or 1; received 2"),
        ("bernoulli", [0, -1], ValueError, "received -1"),
        ("bernoulli", [0, 0.5], ValueError, r"received 0\.5"),
        ("bernoulli", [0, np.nan], ValueError, "received nan"),
        (
            "bernoulli",
            [[0, 1], [1, 1]],
            ValueError,
            r"must hold 1 of them; received labels of shape \(2, 2\)",
        ),
        (
            "bernoulli",
            ["pos", "neg"],
            TypeError,
            "Labels must be numbers; received dtype <U3, for example .*pos",
        ),
        ("bernoulli", [None, 1], TypeError, "Labels must be numbers; received dtype object"),
        ("categorical", [0, 3], ValueError, "Each label must be a class from 0 to 2; received 3"),
        (
            "categorical",
            [[1, 0, 0], [0, 1, 0]],
            ValueError,
            "one class, as a number and not one-hot; received",
        ),
        ("gaussian", [0, np.inf], ValueError, "Each label must be a finite number; received inf"),
        ("gaussian", [[0, 1], [1, 1]], ValueError, r"must hold 1 of them; received labels of shape \(2, 2\)"),
        ("gaussian", ["a", "b"], TypeError, "Labels must be numbers"),
    ],
)
def test_labels_that_do_not_fit_the_head(head, labels, error, message):
    model = classifier(head=head, outputs=3 if head == "categorical" else 1)
    texts, ids = TEXTS[:2], np.array([[2, 3], [4, 0]])
    calls = [
        lambda: model.fit(texts, labels),
        lambda: model.evaluate(texts, labels),
        lambda: model.fit(texts, [0, 1], validation_data=(texts, labels)),
        lambda: model.fit(ids, labels),
        lambda: model.evaluate(ids, labels),
        lambda: model.fit(texts, [0, 1], validation_data=(ids, labels)),
    ]
    for call in calls:
        with pytest.raises(error, match=message):
            call()
