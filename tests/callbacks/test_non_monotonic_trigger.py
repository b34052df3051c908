"""NT-ASGD: the epoch at which averaging begins, what a validation sees, a training that is taken up again."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.callbacks import NonMonotonicTrigger, StepDecay, TrainingCheckpoint, VariableSteps
from keras_rnn.callbacks.jax_state import write_back
from keras_rnn.datasets import TokenStream
from keras_rnn.optimizers import AveragedSGD
from tests.contracts.arrays import distance, flat, identical, normal
from tests.contracts.test_jax import run_on_jax

# ---------------------------------------------------------------------------- the rule

# (patience, values, the epoch after which averaging begins, counted from 1), worked by hand.
LISTS = [
    (0, [2.0, 3.0], 2),
    (0, [3.0, 2.0, 2.0, 2.5], 4),  # equal is not worse
    (1, [2.0, 3.0], None),  # nothing is long ago yet
    (1, [2.0, 3.0, 3.0], 3),
    (2, [5.0, 4.0, 3.0, 3.5, 3.6, 3.7], 6),  # worse than 5 or 4 it never is; after 6 epochs 3 is long ago
    (2, [5.0, 4.0, 3.0, 3.5, 2.9, 3.1], 6),
    (2, [5.0, 4.0, 4.5, 4.6, 4.5, 3.0, 3.1, 3.2], 5),
    (5, [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 4.5, 4.4, 4.3, 4.2, 4.1], None),  # the best is five epochs old
    (5, [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 4.5, 4.4, 4.3, 4.2, 4.1, 4.05], 12),
    (5, [1.0, 9.0, 8.0, 7.0, 6.0, 5.0], None),
    (5, [1.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 0.5], 7),
]


def begins(patience, values, first=0):
    """The epoch after which a trigger begins; the first so many are told to it as history."""
    history = [{"epoch": k + 1, "val_loss": v} for k, v in enumerate(values[:first])]
    trigger, network = NonMonotonicTrigger(patience=patience, history=history), model()
    trigger.set_model(network)
    trigger.on_train_begin()
    for epoch, value in enumerate([*values, 0.0]):
        if epoch >= first:
            trigger.on_epoch_begin(epoch)
            if int(network.optimizer.averaging):
                return epoch
            trigger.on_epoch_end(epoch, {"val_loss": value})
    return None


@pytest.mark.parametrize(("patience", "values", "expected"), LISTS)
def test_averaging_begins_after_the_epoch_worked_out_by_hand(patience, values, expected):
    assert begins(patience, values) == expected


def test_a_trigger_that_is_told_the_history_decides_the_same():
    patience, values, expected = LISTS[6]
    assert [begins(patience, values, first) for first in range(expected + 1)] == [expected] * (expected + 1)


WRONG = {
    "the last epochs are the ones to beat": lambda p, v: v[-1 - p : -1],
    "all epochs are": lambda p, v: v[:-1],
    "one epoch more": lambda p, v: v[: max(0, len(v) - p)],
    "one epoch less": lambda p, v: v[: max(0, len(v) - 2 - p)],
    "the first only": lambda p, v: v[:1] if len(v) > 1 + p else [],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_rule_is_told_apart(wrong):
    def epoch(patience, values):
        for t in range(1, len(values) + 1):
            rivals = wrong(patience, values[:t])
            if rivals and values[t - 1] > min(rivals):
                return t
        return None

    assert [epoch(p, v) for p, v, _ in LISTS] != [t for _, _, t in LISTS]


# ---------------------------------------------------------------------------- in fit

X, Y = normal(0, 12, 3), normal(1, 12, 2)
X_VALID = normal(2, 5, 3)
EPOCHS, BATCHES, PATIENCE = 7, 3, 1


def model(seed=1):
    """With dropout, whose random generator is part of what must be restored."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    y = keras.layers.Dropout(0.2, seed=seed)(keras.layers.Dense(4, activation="tanh")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(2)(y))
    network.set_weights([normal([4, seed, k], *w.shape) for k, w in enumerate(network.get_weights())])
    network.compile(AveragedSGD(0.3, weight_decay=0.01, global_clipnorm=2.0), "mse")
    network.optimizer.build(network.trainable_variables)
    return network


# What the model says before it is trained: each step away makes the validation worse.
Y_VALID = ops.convert_to_numpy(model()(X_VALID))


def fit(network, callbacks, epochs=EPOCHS, initial_epoch=0):
    return network.fit(
        X,
        Y,
        batch_size=4,
        validation_data=(X_VALID, Y_VALID),
        shuffle=False,
        verbose=0,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=callbacks,
    )


class Watch(keras.callbacks.Callback):
    """Weights, averages and number of averaged steps, at each step, validation and end of an epoch."""

    def __init__(self):
        super().__init__()
        self.seen = {"step": [], "validation": [], "epoch": []}

    def note(self, when):
        write_back(self.model)
        o = self.model.optimizer
        weights = [ops.copy(w) for w in self.model.trainable_variables]
        self.seen[when].append(
            (flat(weights), flat([ops.copy(a) for a in o.averages]), int(o.averaged_steps))
        )

    def on_train_batch_end(self, batch, logs=None):
        self.note("step")

    def on_test_batch_end(self, batch, logs=None):
        if batch == 0:
            self.note("validation")

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch")


def test_the_averages_are_in_the_model_while_it_is_validated_and_at_the_end():
    plain, averaged = Watch(), Watch()
    fit(model(), [plain])
    network, trigger = model(), NonMonotonicTrigger(patience=PATIENCE)
    history = fit(network, [trigger, averaged]).history
    begin = begins(PATIENCE, history["val_loss"])
    assert 2 <= begin <= EPOCHS - 2, history["val_loss"]  # else nothing would be seen here
    assert trigger.values == history["val_loss"]
    # The steps are those of plain descent; the averages those of the steps since the trigger.
    assert identical([w for w, _, _ in averaged.seen["step"]], [w for w, _, _ in plain.seen["step"]])
    for epoch in range(EPOCHS):
        last, averages, n = averaged.seen["step"][(epoch + 1) * BATCHES - 1]
        assert n == max(0, epoch + 1 - begin) * BATCHES
        assert identical(averaged.seen["epoch"][epoch][0], last)
        validated = averaged.seen["validation"][epoch][0]
        if not n:
            assert identical(validated, last)
            continue
        kept = [w for w, _, _ in averaged.seen["step"]][begin * BATCHES : (epoch + 1) * BATCHES]
        assert distance(averages, [np.mean(w, axis=0) for w in zip(*kept)]) < 1e-6
        assert identical(validated, averages)
        assert distance(validated, last) > 1e-3
        network.set_weights(averages)
        assert abs(network.evaluate(X_VALID, Y_VALID, verbose=0) - history["val_loss"][epoch]) < 1e-6


def test_fit_ends_with_the_averages_and_may_go_on():
    network, trigger, watch = model(), NonMonotonicTrigger(patience=PATIENCE), Watch()
    fit(network, [trigger, watch])
    weights, averages, n = watch.seen["epoch"][-1]
    assert n > 0
    assert identical(network.get_weights(), averages)
    assert distance(weights, averages) > 1e-3
    # An evaluation is of the averages, with the callback or without it, and leaves them where they are.
    expected = network.evaluate(X_VALID, Y_VALID, verbose=0)
    assert network.evaluate(X_VALID, Y_VALID, verbose=0, callbacks=[trigger]) == expected
    assert identical(network.get_weights(), averages)
    fit(network, [trigger], epochs=EPOCHS + 1, initial_epoch=EPOCHS)
    assert int(network.optimizer.averaged_steps) == n + BATCHES
    assert len(trigger.values) == EPOCHS + 1


@pytest.mark.parametrize("order", [1, -1])
def test_a_training_that_goes_on_is_one_that_never_stopped(order, tmp_path):
    unbroken = model()
    losses = fit(unbroken, [NonMonotonicTrigger(patience=PATIENCE)]).history["val_loss"]
    begin = begins(PATIENCE, losses)
    # It is killed right before the trigger, after it, and with averages that have begun.
    for stop in (begin - 1, begin, begin + 1, EPOCHS):
        path = tmp_path / f"{order}_{stop}.npz"
        callbacks = [NonMonotonicTrigger(patience=PATIENCE), TrainingCheckpoint(path)]
        fit(model(), callbacks[::order], epochs=stop)
        network, checkpoint = model(seed=2), TrainingCheckpoint(path)
        assert checkpoint.restore(network) == stop
        trigger = NonMonotonicTrigger(patience=PATIENCE, history=checkpoint.history)
        found = fit(network, [trigger, checkpoint][::order], initial_epoch=stop).history
        assert trigger.values == losses
        assert found.get("val_loss", []) == losses[stop:]
        assert identical(network.get_weights(), unbroken.get_weights())
        assert identical(network.optimizer.variables, unbroken.optimizer.variables)


# ---------------------------------------------------------------------------- with the other callbacks


class Constant(keras.layers.Layer):
    """One weight w, shown at every step; descent on it goes down by the learning rate."""

    def build(self, shape):
        self.w = self.add_weight(shape=(), initializer="zeros")

    def call(self, ids):
        return self.w + 0 * ops.cast(ids, "float32")


def fit_constant():
    """`(learning rates, weights after each step, weight after fit, number of averaged steps)`."""
    stream = TokenStream(np.random.default_rng(0).integers(0, 11, 401), 2, 20, variable_steps=True)
    network = keras.Sequential([keras.Input(batch_shape=(2, None), dtype="int32"), Constant()])
    network.compile(AveragedSGD(7.0), lambda y_true, y_pred: y_pred)
    decay = StepDecay(0.5, 1 / 3, after=2)
    # It is lower from epoch to epoch: a monitor that rises makes the trigger fall.
    rising = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(up=float(epoch)))
    trigger = NonMonotonicTrigger("up", patience=0)
    watch, rates = Watch(), []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: rates.append(float(network.optimizer.learning_rate))
    )
    steps = VariableSteps(stream)
    callbacks = [steps, decay, rising, trigger, note, watch]
    network.fit(stream.for_keras(), epochs=4, shuffle=False, verbose=0, callbacks=callbacks)
    lengths = []
    for epoch in range(4):
        stream.epoch = epoch
        lengths.append(stream.lengths.tolist())
    weights = [float(w[0]) for w, _, _ in watch.seen["step"]]
    return lengths, rates, weights, float(network.layers[0].w), int(network.optimizer.averaged_steps)


def check_constant(lengths, rates, weights, end, averaged):
    expected = [rate * n / 20 for rate, row in zip([0.5, 0.5, 0.5 / 3, 0.5 / 9], lengths) for n in row]
    assert len({n for row in lengths for n in row}) > 5
    assert np.allclose(rates, expected, rtol=1e-6)
    assert np.allclose(weights, -np.cumsum(expected), rtol=1e-5)
    assert averaged == sum(map(len, lengths[2:]))
    assert abs(end - np.mean(weights[-averaged:])) < 1e-5


def test_variable_steps_a_falling_rate_and_averages_go_together():
    check_constant(*fit_constant())


ON_JAX = """
import json
from tests.callbacks.test_non_monotonic_trigger import *
print(json.dumps(fit_constant()))
"""


@pytest.mark.slow
def test_all_of_this_holds_on_jax():
    check_constant(*json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1]))
    chosen = "in_the_model or may_go_on or never_stopped"
    output = run_on_jax("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", chosen)
    assert "4 passed" in output


# ---------------------------------------------------------------------------- what it refuses


def test_what_it_refuses():
    with pytest.raises(ValueError, match="`patience` must be at least 0; received patience=-1"):
        NonMonotonicTrigger(patience=-1)
    with pytest.raises(ValueError, match=r"one of \['loss', 'val_loss'\]; received monitor='perplexity'\."):
        fit(model(), [NonMonotonicTrigger("perplexity")], epochs=1)
    sentence = r"`history` must hold the 2 epochs that are done; received 0\. .* after `checkpoint.restore`"
    with pytest.raises(ValueError, match=sentence):
        fit(model(), [NonMonotonicTrigger()], initial_epoch=2)
    network = model()
    network.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"`optimizer` must be a .*AveragedSGD.*; received SGD\."):
        fit(network, [NonMonotonicTrigger()])
