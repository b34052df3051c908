"""Weights held to a property within layers: computed once a call, trained, saved, moved, refused."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn import layers
from keras_rnn.callbacks import Deviation, DynamicTrivialization
from keras_rnn.callbacks.dynamic_trivialization import constrained_weights
from keras_rnn.export import export_model
from keras_rnn.layers import ExpRNN, ModReLU, Parametrized, ScaledCayleyRNN
from keras_rnn.layers.implementation import export_mode
from keras_rnn.ops import exponential
from keras_rnn.parametrizations import (
    AlmostOrthogonal,
    Cayley,
    Haar,
    Orthogonal,
    Skew,
    SpecialOrthogonal,
    SpectralNorm,
    Stiefel,
    Unitary,
)
from tests.contracts.test_jax import run_on_jax

RECURRENT = {
    "LSTM": lambda **k: layers.LSTM(6, recurrent_parametrization=Stiefel(blocks=4), **k),
    "almost": lambda **k: layers.SimpleRNN(6, recurrent_parametrization=AlmostOrthogonal(0.1), **k),
}
recurrent = pytest.mark.parametrize("make", RECURRENT.values(), ids=RECURRENT)


def task(rows=32):
    x = np.random.default_rng(1).normal(size=(rows, 5, 2)).astype("float32")
    return x, x.sum((1, 2))[:, None]


def model_with(layer, learning_rate=0.02):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5, 2)), layer, keras.layers.Dense(1)])
    model.compile(
        keras.optimizers.RMSprop(learning_rate), "mse", jit_compile=keras.backend.backend() == "jax"
    )
    return model


class Watch(keras.callbacks.Callback):
    """Notes free weight, base point and constrained weight after each batch."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.seen = weight, []

    def on_train_batch_end(self, batch, logs=None):
        values = (self.weight.free, self.weight.base, self.weight.value())
        self.seen.append([np.array(keras.ops.convert_to_numpy(v)) for v in values])


@recurrent
def test_it_trains_and_base_points_move_in_the_rhythm(make, tmp_path):
    model = model_with(make())
    (weight,) = constrained_weights(model)
    assert weight.parametrization.is_member(weight.value())
    first = np.array(weight.value())
    x, y = task()
    before, after = Watch(weight), Watch(weight)
    callbacks = [before, DynamicTrivialization(3), after]
    losses = []
    for epochs in (1, 14):  # two batches each: the second training goes on counting
        history = model.fit(x, y, epochs=epochs, batch_size=16, verbose=0, callbacks=callbacks).history
        losses += history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    assert np.abs(np.array(weight.value()) - first).max() > 0.05
    assert weight.parametrization.is_member(weight.value(), atol=2e-6)

    moved = []
    for (free, base, w), (free_after, base_after, w_after) in zip(before.seen, after.seen):
        moved.append(bool(np.any(base != base_after)))
        np.testing.assert_allclose(w_after, w, atol=1e-6)
        if moved[-1] and not isinstance(weight.parametrization, AlmostOrthogonal):
            assert free.any()
            assert not free_after.any()
    assert moved == [(k + 1) % 3 == 0 for k in range(30)]

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(("every", "looks"), [(1, 4), (2, 2), (3, 2), (7, 1)])
def test_the_largest_deviation_of_an_epoch_is_told(every, looks):
    model = model_with(ExpRNN(5))
    (weight,) = constrained_weights(model)
    told = [0.3, 0.1, 0.7, 0.2, 0.5, 0.4, 0.9, 0.6][: 2 * looks]
    left = list(told)
    weight.parametrization.distance = lambda w: left.pop(0)
    x, y = task(64)  # four batches an epoch
    logs = model.fit(x, y, epochs=2, batch_size=16, verbose=0, callbacks=[Deviation(every)]).history
    assert logs["deviation"] == [max(told[:looks]), max(told[looks:])]
    assert not left
    with pytest.raises(ValueError, match="`every` must be at least 1; received every=0"):
        Deviation(0)


def test_the_deviation_of_a_composed_matrix_is_told():
    model = model_with(layers.UnitaryRNN(5))
    x, y = task(64)
    logs = model.fit(x, y, epochs=2, batch_size=16, verbose=0, callbacks=[Deviation()]).history
    assert all(0 < found < 2e-6 for found in logs["deviation"])
    cell = model.layers[0].cell if hasattr(model.layers[0], "cell") else model.layers[1].cell
    # A matrix that stretches is told from one that does not.
    compose = cell.compose
    cell.compose = lambda real, imaginary: compose(1.01 * real, imaginary)
    assert cell.deviation() == pytest.approx(1.01**2 - 1, abs=1e-5)


def test_reflections_have_no_base_point_to_move():
    parametrization = SpecialOrthogonal("householder")
    model = model_with(layers.SimpleRNN(5, recurrent_parametrization=parametrization))
    (weight,) = constrained_weights(model)
    x, y = task()
    losses = model.fit(x, y, epochs=15, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    assert parametrization.is_member(weight.value(), atol=2e-6)
    with pytest.raises(ValueError, match="must be given a model with a constrained weight that has a base"):
        model.fit(x, y, verbose=0, callbacks=[DynamicTrivialization(2)])


@pytest.mark.parametrize("implementation", ["plain", "fast"])
def test_the_weight_is_computed_once_a_call(implementation, monkeypatch):
    calls = []
    real = exponential._scale_and_square
    monkeypatch.setattr(exponential, "_scale_and_square", lambda parts: calls.append(1) or real(parts))
    layer = ExpRNN(6, implementation=implementation)
    layer.build((None, None, 2))
    layer(task()[0], training=True)
    assert len(calls) == 1
    graph = tf.function(lambda x: layer(x, training=True)).get_concrete_function(tf.TensorSpec((None, 5, 2)))
    loops = [f for f in graph.graph.as_graph_def().library.function if "while" in f.signature.name]
    assert len(calls) == 2  # traced outside of the loop over time
    assert loops


def test_an_export_bakes_the_constrained_weight_in():
    layer = ExpRNN(6)
    layer.build((None, None, 2))
    layer.cell.recurrent_weight.free.assign(np.random.default_rng(1).normal(size=(6, 6)))
    read = []
    for mode in (contextlib.nullcontext, export_mode):
        with mode():
            graph = tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec((None, 5, 2)))
        read.append(len(graph.captured_inputs))
        np.testing.assert_allclose(graph(task()[0]), layer(task()[0]), atol=1e-6)
    assert read[0] == read[1] + 2  # free weight and base point


def test_a_saved_model_of_layers_holds_the_constrained_weight_itself(tmp_path):
    dense = Parametrized(keras.layers.Dense(3), kernel=SpectralNorm())
    model = keras.Sequential([keras.Input((5, 2)), ExpRNN(6), dense])
    x, read = task()[0], []
    for name, write in (
        ("plain", model.export),
        ("baked", lambda path, **own: export_model(model, path, **own)),
    ):
        write(tmp_path / name, verbose=False)
        served = tf.saved_model.load(tmp_path / name).signatures["serving_default"]
        (found,) = served(tf.constant(x, tf.float32)).values()
        np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-6)
        read.append(len(served.captured_inputs))
    assert read[0] >= read[1] + 3  # two free weights, and the base point of one


def test_without_one_nothing_changes():
    layer = layers.LSTM(3)
    layer.build((None, None, 2))
    assert [w.name for w in layer.weights] == ["kernel", "recurrent_kernel", "bias"]
    assert layer.cell.recurrent_kernel is layer.weights[1]


def test_ways_of_starting():
    layer = layers.LSTM(4, recurrent_parametrization=Stiefel(blocks=4))
    layer.build((None, None, 2))
    blocks = np.split(np.array(layer.cell.recurrent_kernel), 4, axis=1)
    assert np.abs(blocks[0] - blocks[1]).max() > 0.1
    start = Haar(seed=5)
    layer = layers.SimpleRNN(4, recurrent_initializer=start, recurrent_parametrization=Orthogonal())
    layer.build((None, None, 2))
    np.testing.assert_allclose(layer.cell.recurrent_kernel, start((4, 4)), atol=1e-6)
    scaled = ScaledCayleyRNN(4, negative=1)
    scaled.build((None, None, 2))
    assert np.linalg.det(np.array(scaled.cell.recurrent_kernel)) < 0
    assert isinstance(scaled.activation, ModReLU)


def test_a_policy_of_16_bits_does_not_touch_the_free_weight():
    layer = ExpRNN(6, dtype="mixed_bfloat16")
    assert layer(task()[0]).dtype == "bfloat16"
    weight = layer.cell.recurrent_weight
    assert weight.free.dtype == "float32"
    assert weight.parametrization.is_member(weight.value(), atol=2e-6)


# ---------------------------------------------------------------------------- Parametrized


def test_a_dense_layer_is_orthogonal_and_trains():
    dense = keras.layers.Dense(6, kernel_initializer=Haar(seed=2))
    layer = Parametrized(dense, kernel=Orthogonal("cayley"))
    x = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
    expected = x @ np.array(Haar(seed=2)((6, 6)))
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    assert len(layer.trainable_weights) == 2
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.Adam(0.03), "mse")
    y = np.roll(x, 1, axis=1)
    losses = model.fit(x, y, epochs=15, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    kernel = layer.constrained["kernel"]
    assert kernel.parametrization.is_member(kernel.value(), atol=2e-6)
    np.testing.assert_allclose(
        model.predict(x, verbose=0) - dense.bias, x @ np.array(kernel.value()), atol=1e-5
    )


def test_what_a_layer_updates_and_adds_to_the_loss_is_kept():
    class Counting(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(3, 3), name="kernel")
            self.gain = self.add_weight(shape=(), name="gain", regularizer=lambda w: 7.0, initializer="ones")
            self.count = self.add_weight(shape=(), name="count", trainable=False, initializer="zeros")

        def call(self, x, training=False):
            self.count.assign_add(1)
            self.add_loss(2.0 * keras.ops.ones(()))
            return (x @ self.kernel) * self.gain * (3.0 if training else 1.0)

    layer = Parametrized(Counting(), kernel=Orthogonal())
    x = np.ones((2, 3), "float32")
    once = layer(x)
    np.testing.assert_allclose(layer(x, training=True), 3 * once, atol=1e-6)
    assert float(layer.layer.count) == 2
    assert sorted(float(loss) for loss in layer.losses) == [2.0, 7.0]


def test_recurrent_layers_of_keras_and_masks():
    layer = Parametrized(keras.layers.LSTM(3, return_sequences=True), recurrent_kernel=Stiefel(blocks=4))
    x, mask = task()[0], np.arange(5) < np.random.default_rng(1).integers(1, 5, (32, 1))
    layer.build(x.shape)
    assert layer.compute_output_shape(x.shape) == (32, 5, 3)
    theirs = keras.layers.LSTM(3, return_sequences=True)
    theirs.build(x.shape)
    kernel, bias = layer.layer.trainable_weights
    theirs.set_weights([kernel, layer.constrained["recurrent_kernel"].value(), bias])
    np.testing.assert_allclose(layer(x, mask=mask), theirs(x, mask=mask), atol=1e-6)


# ---------------------------------------------------------------------------- what is refused


def refuses(match, function, *args, error=ValueError, **kwargs):
    with pytest.raises(error, match=match):
        function(*args, **kwargs)


def test_bad_recurrent_parametrizations():
    def built(cls, parametrization, units=4, **options):
        cls(units, recurrent_parametrization=parametrization, **options).build((None, None, 2))

    refuses(
        "must be a keras_rnn.parametrizations.Param",
        layers.LSTM,
        3,
        recurrent_parametrization=3,
        error=TypeError,
    )
    refuses(r"needs a square matrix.*received shape \(4, 16\)", built, layers.LSTM, Orthogonal())
    refuses("fall into 3 equal", built, layers.LSTM, Stiefel(blocks=3))
    refuses("even number of rows", built, layers.SimpleRNN, Unitary(), units=3)
    refuses(
        "member of .* away", built, layers.SimpleRNN, Orthogonal(), recurrent_initializer="glorot_uniform"
    )
    refuses(
        "is 2 away", built, layers.SimpleRNN, SpecialOrthogonal(), recurrent_initializer=Cayley(negative=1)
    )
    refuses("must be None beside", built, layers.SimpleRNN, Orthogonal(), recurrent_regularizer="l2")
    refuses("`negative` belongs to", ScaledCayleyRNN, 4, negative=2, recurrent_initializer="identity")
    refuses("`negative` must be at most", ScaledCayleyRNN(4, negative=5).build, (None, None, 2))
    refuses("`period` must be a positive integer; received period=0", DynamicTrivialization, 0)


def test_bad_arguments_of_parametrized():
    dense = keras.layers.Dense
    refuses("`layer` must be a Keras layer", Parametrized, 3, kernel=Orthogonal(), error=TypeError)
    refuses("At least one weight must be named", Parametrized, dense(3))
    refuses(
        "`kernel` must be a .*; received kernel='no'", Parametrized, dense(3), kernel="no", error=TypeError
    )
    for layer, message in (
        (
            Parametrized(dense(3), kernels=Orthogonal()),
            "`kernels` must name one weight .* 0. It has .*kernel",
        ),
        (Parametrized(dense(4), kernel=Orthogonal()), r"needs a square matrix.*received shape \(3, 4\)"),
        (
            Parametrized(dense(3, kernel_constraint="non_neg"), kernel=Skew()),
            "must have no regularizer and no",
        ),
        (Parametrized(keras.layers.Bidirectional(layers.LSTM(3)), kernel=Skew()), "the name of 2. They are"),
    ):
        refuses(message, layer.build, (None, 3) if "bi" not in layer.layer.name else (None, 5, 3))


ON_JAX = """
import keras, numpy as np, tests.layers.test_parametrized as t
x, y = t.task()
model = t.model_with(t.ScaledCayleyRNN(6))
(weight,) = t.constrained_weights(model)
base = np.array(weight.base)
losses = model.fit(x, y, epochs=8, batch_size=16, verbose=0, callbacks=[t.DynamicTrivialization(5)])
losses = losses.history["loss"]
print(losses[-1] < 0.8 * losses[0], np.abs(weight.base - base).max() > 0.01)
print(weight.parametrization.is_member(weight.value(), 2e-6))
layer = t.Parametrized(keras.layers.Dense(2), kernel=t.Orthogonal("cayley"))
model = keras.Sequential([layer])
model.compile(keras.optimizers.Adam(0.05), "mse")
losses = model.fit(x[:, 0], x[:, 0, ::-1], epochs=20, batch_size=4, verbose=0).history["loss"]
kernel = layer.constrained["kernel"]
print(losses[-1] < 0.9 * losses[0], np.any(kernel.free), kernel.parametrization.is_member(kernel.value()))
"""


def test_training_on_jax():
    assert run_on_jax("-c", ON_JAX).split() == ["True"] * 6
