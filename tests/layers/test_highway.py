"""The highway layer differs from its mutants, begins as one that hands on, and refuses what cannot be."""

import keras
import numpy as np
import pytest

from keras_rnn.layers import Highway
from tests.contracts.arrays import distance, flat, normal
from tests.reference.character_cnn import MUTANTS, highway, relu

X = normal(1, 3, 5, 4)


def made(**arguments):
    layer = Highway(dtype="float64", **arguments)
    layer.build((None, None, 4))
    layer.set_weights([normal([2, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


@pytest.mark.parametrize("mutant", MUTANTS[highway])
def test_mutants_of_the_oracle_show(mutant):
    layer = made()
    assert distance(layer(X), MUTANTS[highway][mutant](layer.get_weights(), X)) > 1e-3
    assert distance(layer(X), highway(layer.get_weights(), X)) < 1e-10


def test_the_activation_is_that_of_the_candidate():
    layer = made(activation="relu")
    assert distance(layer(X), highway(layer.get_weights(), X, activation=relu)) < 1e-10


def test_it_begins_as_one_that_hands_on_its_input():
    layer = Highway(transform_bias=-3.0)
    layer.build((None, 50))
    assert layer.count_params() == 2 * 50 * (50 + 1)
    assert distance(layer.bias, np.repeat([0.0, -3.0], 50)) == 0
    x = normal(3, 20, 50).astype("float32")
    share = np.mean((flat(layer(x))[0] - x) ** 2) / np.mean(x**2)
    assert 0 < share < 0.1


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"`transform_bias` must be a finite number; received .*=nan"):
        Highway(transform_bias=float("nan"))
    with pytest.raises(ValueError, match="must be known"):
        Highway()(keras.Input((5, None)))
