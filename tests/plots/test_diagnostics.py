"""Norms of gradients, gates and singular values against what NumPy and automatic differentiation say."""

import importlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn import layers, plots
from keras_rnn.callbacks import SingularValues
from tests.contracts.arrays import distance, flat, normal
from tests.contracts.backend import value_and_gradients
from tests.reference.cells import sigmoid

BATCH, TIME, FEATURES, UNITS = 2, 6, 3, 4
X = normal(1, BATCH, TIME, FEATURES)
SHOWN = {"return_sequences": True, "dtype": "float64"}


def built(layer, scale=0.5):
    layer.build((None, None, FEATURES))
    layer.set_weights([scale * normal([2, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def test_of_a_linear_network_the_gradient_is_a_power_of_its_matrix():
    layer = built(layers.SimpleRNN(UNITS, activation="linear", dtype="float64"))
    U = layer.get_weights()[1]
    powers = np.array([np.linalg.norm(np.linalg.matrix_power(U, d), 2) for d in range(TIME + 1)])
    assert distance(plots.state_gradients(layer, X), powers) < 1e-10


def test_of_a_unitary_network_without_dead_zone_it_is_one():
    layer = layers.UnitaryRNN(UNITS, dtype="float64")
    layer.build((None, None, FEATURES))  # with b = 0
    assert distance(plots.state_gradients(layer, X), np.ones(TIME + 1)) < 1e-12


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.LSTM(UNITS, **SHOWN),
        lambda: layers.LRU(UNITS, **SHOWN),
        lambda: layers.Recurrent(
            [layers.LSTMCell(UNITS, dtype="float64"), layers.GRUCell(3, dtype="float64")], **SHOWN
        ),
    ],
    ids=["LSTM", "LRU", "stack"],
)
def test_the_gradient_by_the_first_state_is_that_of_the_whole_loop(make):
    layer = built(make())
    states = [np.zeros((BATCH, size)) for size in layer.state_size]
    _, gradients = value_and_gradients(layer, X, states)
    by_state = np.concatenate(flat(gradients)[1 : 1 + len(states)], axis=1)

    def loss(y):  # as `value_and_gradients` takes it
        return ops.sum(y * (y + 1))

    norms = plots.loss_gradients(layer, X, loss)
    assert norms.shape == (TIME + 1,)
    assert norms[-1] == pytest.approx(np.linalg.norm(by_state, axis=1).mean(), rel=1e-9)
    assert norms[0] == 0


def test_a_layer_of_keras_has_the_norms_of_ours():
    ours, theirs = built(layers.LSTM(UNITS)), built(keras.layers.LSTM(UNITS))
    x = X.astype("float32")
    assert distance(plots.state_gradients(ours, x), plots.state_gradients(theirs, x)) < 1e-6
    assert distance(plots.gate_activations(ours, x), plots.gate_activations(theirs, x)) < 1e-6


@pytest.mark.parametrize(
    ("make", "names", "places"),
    [
        (lambda: layers.LSTM(UNITS, dtype="float64"), "ifo", [0, 1, 3]),
        (lambda: keras.layers.LSTM(UNITS, dtype="float64"), "ifo", [0, 1, 3]),
        (lambda: layers.PeepholeLSTM(UNITS, dtype="float64"), "ifo", [0, 1, 3]),
        (lambda: layers.LayerNormLSTM(UNITS, dtype="float64"), "ifo", [0, 1, 3]),
        (lambda: layers.ProjectionLSTM(UNITS, 3, dtype="float64"), "ifo", [0, 1, 3]),
        (lambda: layers.GRU(UNITS, reset_after=False, dtype="float64"), "zr", [0, 1]),
        (lambda: keras.layers.GRU(UNITS, reset_after=False, dtype="float64"), "zr", [0, 1]),
    ],
    ids=["LSTM", "keras LSTM", "PeepholeLSTM", "LayerNormLSTM", "ProjectionLSTM", "GRU", "keras GRU"],
)
def test_each_gate_has_its_name(make, names, places):
    layer = built(make(), scale=0.0)
    weights = layer.get_weights()
    bias = normal(4, *weights[-1].shape)
    layer.set_weights([*weights[:-1], bias])  # every gate is then a function of its bias alone
    before = layer.cell.recurrent_activation
    gates = plots.gate_activations(layer, X)
    assert layer.cell.recurrent_activation is before
    assert list(gates) == list(names)
    for name, place in zip(names, places):
        own = sigmoid(bias[place * UNITS : (place + 1) * UNITS])
        assert gates[name].shape == (BATCH, TIME, UNITS)
        assert distance(gates[name], np.broadcast_to(own, gates[name].shape)) < 1e-6


def test_gates_follow_the_state_over_time():
    layer = built(layers.LSTM(UNITS, dtype="float64"))
    gates = plots.gate_activations(layer, X)
    W, U, b = layer.get_weights()
    h = flat(layer(X[:, :1]))[0]
    second = np.split(sigmoid(X[:, 1] @ W + h @ U + b), 4, axis=1)
    assert distance([gates[name][:, 1] for name in "ifo"], [second[k] for k in (0, 1, 3)]) < 1e-12


def test_a_cell_without_gates_is_refused():
    with pytest.raises(TypeError, match="cell with gates"):
        plots.gate_activations(layers.SimpleRNN(UNITS), X)


def test_singular_values_are_recorded_before_and_after_each_epoch():
    layer = layers.SimpleRNN(UNITS)
    model = keras.Sequential([keras.Input((2, FEATURES)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    start = layer.get_weights()[1]
    recorded = SingularValues(lambda: layer.cell.recurrent_kernel)
    for _ in range(2):
        model.fit(X[:, :2], normal(3, BATCH, UNITS), verbose=0, callbacks=[recorded])
    assert len(recorded.values) == 3
    last = np.linalg.svd(layer.get_weights()[1], compute_uv=False)
    assert distance(recorded.values[0], np.linalg.svd(start, compute_uv=False)) < 1e-6
    assert distance(recorded.values[2], last) < 1e-6
    assert distance(recorded.values[1], recorded.values[2]) > 1e-4


PICTURES = {
    "attention": (np.full((2, 3), 1 / 3), ["a", "cat", "."], ["eine", "Katze"]),
    "attention_maps": ({"head 1": np.eye(2), "head 2": np.full((2, 2), 0.5)}, ["a", "cat"]),
    "gradient_norms": ({"LSTM": [1.0, 0.5, 0.0], "SimpleRNN": [1.0, 0.1]},),
    "gates": ({"i": np.linspace(0, 1, 12).reshape(3, 4), "f": np.zeros((3, 4))},),
    "singular_values": (np.linspace(0.5, 1.5, 12).reshape(3, 4),),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_written(name, tmp_path):
    path = tmp_path / "picture.png"
    getattr(plots, name)(*PICTURES[name], path, title="Title")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_both_sentences_stand_beside_their_attention(tmp_path, monkeypatch):
    drawn, weights = [], np.arange(6.0).reshape(2, 3) / 15
    module = importlib.import_module(
        "keras_rnn.plots.attention_maps"
    )  # the package has a function of this name
    monkeypatch.setattr(module, "save", lambda figure, path: drawn.append(figure))
    plots.attention(weights, ["a", "\u2581cat", "."], ["eine", "Katze"], tmp_path / "a.png")
    axis = drawn[0].axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "_cat", "."]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["eine", "Katze"]
    assert (axis.images[0].get_array() == weights).all()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda path: plots.gradient_norms({}, path), "`curves`"),
        (lambda path: plots.gates({}, path), "`values`"),
        (lambda path: plots.gates({"i": np.zeros((3, 4)), "f": np.zeros((3, 5))}, path), "`values`"),
        (lambda path: plots.gates({"i": np.zeros((3, 4))}, path, steps=["a"]), "`values`"),
        (lambda path: plots.singular_values([], path), "`values`"),
        (lambda path: plots.attention(np.eye(2), ["a", "cat"], ["eine"], path), "`weights`"),
        (lambda path: plots.attention_maps({}, ["a"], path), "`weights`"),
        (lambda path: plots.state_gradients(layers.GRU(2), np.zeros((2, 0, 3))), "`sequences`"),
        (lambda path: plots.loss_gradients(layers.GRU(2), np.zeros((2, 3)), ops.sum), "`sequences`"),
    ],
)
def test_what_cannot_be_drawn(call, named, tmp_path):
    with pytest.raises(ValueError, match=f"{named} must"):
        call(tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())
