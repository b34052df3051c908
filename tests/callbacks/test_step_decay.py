"""The learning rates of the recipes, epoch by epoch; a training that is taken up again has the right one."""

import doctest

import keras
import numpy as np
import pytest

from keras_rnn.callbacks import StepDecay, TrainingCheckpoint, step_decay
from tests.contracts.arrays import identical, normal


def test_the_small_recipe_trains_four_epochs_and_then_halves():
    decay = StepDecay(1.0, 0.5, after=4)
    expected = [1, 1, 1, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256, 1 / 512]
    assert [decay.rate(epoch) for epoch in range(1, 14)] == expected


@pytest.mark.parametrize(("factor", "after", "epochs"), [(1 / 1.2, 6, 39), (1 / 1.15, 14, 55)])
def test_the_larger_recipes_divide_once_in_each_later_epoch(factor, after, epochs):
    rates = [StepDecay(1.0, factor, after).rate(epoch) for epoch in range(1, epochs + 1)]
    assert rates[:after] == [1.0] * after
    assert np.allclose(np.divide(rates[after:], rates[after - 1 : -1]), factor)
    assert abs(rates[-1] / factor ** (epochs - after) - 1) < 1e-12


def test_it_may_fall_in_some_epochs_only():
    decay = StepDecay(8.0, 0.5, after=1, every=2)
    assert [decay.rate(epoch) for epoch in range(1, 7)] == [8.0, 4.0, 4.0, 2.0, 2.0, 1.0]


def model():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.set_weights([normal([0, k], *w.shape) for k, w in enumerate(network.get_weights())])
    network.compile(keras.optimizers.SGD(5.0), "mse")
    network.optimizer.build(network.trainable_variables)
    return network


def fit(network, path, epochs, initial_epoch=0):
    callbacks = [StepDecay(0.2, 0.5, after=2), TrainingCheckpoint(path)]
    data = normal(1, 6, 2), normal(2, 6, 1)
    arguments = {"epochs": epochs, "initial_epoch": initial_epoch, "shuffle": False, "verbose": 0}
    return network.fit(*data, batch_size=3, callbacks=callbacks, **arguments).history["learning_rate"]


def test_a_training_that_goes_on_has_the_rate_of_its_epoch(tmp_path):
    unbroken = model()
    rates = fit(unbroken, tmp_path / "unbroken.npz", 5)
    assert np.allclose(rates, [0.2, 0.2, 0.1, 0.05, 0.025])
    for stop in (1, 3, 4):
        fit(model(), tmp_path / f"{stop}.npz", stop)
        network = model()
        assert TrainingCheckpoint(tmp_path / f"{stop}.npz").restore(network) == stop
        assert fit(network, tmp_path / f"{stop}.npz", 5, stop) == rates[stop:]
        assert identical(network.get_weights(), unbroken.get_weights())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"factor": 0.0, "after": 4}, r"`factor` must be above 0; received factor=0\.0"),
        ({"factor": 0.5, "after": -1}, "`after` must be at least 0.*received after=-1, every=1"),
        ({"factor": 0.5, "after": 4, "every": 0}, "`every` at least 1; received after=4, every=0"),
    ],
)
def test_what_it_refuses(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        StepDecay(1.0, **arguments)


def test_the_example_runs():
    assert doctest.testmod(step_decay) == (0, 2)
