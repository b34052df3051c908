"""Groups begin to learn in their epoch, in a step that is compiled once, and so after a kill."""

import keras
import pytest
from keras import ops

from keras_rnn.callbacks import GradualUnfreezing, TrainingCheckpoint
from keras_rnn.optimizers import LearningRateMultipliers
from tests.contracts.arrays import distance, identical, normal
from tests.contracts.test_jax import run_on_jax

GROUPS = {"head": 1.0, "middle": 0.5, "lower": 0.25}
NAMES = ["lower", "middle", "head", "always"]  # in the order of the layers


class Counted(keras.Sequential):
    traces = 0

    def train_step(self, *args, **kwargs):
        self.traces += 1
        return super().train_step(*args, **kwargs)


def model(optimizer=None):
    network = Counted([keras.Input((3,)), *(keras.layers.Dense(3, use_bias=False, name=n) for n in NAMES)])
    network.set_weights([normal([0, k], 3, 3) for k in range(len(NAMES))])
    network.compile(optimizer or LearningRateMultipliers(keras.optimizers.Adam(0.05), GROUPS), "mse")
    network.optimizer.build(network.trainable_variables)
    return network


def fit(network, epochs, initial_epoch=0, callback=None, others=()):
    callbacks = [callback or GradualUnfreezing(list(GROUPS)), *others]
    own = {"epochs": epochs, "initial_epoch": initial_epoch, "shuffle": False, "verbose": 0}
    network.fit(normal(1, 6, 3), normal(2, 6, 3), batch_size=3, callbacks=callbacks, **own)
    return [ops.convert_to_numpy(w) for w in network.trainable_variables]


def test_one_group_more_learns_in_each_epoch_and_nothing_is_compiled_anew():
    network, before = model(), model().get_weights()
    for epoch, learning in enumerate((["head", "always"], ["middle", "head", "always"], NAMES)):
        after = fit(network, epoch + 1, epoch)
        for name, old, new in zip(NAMES, before, after):
            if name in learning:
                assert distance(old, new) > 1e-3, (epoch, name)
            else:
                assert identical(old, new), (epoch, name)
        before = after
    whole = model()
    assert distance(fit(whole, 3), before) < 1e-6
    assert 1 <= whole.traces <= 2
    # With all of them it is a training with the multipliers alone, and with `every` it takes longer.
    assert distance(before, fit(model(), 3, callback=keras.callbacks.Callback())) > 1e-3
    slow = fit(model(), 3, callback=GradualUnfreezing(list(GROUPS), every=3))
    assert identical(slow[0], model().get_weights()[0])
    assert identical(slow[1], model().get_weights()[1])


def test_a_training_that_goes_on_has_the_groups_of_its_epoch(tmp_path):
    unbroken = fit(model(), 3)
    path = tmp_path / "checkpoint.npz"
    fit(model(), 2, others=[TrainingCheckpoint(path)])
    again = model()
    assert TrainingCheckpoint(path).restore(again) == 2
    assert distance(fit(again, 3, 2), unbroken) < 1e-6


def test_a_training_without_it_freezes_nothing():
    network = model()
    lower = fit(network, 1)[0]
    assert distance(fit(network, 1, callback=keras.callbacks.Callback())[0], lower) > 1e-3


@pytest.mark.slow
def test_it_unfreezes_on_jax():
    output = run_on_jax("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", "epoch")
    assert "2 passed" in output


@pytest.mark.parametrize(
    ("arguments", "optimizer", "error", "sentence"),
    [
        ({"groups": "head"}, None, ValueError, "`groups` must be a list of patterns.*groups='head'"),
        ({"groups": []}, None, ValueError, r"at least one; received groups=\[\]"),
        ({"groups": ["head"], "every": 0}, None, ValueError, "`every` must be at least 1; received every=0"),
        ({"groups": ["tail"]}, None, ValueError, r"patterns of the optimizer, \['head', .*received 'tail'"),
        ({"groups": ["head"]}, keras.optimizers.SGD, TypeError, "must be a .*Multipliers.*received SGD"),
        (
            {"groups": ["head"]},
            lambda: LearningRateMultipliers(keras.optimizers.AdamW(weight_decay=0.1), GROUPS),
            ValueError,
            r"`weight_decay` of the optimizer must be None or 0, .* received 0\.1",
        ),
    ],
)
def test_what_it_refuses(arguments, optimizer, error, sentence):
    with pytest.raises(error, match=sentence):
        fit(model(optimizer and optimizer()), 1, callback=GradualUnfreezing(**arguments))
