"""`from_keras`: our layers in the place of those of Keras compute what those did."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn import layers
from keras_rnn.layers import from_keras
from tests.contracts.arrays import distance

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 6, 3)).astype("float32")
MASK = np.array([[1] * 6, [1, 1, 0, 0, 0, 0], [0, 1, 0, 1, 1, 0], [0] * 6], bool)
theirs = keras.layers


@keras.saving.register_keras_serializable("tests")
class MinimalCell(keras.layers.Layer):
    """As in the documentation of `keras.layers.RNN`: it reads `states[0]`."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")

    def call(self, inputs, states):
        output = inputs @ self.kernel + states[0] @ self.recurrent_kernel
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


LAYERS = {
    "SimpleRNN": lambda: theirs.SimpleRNN(4, activation="relu", use_bias=False),
    "LSTM": lambda: theirs.LSTM(4, return_sequences=True, return_state=True, zero_output_for_mask=True),
    "GRU": lambda: theirs.GRU(4, go_backwards=True, return_sequences=True),
    "GRU, reset before": lambda: theirs.GRU(4, reset_after=False, unroll=True),
    "Bidirectional": lambda: theirs.Bidirectional(theirs.LSTM(4, return_sequences=True), merge_mode="sum"),
    "two directions": lambda: theirs.Bidirectional(
        theirs.GRU(4), backward_layer=theirs.LSTM(3, go_backwards=True), merge_mode="concat"
    ),
    "RNN": lambda: theirs.RNN(theirs.GRUCell(4), return_state=True),
    "RNN of cells": lambda: theirs.RNN(
        [theirs.LSTMCell(4), theirs.SimpleRNNCell(3), theirs.GRUCell(2)], return_sequences=True
    ),
    "RNN of one's own": lambda: theirs.RNN(MinimalCell(4), return_sequences=True),
    "RNN of cells, one of one's own": lambda: theirs.RNN([MinimalCell(4), theirs.GRUCell(2)]),
    "TimeDistributed": lambda: theirs.TimeDistributed(theirs.LSTM(2)),
}


def shaken(layer):
    """Weights that are all different, biases too."""
    layer.set_weights([RANDOM.normal(size=w.shape).astype(w.dtype) for w in layer.get_weights()])
    return layer


def recurrent_layers(layer):
    """Of both libraries, at any depth."""
    kinds = (theirs.RNN, theirs.Bidirectional, layers.Recurrent, layers.Bidirectional)
    return [own for own in layer._flatten_layers() if isinstance(own, kinds)]


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_the_same(name):
    layer, x = LAYERS[name](), X if name != "TimeDistributed" else X[:, :, :, None]
    layer.build(x.shape)
    ours = from_keras(shaken(layer))
    assert distance(ours(x), layer(x)) < 1e-5
    assert ours.name == layer.name and distance(ours.get_weights(), layer.get_weights()) == 0
    found = recurrent_layers(ours)
    assert found and all(type(own).__module__.startswith("keras_rnn") for own in found)
    assert len(ours.trainable_weights) == len(layer.trainable_weights)
    if name != "TimeDistributed":
        assert distance(ours(x, mask=MASK), layer(x, mask=MASK)) < 1e-5


def a_model():
    """A layer used twice, a mask from an embedding, states from one layer to the next, a model within."""
    ids = keras.Input((None,), dtype="int32")
    x = theirs.Embedding(7, 3, mask_zero=True)(ids)
    shared = theirs.GRU(3, return_sequences=True)
    x = shared(shared(x))
    y, h, c = theirs.LSTM(4, return_state=True, return_sequences=True)(x)
    # Called with states, Keras does not find the mask of the inputs: given, it is the same for both.
    z = theirs.LSTM(4)(y, initial_state=[h, c], mask=keras.ops.not_equal(ids, 0))
    inner = keras.Sequential([keras.Input((4,)), theirs.Reshape((4, 1)), theirs.SimpleRNN(2)])
    return keras.Model(ids, theirs.Dense(1)(theirs.Concatenate()([z, inner(z)])))


def test_a_model_computes_the_same_and_trains():
    model = shaken(a_model())
    model.compile(keras.optimizers.RMSprop(1e-2), "mse", metrics=["mae"])
    ids = np.array([[1, 2, 3, 0], [4, 0, 0, 0], [5, 6, 1, 2]])
    ours = from_keras(model)
    assert distance(ours(ids), model(ids)) < 1e-5
    found = recurrent_layers(ours)
    assert len(found) == 4 and all(isinstance(own, layers.Recurrent) for own in found)
    assert isinstance(ours.optimizer, keras.optimizers.RMSprop)
    y = np.ones((3, 1), "float32")
    for _ in range(3):
        expected, reached = model.train_on_batch(ids, y), ours.train_on_batch(ids, y)
        assert np.allclose(reached, expected, rtol=1e-4)


def frozen_model():
    """One layer frozen as a whole, of one the cell, of a pair of directions all."""
    frozen = theirs.LSTM(4, return_sequences=True, trainable=False)
    half = theirs.GRU(3, return_sequences=True)
    both = theirs.Bidirectional(theirs.SimpleRNN(2))
    model = keras.Sequential([keras.Input((None, 3)), frozen, half, both, theirs.Dense(1)])
    half.cell.trainable = both.trainable = False
    return model


def test_what_is_frozen_stays_frozen():
    model = shaken(frozen_model())
    ours = from_keras(model)
    assert [w.trainable for w in ours.weights] == [w.trainable for w in model.weights]
    assert len(ours.trainable_weights) == len(model.trainable_weights) == 2
    before = ours.get_weights()
    ours.compile("sgd", "mse")
    ours.train_on_batch(X, np.ones((4, 1)))
    moved = [bool((new != old).any()) for new, old in zip(ours.get_weights(), before)]
    assert moved == [w.trainable for w in ours.weights]


def test_statistics_and_vocabularies_come_over():
    words = theirs.TextVectorization(output_sequence_length=5, name="words")
    words.adapt(["one two three", "two three", "three"])
    texts = keras.Input((), dtype="string")
    read = theirs.GRU(3)(theirs.Embedding(9, 4)(words(texts)))
    scale = theirs.Normalization()
    scale.adapt(3 * X + 2)
    numbers = keras.Input((None, 3))
    model = keras.Model([texts, numbers], theirs.Concatenate()([read, theirs.LSTM(4)(scale(numbers))]))
    inputs = [tf.constant(["two one", "three", "none", "two"]), tf.constant(X)]
    assert distance(from_keras(model)(inputs), model(inputs)) < 1e-5


def test_a_built_layer_in_a_model_that_is_not():
    layer = theirs.LSTM(4)
    layer.build((None, None, 3))
    model = keras.Sequential([shaken(layer), theirs.Dense(1)])
    assert not model.built
    assert distance(from_keras(model).layers[0](X), layer(X)) < 1e-5


def test_a_layer_that_stands_at_two_depths_is_refused():
    shared = theirs.GRU(3, return_sequences=True)
    inner = keras.Sequential([keras.Input((None, 3)), shared], name="inner")
    x = keras.Input((None, 3))
    with pytest.raises(ValueError, match="A layer that stands both in a model and in a model within that"):
        from_keras(keras.Model(x, inner(shared(x))))


def test_it_need_not_be_compiled():
    model = keras.Sequential([keras.Input((None, 3)), theirs.LSTM(4)])

    def my_own_loss(y, p):
        return keras.ops.mean((y - p) ** 2)

    model.compile("adam", my_own_loss)
    assert not from_keras(model, compile=False).compiled
    with pytest.raises(TypeError, match="my_own_loss"):
        from_keras(model)


def test_an_unbuilt_layer_stays_unbuilt():
    ours = from_keras(
        theirs.LSTM(4, dropout=0.1, kernel_regularizer="l2", dtype="mixed_bfloat16", name="mine")
    )
    assert type(ours) is layers.LSTM and not ours.built
    assert (ours.cell.dropout, ours.name, ours.dtype_policy.name) == (0.1, "mine", "mixed_bfloat16")


def test_a_stateful_layer_begins_at_zero():
    model = keras.Sequential([keras.Input(batch_shape=X.shape), theirs.LSTM(4, stateful=True)])
    shaken(model)
    fresh = keras.ops.convert_to_numpy(model(X))
    ours = from_keras(model)
    assert distance(ours(X), fresh) < 1e-5
    assert distance(ours(X), model(X)) < 1e-5  # and both go on


@keras.saving.register_keras_serializable("tests")
class MyLSTM(keras.layers.LSTM):
    """Somebody's own."""


def test_a_class_of_ones_own_stays():
    model = keras.Sequential([keras.Input((None, 3)), MyLSTM(4, return_sequences=True), theirs.GRU(2)])
    ours = from_keras(model)
    assert [type(own) for own in ours.layers] == [MyLSTM, layers.GRU]


@pytest.mark.parametrize("layer", [theirs.Dense(3), MyLSTM(4), keras.Sequential([theirs.Dense(1)])])
def test_without_a_recurrent_layer_it_says_so(layer):
    with pytest.raises(ValueError, match="`layer` must hold a recurrent layer of Keras") as told:
        from_keras(layer)
    assert layer.name in str(told.value)


def test_what_is_no_layer_is_refused():
    with pytest.raises(ValueError, match="`layer` must be a Keras layer or model; received 'lstm'"):
        from_keras("lstm")


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "LayerNormGRU", "MinGRU", "UnitaryRNN"])
def test_a_layer_that_is_made_frozen_is_frozen_in_a_model(name):
    cls = getattr(layers, name)
    frozen = cls(4, trainable=False)
    model = keras.Sequential([keras.Input((None, 3)), frozen, theirs.Dense(1)])
    assert len(model.trainable_weights) == 2
    assert not cls.from_config(frozen.get_config()).cell.trainable
