"""A weight with a multiplier takes the steps of an optimizer with that learning rate, the others do not."""

import doctest

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.optimizers import AveragedSGD, LearningRateMultipliers, learning_rate_multipliers
from tests.contracts.arrays import distance, identical, normal
from tests.contracts.test_jax import run_on_jax

MULTIPLIERS = {"recurrent_kernel": 0.25, "kernel": 2.0}  # "kernel" is in the path of both
FACTORS = [2.0, 0.25, 1.0]  # of kernel, recurrent_kernel and bias
OPTIMIZERS = {
    "SGD": lambda rate: keras.optimizers.SGD(rate, momentum=0.5),
    "RMSprop": lambda rate: keras.optimizers.RMSprop(rate, global_clipnorm=0.5),
    "Adam": lambda rate: keras.optimizers.Adam(rate, gradient_accumulation_steps=2),
    "AveragedSGD": AveragedSGD,
}
kinds = pytest.mark.parametrize("kind", OPTIMIZERS)
RATE = 0.125


def variables():
    names = ("kernel", "recurrent_kernel", "bias")
    return [keras.Variable(normal([1, k], 3, 2).astype("float32"), name=name) for k, name in enumerate(names)]


def steps(optimizer, count=6):
    weights = variables()
    for step in range(count):
        gradients = normal([2, step], 3, 3, 2).astype("float32")
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients], weights)
    return [ops.convert_to_numpy(w) for w in weights]


@kinds
def test_each_weight_has_its_learning_rate(kind):
    make = OPTIMIZERS[kind]
    found = steps(LearningRateMultipliers(make(RATE), MULTIPLIERS))
    # Only learning rates differ, so each weight is that of a training in which all have its own.
    expected = [steps(make(RATE * factor))[k] for k, factor in enumerate(FACTORS)]
    assert distance(found, expected) < 1e-6
    for k, others in enumerate(zip(*(steps(make(RATE * factor)) for factor in FACTORS))):
        assert min(distance(found[k], w) for j, w in enumerate(others) if j != k) > 1e-3


def test_a_multiplier_of_zero_freezes():
    found = steps(LearningRateMultipliers(keras.optimizers.Adam(RATE), {"bias": 0.0}))
    assert identical(found[2], variables()[2])
    assert distance(found[0], variables()[0]) > 0.1


X, Y = normal(3, 8, 5), normal(4, 8, 4)


def fitted(optimizer, epochs=2, **compile_arguments):
    keras.utils.set_random_seed(5)
    layers = [keras.layers.Dense(3, name="other"), keras.layers.Dense(4, use_bias=False, name="recurrent")]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile(optimizer, "mse", **compile_arguments)
    model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)
    return model


def test_fit_trains_with_them_in_every_mode():
    def wrapped(m):
        return LearningRateMultipliers(keras.optimizers.Adam(RATE), {"recurrent": m})

    start, plain = (fitted(keras.optimizers.Adam(RATE), epochs).get_weights() for epochs in (0, 2))
    slow = fitted(wrapped(1e-6)).get_weights()
    assert distance(fitted(wrapped(1.0)).get_weights(), plain) == 0
    assert distance(slow[2], start[2]) < 1e-5
    assert distance(slow[0], start[0]) > 0.1
    for mode in ({"run_eagerly": True}, {"jit_compile": True}):
        assert distance(fitted(wrapped(1e-6), **mode).get_weights(), slow) < 1e-5, mode


def test_a_saved_model_goes_on_as_the_one_that_was_not(tmp_path):
    schedule = keras.optimizers.schedules.ExponentialDecay(RATE, 1, 0.5)
    trained = fitted(LearningRateMultipliers(keras.optimizers.Adam(schedule), {"recurrent": 0.25}))
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is LearningRateMultipliers
    assert loaded.optimizer.get_config() == trained.optimizer.get_config()
    assert identical(loaded.optimizer.variables, trained.optimizer.variables)
    assert int(loaded.optimizer.iterations) == 4
    before = trained.get_weights()
    for model in (trained, loaded):
        model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert distance(loaded.get_weights(), trained.get_weights()) < 1e-7
    assert distance(loaded.get_weights(), before) > 1e-3


def test_the_learning_rate_is_that_of_the_optimizer():
    optimizer = LearningRateMultipliers(keras.optimizers.SGD(RATE), {"recurrent": 0.5})
    assert isinstance(optimizer.learning_rate, keras.Variable)
    optimizer.learning_rate = 0.5
    assert float(optimizer.optimizer.learning_rate) == 0.5

    class Slower(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0

    model = fitted(optimizer)
    before = model.get_weights()
    model.fit(X, Y, callbacks=[Slower()], verbose=0)
    assert identical(model.get_weights(), before)


def test_a_scaled_loss_takes_the_same_steps():
    def wrapped():
        return LearningRateMultipliers(keras.optimizers.SGD(RATE), {"recurrent": 0.5})

    scaled = fitted(keras.optimizers.LossScaleOptimizer(wrapped(), initial_scale=16.0))
    assert distance(scaled.get_weights(), fitted(wrapped()).get_weights()) < 1e-6


@pytest.mark.slow
def test_it_trains_and_saves_on_jax():
    chosen = "goes_on or RMSprop or multiplier_of_zero"
    output = run_on_jax("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", chosen)
    assert "3 passed" in output


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: LearningRateMultipliers("sgd", {"a": 1.0}), TypeError, "`optimizer` must be a keras"),
        (
            lambda: LearningRateMultipliers(
                keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()), {"a": 1.0}
            ),
            TypeError,
            "received a LossScaleOptimizer, which has another one take them",
        ),
        (
            lambda: LearningRateMultipliers(
                LearningRateMultipliers(keras.optimizers.SGD(), {"a": 1.0}), {"a": 1.0}
            ),
            TypeError,
            "received a LearningRateMultipliers, which",
        ),
        (lambda: LearningRateMultipliers(keras.optimizers.SGD(), {}), ValueError, "at least one pattern"),
        (lambda: LearningRateMultipliers(keras.optimizers.SGD(), {"a": -1.0}), ValueError, "numbers from 0"),
        (lambda: steps(LearningRateMultipliers(keras.optimizers.SGD(), {"a": np.nan})), ValueError, "from 0"),
        (
            lambda: steps(LearningRateMultipliers(keras.optimizers.SGD(), {"gamma": 1.0})),
            ValueError,
            r"'gamma' is in none of \['kernel', 'recurrent_kernel', 'bias'\]",
        ),
        (
            lambda: LearningRateMultipliers(keras.optimizers.SGD(), {"a": 1.0}).set_multiplier("b", 0.5),
            ValueError,
            r"`pattern` must be one of \['a'\] and .* received 'b' and 0\.5",
        ),
        (
            lambda: LearningRateMultipliers(keras.optimizers.SGD(), {"a": 1.0}).set_multiplier("a", np.nan),
            ValueError,
            "`multiplier` a number from 0; received 'a' and nan",
        ),
    ],
)
def test_what_is_refused(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_an_optimizer_in_use_is_refused():
    used = keras.optimizers.SGD()
    steps(used)
    with pytest.raises(ValueError, match="must not have been built"):
        LearningRateMultipliers(used, {"bias": 0.5})


def test_the_example_runs():
    names = {"keras": keras, "np": np}
    found = doctest.testmod(learning_rate_multipliers, extraglobs=names)
    assert (found.failed, found.attempted > 0) == (0, True)
