"""A training that diverges: one sentence, and the checkpoint of before."""

import keras
import numpy as np
import pytest

from keras_rnn.callbacks import StopOnNaN, TrainingCheckpoint
from tests.contracts.arrays import identical, normal

EPOCHS, BATCHES = 4, 5


def model(seed=0):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.set_weights([normal([seed, k], *w.shape) for k, w in enumerate(network.get_weights())])
    network.compile(keras.optimizers.SGD(0.1), "mse")
    network.optimizer.build(network.trainable_variables)
    return network


class Spoil(keras.callbacks.Callback):
    """Puts a value into a weight, in epoch 3 before or after step 2 or the last, counted from 1."""

    def __init__(self, value, step, after=False):
        super().__init__()
        self.value, self.step, self.after = value, step, after

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch == 2

    def spoil(self, batch, after):
        if self.now and (batch + 1, after) == (self.step, self.after):
            kernel, bias = self.model.get_weights()
            kernel[1] = self.value
            self.model.set_weights([kernel, bias])

    def on_train_batch_begin(self, batch, logs=None):
        self.spoil(batch, False)

    def on_train_batch_end(self, batch, logs=None):
        self.spoil(batch, True)


def fit(network, *callbacks, epochs=EPOCHS):
    return network.fit(
        normal(1, 15, 2), normal(2, 15, 1), batch_size=3, epochs=epochs, shuffle=False, verbose=0,
        callbacks=list(callbacks),
    )  # fmt: skip


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("step", [2, BATCHES])
@pytest.mark.parametrize("order", [1, -1])
def test_the_epoch_and_the_step_are_told_and_the_checkpoint_stays(value, step, order, tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoint.npz")
    two_epochs = model()
    fit(two_epochs, epochs=2)
    sentence = rf"The loss became (nan|inf) in epoch 3, step {step}, .* Lower the learning rate, or clip"
    with pytest.raises(ValueError, match=sentence):
        fit(model(), Spoil(value, step), *[StopOnNaN(), checkpoint][::order])
    restored = model(seed=5)
    assert TrainingCheckpoint(checkpoint.path).restore(restored) == 2
    assert identical(restored.get_weights(), two_epochs.get_weights())


def test_a_checkpoint_takes_no_weights_that_are_not_finite(tmp_path):
    """The last step of an epoch may spoil the weights: the loss before it is a number."""
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoint.npz")
    sentence = r"The weights are not all finite numbers after epoch 3; .*checkpoint\.npz is left as it was"
    with pytest.raises(ValueError, match=sentence):
        fit(model(), Spoil(np.nan, BATCHES, after=True), StopOnNaN(), checkpoint)
    assert len(checkpoint.history) == 2
    assert TrainingCheckpoint(checkpoint.path).restore(model()) == 2


def test_a_training_that_goes_well_is_left_alone():
    with_it, without = model(), model()
    assert fit(with_it, StopOnNaN()).history == fit(without).history
    assert identical(with_it.get_weights(), without.get_weights())
