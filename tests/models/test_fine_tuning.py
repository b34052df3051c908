"""From a language model to a classifier: what is copied, what is refused, and what is added to the loss."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.datasets import Vocabulary
from keras_rnn.layers import GRU, LSTM, AdaptiveSoftmax
from keras_rnn.models import FineTuning, LanguageModel, transfer, virtual_adversarial_loss
from keras_rnn.text import WordTokenizer
from tests.contracts.arrays import distance, identical, normal
from tests.contracts.test_jax import run_on_jax
from tests.models.small import LABELS, TEXTS, WORDS, classifier

IDS = np.array([[2, 3, 4, 6, 2], [5, 1, 3, 0, 0], [4, 0, 0, 0, 0]])
FOLLOWS = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]])


def language_model(words=WORDS, layers=(LSTM, 6), **options):
    vocabulary = None if words is None else Vocabulary.from_words(words)
    layer, units = layers
    options |= {"softmax": AdaptiveSoftmax(7, [3], factor=2), "vocabulary": vocabulary, "name": "lm"}
    model = LanguageModel(7, [layer(units)], 4, **options)
    model.build((None, None))
    model.set_weights([0.7 * normal([0, k], *w.shape) for k, w in enumerate(model.get_weights())])
    return model


def own_classifier(**arguments):
    return classifier(layers=[LSTM(6, return_sequences=True)], **arguments)


def transferred(**arguments):
    lm, model = language_model(), own_classifier(**arguments)
    transfer(lm, model)
    return lm, model


def test_the_states_of_the_classifier_are_those_of_the_language_model():
    lm, model = transferred()
    h, _ = lm.run(IDS[:1], lm.initial_states(1))
    assert distance(model.hidden_states(model.embedding(IDS[:1])), h) < 1e-6
    fresh = own_classifier()
    assert all(identical(a, b) for a, b in zip(model.head.get_weights(), fresh.head.get_weights()))
    assert distance(fresh.embedding.get_weights()[0], model.embedding.get_weights()[0]) > 0.1


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (
            lambda: (language_model(["good", "bad", "movie", "a", "not"]), own_classifier()),
            ValueError,
            "first differ at id 4, which is 'movie' to the language model and 'film' to the cl",
        ),
        (
            lambda: (language_model(), own_classifier(tokenizer=WordTokenizer(WORDS[:4]))),
            ValueError,
            "first differ at id 6, which is 'not' to the language model and None to the classifier",
        ),
        (lambda: (language_model(None), own_classifier()), ValueError, "`language_model` has no vocabulary"),
        (
            lambda: (language_model(), own_classifier(vocabulary_size=7)),
            ValueError,
            "`classifier` has no tokenizer",
        ),
        (
            lambda: (language_model(layers=(GRU, 6)), own_classifier()),
            ValueError,
            "received LSTM with weights of shapes .* in the place of GRU with",
        ),
        (
            lambda: (language_model(layers=(LSTM, 5)), own_classifier()),
            ValueError,
            r"LSTM .*\(6, 24\).* in the place of LSTM .*\(5, 20\)",
        ),
        (
            lambda: (language_model(), classifier(layers=[LSTM(6, "relu", return_sequences=True)])),
            ValueError,
            "'activation': 'relu'.* in the place of LSTM .*'activation': 'tanh'",
        ),
        (
            lambda: (language_model(skip_connections=True), own_classifier()),
            ValueError,
            "`language_model` must have skip_connections=False",
        ),
        (
            lambda: (language_model(), classifier(layers=[])),
            ValueError,
            "received nothing in the place of LSTM",
        ),
        (
            lambda: (own_classifier(), own_classifier()),
            TypeError,
            "`language_model` must be a built Language",
        ),
        (lambda: (language_model(), language_model()), TypeError, "`classifier` must be a built SequenceCl"),
    ],
)
def test_what_is_not_transferred(make, error, sentence):
    with pytest.raises(error, match=sentence):
        transfer(*make())


def test_the_language_models_loss_is_its_mean_over_all_words_that_follow_one():
    lm, model = transferred()
    tuning = FineTuning(model, lm.softmax, language_weight=0.3)
    assert distance(tuning(IDS), model(IDS)) == 0
    assert not tuning.losses
    p = tuning(IDS, training=True)
    nll, _ = lm.score(IDS[:, :-1], IDS[:, 1:], lm.initial_states(3))
    nll = ops.convert_to_numpy(nll)
    assert distance(p, model(IDS)) < 1e-6
    assert float(sum(tuning.losses)) == pytest.approx(0.3 * (nll * FOLLOWS).sum() / FOLLOWS.sum(), rel=1e-5)


def test_what_is_added_trains_the_classifier_and_leaves_the_softmax():
    lm, model = transferred()
    before, start = lm.softmax.get_weights(), model.get_weights()
    tuning = FineTuning(model, lm.softmax, language_weight=0.5, adversarial_weight=2.0, seed=3)
    tuning(IDS, training=True)
    _, adversarial = tuning.losses
    assert float(adversarial) > 1e-3
    tuning.compile(keras.optimizers.SGD(0.1))
    told = tuning.fit(TEXTS, LABELS, batch_size=8, verbose=0).history
    assert set(told) == {"loss", "accuracy"}
    _, plain = transferred()
    plain.compile(keras.optimizers.SGD(0.1))
    less = plain.fit(TEXTS, LABELS, batch_size=8, verbose=0).history
    # One batch: the losses are those before the first step.
    assert told["loss"][0] > less["loss"][0] + 0.5
    assert told["accuracy"] == less["accuracy"]
    for old, new, other in zip(start[:3], model.get_weights(), plain.get_weights()):
        assert distance(old, new) > 1e-4
        assert distance(new, other) > 1e-4
    assert all(identical(a, b) for a, b in zip(before, lm.softmax.get_weights()))
    assert distance(tuning.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0)) < 1e-6


def divergence(p, q):
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


def test_of_a_linear_model_the_worst_direction_is_its_weight():
    w, e = normal(1, 3), normal(2, 2, 5, 3)
    mask = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]])
    z = (e * w * mask[..., None]).sum((1, 2))

    def predict(x):
        counted = ops.cast(mask[..., None] * w, "float32") * ops.cast(x, "float32")
        return ops.sigmoid(ops.sum(counted, axis=(1, 2)))[:, None]

    seeds = keras.random.SeedGenerator(4)
    found = float(virtual_adversarial_loss(predict, e.astype("float32"), mask, 0.8, seeds))
    move, p = 0.8 * np.linalg.norm(w) * np.sqrt(mask.sum(1)), 1 / (1 + np.exp(-z))
    # Along the weight or against it: which, the random start decides, row by row.
    either = [divergence(p, 1 / (1 + np.exp(-z - sign * move))) for sign in (1, -1)]
    expected = [(either[j][0] + either[k][1]) / 2 for j in (0, 1) for k in (0, 1)]
    assert min(abs(found - value) for value in expected) < 1e-4
    assert min(expected) > 1e-2


def test_the_direction_that_is_found_is_worse_than_others():
    _, model = transferred()
    ids = IDS[:2]
    mask, e = ids != 0, model.embedding(ids)

    def read(x):
        return model.read(x, mask)

    found = float(virtual_adversarial_loss(read, e, mask, 0.3, keras.random.SeedGenerator(5)))
    p, others = ops.convert_to_numpy(read(e)), []
    for seed in range(20):
        r = normal(seed, *e.shape) * mask[..., None]
        r *= 0.3 / np.sqrt((r**2).sum((1, 2), keepdims=True))
        others.append(divergence(p, ops.convert_to_numpy(read(e + r.astype("float32")))).mean())
    assert found > 1.5 * np.mean(others)
    assert found > max(others)


@pytest.mark.slow
def test_it_trains_on_jax():
    chosen = "states_of or mean_over or what_is_added or linear_model"
    output = run_on_jax("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", chosen)
    assert "4 passed" in output


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: FineTuning(language_model()), TypeError, "`classifier` must be a SequenceClassifier"),
        (lambda: FineTuning(own_classifier(), None, 0.1), ValueError, "`softmax` must be that of .*=0.1"),
        (lambda: FineTuning(own_classifier(), None, -1.0), ValueError, "`language_weight` must be a number"),
        (
            lambda: FineTuning(own_classifier(), adversarial_weight=np.nan),
            ValueError,
            "`adversarial_weight` must be a number from 0; received adversarial_weight=nan",
        ),
        (
            lambda: FineTuning(own_classifier(), adversarial_norm=0.0),
            ValueError,
            r"`adversarial_norm` must be above 0; received adversarial_norm=0\.0",
        ),
        (
            lambda: FineTuning(own_classifier(head="categorical", outputs=2), adversarial_weight=1.0),
            ValueError,
            "`adversarial_weight` must be 0 for a categorical head",
        ),
    ],
)
def test_what_is_refused(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()
