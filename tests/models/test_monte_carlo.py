"""The mean over dropout masks: against all masks there are, piece by piece, and what it leaves alone."""

from itertools import product

import numpy as np
import pytest

from keras_rnn.layers import GRU, LSTM, Recurrent, SimpleRNN, SimpleRNNCell, WeightDrop
from keras_rnn.models import PointerSentinel, monte_carlo_perplexity
from tests.contracts.arrays import distance, flat
from tests.contracts.test_jax import run_on_jax
from tests.models.small_language_model import OTHER_IDS, TYPES, language_model, stream

UNITS = 3
SHORT = OTHER_IDS[:9]


def dropping_model(scale=3.0, **arguments):
    """Dropout of a half of three features, so that there are eight masks of one probability."""
    model = language_model([SimpleRNN(UNITS)], 4, output_dropout=0.5, seed=1, **arguments)
    model.set_weights([scale * w for w in model.get_weights()])
    return model


def of_all_masks(model, ids):
    """The likelihood of each target under each mask, `(masks, targets)`, by the equations."""
    h = flat(model.run(ids[None, :-1], model.initial_states(1))[0])[0][0]
    W, b = model.softmax.get_weights()
    found = []
    for mask in product((0.0, 2.0), repeat=UNITS):
        z = (h * np.array(mask)) @ W.T + b
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        found.append(p[np.arange(len(h)), ids[1:]])
    return np.array(found)


def check_against_all_masks(samples):
    """In one piece, whose steps share a mask; whether it averages probabilities, and not logarithms."""
    model = dropping_model()
    p = of_all_masks(model, SHORT)
    found = monte_carlo_perplexity(model, SHORT, samples, seed=2)
    expected, other = -np.log(p.mean(axis=0)).mean(), -np.log(p).mean()
    # Of the mean of log(p_mean) over the targets, to first order; the targets of a reading share its mask.
    error = 5 * np.std((p / p.mean(axis=0)).mean(axis=1)) / np.sqrt(samples)
    assert found["tokens"] == 8
    return abs(found["nll"] - expected) < error < abs(other - expected) / 2


def test_it_is_the_mean_over_all_masks():
    assert check_against_all_masks(1500)


@pytest.mark.slow
def test_it_is_the_mean_over_all_masks_on_jax():
    code = "from tests.models.test_monte_carlo import *; print(check_against_all_masks(1500))"
    assert run_on_jax("-c", code).splitlines()[-1] == "True"


def by_hand(model, samples, seed, steps, starts, width):
    """Readings of streams that begin at `starts`, one step of Python for each, with the same masks."""
    random = np.random.default_rng(seed)
    seeds = [v for v in model.variables if v.name == "seed_generator_state"]
    log_p: list = []
    for _ in range(samples):
        states, found = model.initial_states(len(starts)), []
        for begin in range(0, width, steps):
            for variable in seeds:
                variable.assign(random.integers(2**31, size=2))
            own = [np.arange(s + begin, s + min(begin + steps, width)) for s in starts]
            h, states = model.run(OTHER_IDS[np.array(own)], states, training=True)
            log_all = flat(model.log_likelihoods(h))[0]
            found.append(np.take_along_axis(log_all, OTHER_IDS[np.array(own) + 1][..., None], -1)[..., 0])
        log_p.append(np.concatenate(found, axis=1))
    return -np.log(np.exp(log_p).mean(axis=0)).mean()


@pytest.mark.parametrize(("batch", "steps"), [(1, 45), (3, 5), (5, 3)])
def test_each_reading_carries_its_own_states(batch, steps):
    model = language_model([LSTM(7), GRU(4)], output_dropout=0.4, hidden_dropout=0.4, embedding_dropout=0.2)
    model.set_weights([3 * w for w in model.get_weights()])
    width = 45 // batch
    expected = by_hand(model, 3, 7, steps, range(0, 45, width), width)
    found = monte_carlo_perplexity(model, OTHER_IDS[:46], 3, batch, steps, seed=7)
    assert abs(found["nll"] - expected) < 1e-5


def test_without_dropout_it_is_the_perplexity_of_the_model():
    model = language_model()
    found, expected = monte_carlo_perplexity(model, OTHER_IDS, 2, 3, 7), model.perplexity(OTHER_IDS, 3)
    assert found["tokens"] == expected["tokens"] == 46
    assert abs(found["nll"] - expected["nll"]) < 1e-6
    assert abs(found["perplexity"] - np.exp(found["nll"])) < 1e-9


@pytest.mark.parametrize(
    "make",
    [
        lambda: language_model([Recurrent(WeightDrop(SimpleRNNCell(5), 0.5))]),
        lambda: PointerSentinel(TYPES, [LSTM(4)], 4, window=5, output_dropout=0.5),
    ],
)
def test_a_seed_makes_it_reproducible_and_leaves_the_model_alone(make):
    model = make()
    model.build((None, None))
    before = [v.numpy() for v in model.variables]
    one, two, other = (monte_carlo_perplexity(model, SHORT, 3, seed=s)["nll"] for s in (1, 1, 2))
    assert one == two != other
    assert distance([v.numpy() for v in model.variables], before) == 0


def test_penalties_of_a_training_are_not_left_behind():
    model = dropping_model(1.0, activation_regularization=2.0)
    monte_carlo_perplexity(model, SHORT, 2)
    assert np.isfinite(model.evaluate(stream(SHORT, 1, 4), verbose=0)).all()
    model.fit(stream(SHORT, 1, 4), verbose=0)


@pytest.mark.parametrize("samples", [0, -1, 2.5])
def test_samples(samples):
    with pytest.raises(
        ValueError, match=rf"`samples` must be a positive integer; received samples={samples}"
    ):
        monte_carlo_perplexity(language_model(), SHORT, samples)
