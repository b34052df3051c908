"""The cache beside a Kneser-Ney model, against its definition and on the Penn Treebank."""

import doctest
import os

import numpy as np
import pytest

from keras_rnn.datasets import penn_treebank
from keras_rnn.models import KneserNey, UnigramCache, unigram_cache
from tests.models.test_kneser_ney import END, OTHER, TRAIN, TYPES, fitted, flat

IDS = flat(OTHER)


def by_definition(ids, weight, decay, model):
    """p of each token, from sums over all tokens before it."""
    p = np.exp(model.log_probabilities(ids))
    for i in range(1, len(ids)):
        c = [decay ** (i - 1 - j) for j in range(i)]
        of_this_word = sum(c[j] for j in range(i) if ids[j] == ids[i])
        p[i] = (1 - weight) * p[i] + weight * of_this_word / sum(c)
    return p


@pytest.mark.parametrize(("weight", "decay"), [(0.3, 0.9), (0.12, 0.99), (0.9, 0.01)])
def test_log_probabilities_are_those_of_the_definition(weight, decay):
    model = fitted()
    p = np.exp(UnigramCache(model, weight, decay).log_probabilities(IDS))
    np.testing.assert_allclose(p, by_definition(IDS, weight, decay, model), rtol=1e-11)
    # A wrong one: the other share, another decay, a history that begins anew with each line.
    for wrong in [(1 - weight, decay), (weight, decay**2)]:
        assert np.abs(p - by_definition(IDS, *wrong, model)).max() > 1e-4
    by_line = np.concatenate([by_definition(line, weight, decay, model) for line in OTHER])
    assert np.abs(p - by_line).max() > 1e-4


def test_without_weight_it_is_the_model():
    model = fitted()
    np.testing.assert_allclose(
        UnigramCache(model, weight=0.0).log_probabilities(IDS), model.log_probabilities(IDS), rtol=1e-12
    )


@pytest.mark.parametrize("i", [0, 1, 2, 3, 20, 80])
def test_the_distribution_sums_to_one_and_is_that_of_the_log_probabilities(i):
    cache = UnigramCache(fitted(), weight=0.3, decay=0.9)
    p = cache.distribution(IDS[:i])
    assert abs(p.sum() - 1) < 1e-12
    assert abs(np.log(p[IDS[i]]) - cache.log_probabilities(IDS)[i]) < 1e-12


def test_fit_takes_the_best_pair():
    cache = UnigramCache(fitted())
    weights, decays = (0.05, 0.2, 0.6), (0.5, 0.9, 0.99)
    trials = {
        (weight, decay): UnigramCache(cache.model, weight, decay).perplexity(IDS)
        for weight in weights
        for decay in decays
    }
    assert cache.fit(IDS, weights, decays) is cache
    assert (cache.weight, cache.decay) == min(trials, key=trials.get)
    assert cache.perplexity(IDS) == min(trials.values())
    assert len(set(trials.values())) == 9


def test_examples_run():
    names = {"KneserNey": KneserNey}
    assert doctest.testmod(unigram_cache, extraglobs=names).failed == 0


@pytest.mark.parametrize("arguments", [{"weight": 1.0}, {"weight": -0.1}, {"decay": 1.0}, {"decay": 0.0}])
def test_wrong_arguments_are_errors(arguments):
    [(name, value)] = arguments.items()
    with pytest.raises(ValueError, match=f"`{name}` must lie .* received {name}={value}"):
        UnigramCache(fitted(), **arguments)


def test_wrong_ids_are_errors():
    cache = UnigramCache(KneserNey(TYPES, END, 2).fit(flat(TRAIN)))
    for method in (cache.log_probabilities, cache.distribution, cache.fit):
        with pytest.raises(ValueError, match="received 60 at position 1"):
            method([1, 60])
    with pytest.raises(ValueError, match="must hold at least one id"):
        cache.perplexity([])


@pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")
@pytest.mark.data
def test_penn_treebank():
    train, validation, test = (
        penn_treebank.load(split, download=False) for split in ("train", "validation", "test")
    )
    model = KneserNey(len(train.vocabulary), train.vocabulary.end).fit(train.tokens)
    cache = UnigramCache(model, weight=0.5, decay=0.5).fit(validation.tokens)
    default = UnigramCache(model)
    assert (cache.weight, cache.decay) == (default.weight, default.decay)
    assert abs(cache.perplexity(validation.tokens) - 128.57) < 0.05
    assert abs(cache.perplexity(test.tokens) - 125.19) < 0.05
