"""The continuous cache, against a loop over all positions, in pieces of any length, and on a text."""

import doctest

import keras
import numpy as np
import pytest

from keras_rnn.layers import GRU, LSTM, MixtureOfSoftmaxes
from keras_rnn.models import LanguageModel, cache_perplexity, cache_pointer, choose_cache
from tests.contracts.arrays import distance, flat
from tests.models.small_language_model import TYPES, language_model, likelihoods

IDS = np.random.default_rng(2).integers(0, TYPES, 60)
SETTINGS = {"window": 10, "theta": 2.0, "weight": 0.3}


def in_double(**arguments):
    return language_model([LSTM(7, dtype="float64"), GRU(4, dtype="float64")], dtype="float64", **arguments)


def by_definition(model, ids, window, theta, weight, first=lambda t, window: max(0, t - window), late=0):
    """-log p of each id but the first, by a loop over the positions before each.

    A wrong cache begins at another `first` position, or ends `late`, when the words are not yet known.
    """
    h = flat(model.run(ids[None, :-1], model.initial_states(1))[0])[0][0]
    p = np.exp(-likelihoods(model, ids))
    for t in range(len(ids) - 1):
        positions = range(first(t, window), t + late)
        if not positions:
            continue
        scores = np.array([theta * (h[t] @ h[i]) for i in positions])
        shares = np.exp(scores - scores.max())
        of_this_word = sum(share for i, share in zip(positions, shares) if ids[i + 1] == ids[t + 1])
        p[t] = (1 - weight) * p[t] + weight * of_this_word / shares.sum()
    return -np.log(p)


@pytest.mark.parametrize(
    ("window", "theta", "weight"),
    [(10, 2.0, 0.3), (1, 0.5, 0.9), (3, 0.0, 0.5), (59, 5.0, 0.1), (500, 1.0, 0.2)],
)
def test_it_is_its_definition(window, theta, weight):
    model = in_double()
    expected = by_definition(model, IDS, window, theta, weight)
    found = cache_perplexity(model, IDS, window, theta, weight, steps=7)
    assert abs(found["nll"] - expected.mean()) < 1e-10
    assert abs(found["perplexity"] - np.exp(expected.mean())) < 1e-9
    assert found["tokens"] == len(expected) == 59
    assert found["settings"] == {"window": window, "theta": theta, "weight": weight}


WRONG = {
    "one position more": {"first": lambda t, window: max(0, t - window - 1)},
    "one position less": {"first": lambda t, window: max(0, t - window + 1)},
    "without the latest": {"late": -1},
    "with the word itself": {"late": 1},
    "empty where a piece begins": {"first": lambda t, window: max(7 * (t // 7), t - window)},
    "another theta": {"theta": 1.9},
    "another weight": {"weight": 0.29},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_cache_is_another_number(wrong):
    model = in_double()
    found = cache_perplexity(model, IDS, **SETTINGS, steps=7)["nll"]
    assert abs(found - by_definition(model, IDS, **{**SETTINGS, **WRONG[wrong]}).mean()) > 1e-4


@pytest.mark.parametrize("steps", [1, 4, 23, 59, 100])
def test_the_length_of_the_pieces_changes_nothing(steps):
    model = language_model()
    expected = by_definition(model, IDS, **SETTINGS).mean()
    assert abs(cache_perplexity(model, IDS, **SETTINGS, steps=steps)["nll"] - expected) < 1e-5


def test_without_weight_it_is_the_model():
    model = language_model()
    found = cache_perplexity(model, IDS, weight=0.0)
    expected = model.perplexity(IDS)
    assert abs(found["nll"] - expected["nll"]) < 1e-6
    assert found["tokens"] == expected["tokens"]


def test_the_first_token_is_the_model_s():
    model = language_model()
    for ids in ([3, 5], [4, 4]):
        found = cache_perplexity(model, ids, weight=0.9)["nll"]
        assert abs(found - model.perplexity(ids)["nll"]) < 1e-6


def test_what_is_nearly_impossible_stays_finite_and_exact():
    # p_model and p_cache of the last word are about exp(-300), less than float32 has.
    arguments = {"window": 9, "theta": 400.0, "weight": 0.5}
    models = [language_model(), in_double()]
    for model in models:
        bias = np.zeros(TYPES)
        bias[3] = -300
        model.softmax.bias.assign(bias)
    ids = np.array([1, 3, 5, 5, 5, 5, 5, 5, 5, 3])
    expected = by_definition(models[1], ids, **arguments)
    assert expected[-1] > 100
    found = cache_perplexity(models[0], ids, **arguments)["nll"]
    assert abs(found / expected.mean() - 1) < 1e-4


def test_a_grid_is_its_settings_one_by_one_and_the_best_comes_first():
    model = language_model()
    results = choose_cache(model, IDS, (3, 10), (0.5, 3.0), (0.0, 0.1, 0.4), part=40, steps=7)
    assert len(results) == 12
    for result in results:
        alone = cache_perplexity(model, IDS[:40], **result["settings"])
        assert abs(alone["nll"] - result["nll"]) < 1e-5
        assert (alone["settings"], alone["tokens"]) == (result["settings"], 39)
    found = [result["nll"] for result in results]
    assert found == sorted(found)
    assert len({round(nll, 4) for nll in found}) > 5


@pytest.mark.parametrize("tied", [False, True])
def test_it_reads_any_softmax(tied):
    softmax = MixtureOfSoftmaxes(TYPES, experts=3, latent_size=6, tied=tied, dropout=0.5, dtype="float64")
    dropout = {"hidden_dropout": 0.5, "output_dropout": 0.5}
    model = in_double(softmax=softmax, tie_embeddings=tied, **dropout)
    expected = by_definition(model, IDS, **SETTINGS).mean()
    assert abs(cache_perplexity(model, IDS, **SETTINGS)["nll"] - expected) < 1e-10


def test_a_text_that_repeats_itself_becomes_easier():
    ids = np.tile(np.random.default_rng(3).integers(0, TYPES, 30), 6)
    model = language_model([LSTM(16)])
    model.set_weights([2 * w for w in model.get_weights()])
    alone = model.perplexity(ids)["perplexity"]
    assert cache_perplexity(model, ids)["perplexity"] < 0.8 * alone
    [best, *_] = choose_cache(model, ids)
    assert best["perplexity"] < 0.65 * alone


def test_the_model_is_left_as_it_is():
    model = language_model()
    model({"tokens": IDS[None, :5], "targets": IDS[None, 1:6]})
    before = flat([model.get_weights(), model.states])
    cache_perplexity(model, IDS)
    assert distance([model.get_weights(), model.states], before) == 0


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

    compiled = cache_pointer.compiled
    monkeypatch.setattr(cache_pointer, "compiled", spied)
    model = language_model()
    for repeats in (1, 20):
        traced.clear()
        cache_perplexity(model, np.tile(IDS, repeats), window=10, steps=7)
        assert len(traced) == 1
    assert len(sizes) == 1
    assert max(np.prod(shape, dtype=int) for shape in next(iter(sizes))) <= 10 * 7


def test_examples_run():
    names = {"np": np, "LanguageModel": LanguageModel, "LSTM": LSTM}
    assert doctest.testmod(cache_pointer, extraglobs=names).failed == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"window": 0}, ValueError, "`window` must be an integer of at least 1; received window=0"),
        ({"window": 2.5}, TypeError, "`window` must be an integer of at least 1; received window=2.5"),
        ({"theta": -1.0}, ValueError, "`theta` must be a number from 0 on; received theta=-1.0"),
        ({"theta": np.nan}, ValueError, "`theta` must be a number from 0 on; received theta=nan"),
        ({"weight": 1.0}, ValueError, "`weight` must lie from 0 and below 1; received weight=1.0"),
        ({"weight": -0.1}, ValueError, "`weight` must lie from 0 and below 1; received weight=-0.1"),
        ({"ids": [1, TYPES]}, ValueError, "from 0 to 10; received 11 at place 1"),
        ({"ids": [1]}, ValueError, "`ids` must be one row of at least two"),
    ],
)
def test_wrong_arguments_are_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        cache_perplexity(language_model(), **{"ids": IDS, **arguments})


def test_a_progress_bar_is_shown_where_it_is_asked_for(capsys):
    model = language_model()
    cache_perplexity(model, IDS)
    assert capsys.readouterr().out == ""
    cache_perplexity(model, IDS, steps=20, verbose=1)
    assert "3/3" in capsys.readouterr().out
