"""Dynamic evaluation, against a loop that learns by hand, and what it leaves alone."""

import doctest
import json

import keras
import numpy as np
import pytest

from keras_rnn.datasets import TokenStream
from keras_rnn.layers import GRU, LSTM, MixtureOfSoftmaxes, SimpleRNN
from keras_rnn.models import (
    LanguageModel,
    cache_perplexity,
    choose_dynamic,
    dynamic_evaluation,
    dynamic_perplexity,
    gradient_statistics,
)
from tests.contracts.arrays import distance, flat
from tests.contracts.test_jax import run_on_jax
from tests.models.small_language_model import TYPES, language_model
from tests.reference import dynamic_evaluation as oracle

IDS = np.random.default_rng(2).integers(0, TYPES, 48)
TRAIN = np.random.default_rng(6).integers(0, TYPES, 70)
STEPS = 5
SGD = {"learning_rate": 0.7, "decay": 0.2}
RMS = {"learning_rate": 0.02, "decay": 0.3, "epsilon": 0.01}


def in_double():
    return language_model([SimpleRNN(7, dtype="float64")], dtype="float64")


def placed(model, arrays):
    """Arrays in the order of the model's weights in the order E, W, U, b, K, c."""
    parts = (model.embedding, *model.recurrent_layers, model.softmax)
    place = {id(w): k for k, w in enumerate(model.trainable_weights)}
    return [arrays[place[id(w)]] for part in parts for w in part.weights]


def start(model):
    """The weights in this order."""
    return placed(model, flat(model.trainable_weights))


@pytest.mark.parametrize(
    "arguments",
    [
        SGD,
        {"learning_rate": 0.3},
        {"learning_rate": 1.0, "decay": 1.0},
        {**SGD, "steps": 1},
        {**SGD, "steps": 60},
    ],
)
def test_it_is_its_definition(arguments):
    model = in_double()
    expected = oracle.likelihoods(start(model), IDS, **{"decay": 0.0, **arguments})
    found = dynamic_perplexity(model, IDS, **arguments)
    assert abs(found["nll"] - expected.mean()) < 1e-10
    assert abs(found["perplexity"] - np.exp(expected.mean())) < 1e-9
    assert found["tokens"] == len(expected) == 47
    assert found["settings"] == {"decay": 0.0, "epsilon": 2e-5, "steps": 5, **arguments}


@pytest.mark.parametrize("keep_tail", [False, True])
def test_statistics_are_their_definition(keep_tail):
    # 69 predictions in three rows of 23: four batches of 5 steps, and one of 3.
    model = in_double()
    found = gradient_statistics(model, TokenStream(TRAIN, 3, STEPS, keep_tail=keep_tail))
    assert [own.shape for own in found] == [tuple(w.shape) for w in model.trainable_weights]
    assert distance(placed(model, found), oracle.statistics(start(model), TRAIN, 3, STEPS, 5)) < 1e-10
    found = gradient_statistics(model, TokenStream(TRAIN, 3, STEPS, keep_tail=keep_tail), batches=2)
    assert distance(placed(model, found), oracle.statistics(start(model), TRAIN, 3, STEPS, 2)) < 1e-10


@pytest.mark.parametrize("decay", [0.0, 0.3, 100.0])
def test_with_statistics_it_is_its_definition(decay):
    model = in_double()
    statistics = gradient_statistics(model, TokenStream(TRAIN, 3, STEPS))
    arguments = {**RMS, "decay": decay}
    expected = oracle.likelihoods(start(model), IDS, **arguments, rms=placed(model, statistics))
    found = dynamic_perplexity(model, IDS, **arguments, statistics=statistics)
    assert abs(found["nll"] - expected.mean()) < 1e-10


WRONG = {
    "it learns before it predicts": {"learn_first": True},
    "away from the trained weights": {"decay": -0.2},
    "the sum is learned": {"scale": 5.0},
    "uphill": {"scale": -1.0},
    "states are not carried": {"carry": False},
    "other segments": {"steps": 6},
}
WRONG_RMS = {
    "every weight counts alike": {"mean": lambda rms: np.concatenate([r.ravel() for r in rms]).mean()},
    "no limit": {"decay": 100.0, "clip": 110.0},
    "another epsilon": {"epsilon": 0.02},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_rule_is_another_number(wrong):
    model = in_double()
    found = dynamic_perplexity(model, IDS, **SGD)["nll"]
    assert abs(found - oracle.likelihoods(start(model), IDS, **{**SGD, **WRONG[wrong]}).mean()) > 1e-3


@pytest.mark.parametrize("wrong", WRONG_RMS)
def test_a_wrong_rule_of_statistics_is_another_number(wrong):
    model, change = in_double(), WRONG_RMS[wrong]
    statistics = gradient_statistics(model, TokenStream(TRAIN, 3, STEPS))
    arguments = {**RMS, "decay": change.get("decay", RMS["decay"])}
    found = dynamic_perplexity(model, IDS, **arguments, statistics=statistics)["nll"]
    with np.errstate(all="ignore"):
        other = oracle.likelihoods(
            start(model), IDS, **{**arguments, **change}, rms=placed(model, statistics)
        ).mean()
    assert not abs(found - other) < 1e-5


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_without_learning_it_is_the_model(decay):
    model = language_model()
    expected = model.perplexity(IDS)
    statistics = gradient_statistics(model, TokenStream(TRAIN, 3, STEPS))
    for given in (None, statistics):
        found = dynamic_perplexity(model, IDS, 0.0, decay, given)
        assert abs(found["nll"] - expected["nll"]) < 1e-6
        assert found["tokens"] == expected["tokens"]


def test_the_first_segment_is_the_model_s():
    model = language_model()
    for count in (2, STEPS + 1):
        found = dynamic_perplexity(model, IDS[:count], 5.0)["nll"]
        assert abs(found - model.perplexity(IDS[:count])["nll"]) < 1e-6
    count = STEPS + 2
    assert (
        abs(dynamic_perplexity(model, IDS[:count], 5.0)["nll"] - model.perplexity(IDS[:count])["nll"]) > 1e-3
    )


def test_a_text_that_repeats_itself_becomes_easier():
    keras.utils.set_random_seed(5)
    ids = np.tile(np.random.default_rng(3).integers(0, 50, 30), 10)
    model = LanguageModel(50, [LSTM(16)], 8)
    alone = model.perplexity(ids)["perplexity"]
    assert dynamic_perplexity(model, ids, 0.5)["perplexity"] < 0.8 * alone
    others = np.random.default_rng(4).integers(0, 50, 301)
    statistics = gradient_statistics(model, TokenStream(others, 3, STEPS))
    assert dynamic_perplexity(model, ids, 0.001, 0.001, statistics)["perplexity"] < 0.85 * alone


def test_choose_tries_all_and_the_best_comes_first():
    model = language_model()
    results = choose_dynamic(model, IDS, (0.01, 0.5, 1e30), (0.0, 0.1), part=33, steps=7)
    assert len(results) == 6
    found = [result["nll"] for result in results]
    assert found[:4] == sorted(found[:4])
    assert len(set(found[:4])) == 4
    assert [result["settings"]["learning_rate"] for result in results[4:]] == [1e30] * 2
    for result in results[:4]:
        alone = dynamic_perplexity(model, IDS[:33], **result["settings"])
        assert abs(alone["nll"] - result["nll"]) < 1e-6
        assert (alone["settings"], alone["tokens"]) == (result["settings"], 32)


# ---------------------------------------------------------------------------- what it leaves alone


class Broken(Exception):
    pass


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_is(monkeypatch, fails):
    model = language_model()
    model({"tokens": IDS[None, :5], "targets": IDS[None, 1:6]})
    before = flat([model.get_weights(), model.states])
    statistics = gradient_statistics(model, TokenStream(TRAIN, 3, STEPS))
    assert distance([model.get_weights(), model.states], before) == 0
    if fails:
        add, calls = keras.utils.Progbar.add, []

        def third_fails(self, n):
            calls.append(n)
            if len(calls) == 3:
                raise Broken
            add(self, n)

        monkeypatch.setattr(keras.utils.Progbar, "add", third_fails)
        with pytest.raises(Broken):
            dynamic_perplexity(model, IDS, **SGD, statistics=statistics)
    else:
        dynamic_perplexity(model, IDS, **SGD, statistics=statistics)
    assert distance([model.get_weights(), model.states], before) == 0


def test_it_follows_the_weights_of_the_model():
    model = in_double()
    dynamic_perplexity(model, IDS, **SGD)
    model.set_weights([2 * w for w in model.get_weights()])
    expected = oracle.likelihoods(start(model), IDS, **SGD).mean()
    assert abs(dynamic_perplexity(model, IDS, **SGD)["nll"] - expected) < 1e-10


def test_nothing_is_dropped():
    dropout = dict.fromkeys(("input_dropout", "hidden_dropout", "output_dropout", "embedding_dropout"), 0.5)
    penalties = {"activation_regularization": 2.0, "temporal_activation_regularization": 1.0}
    plain, dropped = language_model(), language_model(**dropout, **penalties)
    found = dynamic_perplexity(dropped, IDS, **SGD)["nll"]
    assert abs(found - dynamic_perplexity(plain, IDS, **SGD)["nll"]) < 1e-6
    stream = TokenStream(TRAIN, 3, STEPS)
    statistics = [gradient_statistics(model, stream) for model in (plain, dropped)]
    assert distance(*statistics) < 1e-6


def test_what_is_not_trainable_does_not_learn():
    model, frozen = language_model(), language_model()
    frozen.embedding.trainable = False
    found = [dynamic_perplexity(one, IDS, **SGD)["nll"] for one in (model, frozen)]
    assert abs(found[0] - found[1]) > 1e-4
    assert len(gradient_statistics(frozen, TokenStream(TRAIN, 3, STEPS))) == len(model.trainable_weights) - 1


def test_tied_embeddings_and_a_mixture_learn_too():
    softmax = MixtureOfSoftmaxes(TYPES, experts=3, latent_size=6, tied=True, dropout=0.5)
    model = language_model([LSTM(7), GRU(5)], softmax=softmax, tie_embeddings=True)
    ids = np.tile(IDS[:20], 5)
    alone = model.perplexity(ids)["nll"]
    assert abs(dynamic_perplexity(model, ids, 0.0)["nll"] - alone) < 1e-6
    assert dynamic_perplexity(model, ids, 0.3)["nll"] < alone - 0.1


def test_memory_and_graphs_do_not_grow_with_the_text(monkeypatch):
    traced, sizes = [], set()

    def spied(model, function):
        def trace(*arguments):
            traced.append(function)
            return function(*arguments)

        run = compiled(model, trace)

        def call(*arguments):
            results = run(*arguments)
            sizes.add(tuple(tuple(x.shape) for x in keras.tree.flatten([arguments, results])))
            return results

        return call

    compiled = dynamic_evaluation.compiled
    monkeypatch.setattr(dynamic_evaluation, "compiled", spied)
    model = language_model()
    for repeats in (1, 5):
        traced.clear()
        choose_dynamic(model, np.tile(IDS, repeats), (0.01, 0.1), (0.0, 0.1))
        assert len(traced) == 1
    assert len(sizes) == 1


# ---------------------------------------------------------------------------- JAX, errors


def numbers():
    model = language_model()
    statistics = gradient_statistics(model, TokenStream(TRAIN, 3, STEPS))
    return [
        cache_perplexity(model, IDS, window=10, theta=2.0, weight=0.3, steps=7)["nll"],
        dynamic_perplexity(model, IDS, **SGD)["nll"],
        dynamic_perplexity(model, IDS, **RMS, statistics=statistics)["nll"],
    ]


ON_JAX = """
import json
from tests.models.test_dynamic_evaluation import numbers
print(json.dumps(numbers()))
"""


@pytest.mark.slow
def test_cache_and_dynamic_evaluation_give_the_same_on_jax():
    assert distance(json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1]), numbers()) < 1e-4


def test_examples_run():
    names = {"np": np, "LanguageModel": LanguageModel, "LSTM": LSTM}
    assert doctest.testmod(dynamic_evaluation, extraglobs=names).failed == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": -0.1}, "`learning_rate` must be a number from 0 on; received learning_rate=-0.1"),
        ({"learning_rate": np.inf}, "`learning_rate` must be a number from 0 on; received learning_rate=inf"),
        ({"decay": -0.1}, "`decay` must be a number from 0 on, .* received decay=-0.1"),
        ({"decay": 1.1}, "at most 1 without `statistics`; received decay=1.1"),
        ({"epsilon": 0.0}, "`epsilon` must be a number above 0; received epsilon=0.0"),
        ({"statistics": [np.ones(3)]}, r"`statistics` must have the shapes .* received \[\(3,\)\]"),
        ({"ids": [1, TYPES]}, "from 0 to 10; received 11 at place 1"),
        ({"ids": [1]}, "`ids` must be one row of at least two"),
        ({"steps": 0}, "`steps` must be an integer of at least 1; received steps=0"),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        dynamic_perplexity(language_model(), **{"ids": IDS, "learning_rate": 0.1, **arguments})
