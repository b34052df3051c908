"""The page on tfa.rnn and keras.layers: each row runs, with the old weights, and gives the old outputs."""

import doctest
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_rnn import layers
from tests.models.small import distance

PAGE = (Path(__file__).parents[1] / "tutorials" / "from_tfa_rnn.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROWS = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \|", PAGE, re.MULTILINE)
UNITS, FEATURES = 4, 3
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 6, FEATURES)).astype("float32")


def weights(*shapes):
    return [RANDOM.normal(size=shape).astype("float32") for shape in shapes]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def norm(a, gain, bias=0.0, epsilon=1e-3):
    a = a - a.mean(-1, keepdims=True)
    return gain * a / np.sqrt((a * a).mean(-1, keepdims=True) + epsilon) + bias


# The steps of tfa 0.23, from its weights in its order.


def echo_state(x, states, U, W, b):
    (h,) = states
    h = 0.3 * h + 0.7 * np.tanh(x @ W + h @ U + b)
    return h, [h]


def layer_norm_lstm(x, states, W, U, b, g_x, b_x, g_h, b_h, g_c, b_c):
    h, c = states
    i, f, g, o = np.split(norm(x @ W, g_x, b_x) + norm(h @ U, g_h, b_h) + b, 4, axis=-1)
    c = norm(sigmoid(f) * c + sigmoid(i) * np.tanh(g), g_c, b_c)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def layer_norm_simple(x, states, W, U, b, gain):
    h = np.tanh(norm(x @ W + states[0] @ U, gain, epsilon=1e-5) + b)
    return h, [h]


def nas(x, states, U, W, b):
    c, m = states
    xs, ms = np.split(x @ W, 8, axis=-1), np.split(m @ U + b, 8, axis=-1)
    a = [xs[k] + ms[k] for k in range(8)]
    one, two = np.tanh(sigmoid(a[0]) * np.maximum(a[1], 0)), np.maximum(xs[3] * ms[3], 0)
    two = np.tanh(sigmoid(a[2]) + two)
    three = np.tanh(np.tanh(a[4]) * sigmoid(a[5]))
    four = sigmoid(np.tanh(a[6]) + sigmoid(a[7]))
    c = np.tanh(one + c) * two
    m = np.tanh(c * np.tanh(three + four))
    return m, [c, m]


def peephole(x, states, W, U, b, p_i, p_f, p_o):
    h, c = states
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=-1)
    new = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
    h = sigmoid(o + p_o * new) * np.tanh(new)
    return h, [h, new]


GATES, WIDE = (FEATURES, 4 * UNITS), (UNITS, 4 * UNITS)
TFA = {
    "ESNCell": (echo_state, 1, [(UNITS, UNITS), (FEATURES, UNITS), (UNITS,)]),
    "LayerNormLSTMCell": (
        layer_norm_lstm,
        2,
        [GATES, WIDE, *[(4 * UNITS,)] * 5, (UNITS,), (UNITS,)],
    ),
    "LayerNormSimpleRNNCell": (
        layer_norm_simple,
        1,
        [(FEATURES, UNITS), (UNITS, UNITS), (UNITS,), (UNITS,)],
    ),
    "NASCell": (nas, 2, [(UNITS, 8 * UNITS), (FEATURES, 8 * UNITS), (8 * UNITS,)]),
    "PeepholeLSTMCell": (peephole, 2, [GATES, WIDE, (4 * UNITS,), *[(UNITS,)] * 3]),
}
KERAS = {
    "SimpleRNN": lambda: keras.layers.SimpleRNN(UNITS, return_sequences=True),
    "LSTM": lambda: keras.layers.LSTM(UNITS, return_sequences=True),
    "GRU": lambda: keras.layers.GRU(UNITS, return_sequences=True),
    "Bidirectional": lambda: keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True)),
    "RNN": lambda: keras.layers.RNN(keras.layers.GRUCell(UNITS), return_sequences=True),
    "StackedRNNCells": lambda: keras.layers.RNN(
        [keras.layers.LSTMCell(UNITS), keras.layers.LSTMCell(UNITS)], return_sequences=True
    ),
}


def followed(name, theirs):
    """The y of the page's code."""
    space = {"layers": layers, "np": np, "x": X, "theirs": theirs}
    code = "".join(re.findall(r"^```pycon\n(.*?)^```$", SECTIONS[name], re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(code, space, name, None, 0)
    runner = doctest.DocTestRunner()
    runner.run(test, clear_globs=False)
    assert not runner.summarize(verbose=False).failed
    return keras.ops.convert_to_numpy(test.globs["y"])


def outputs(step, states, theirs):
    states = [np.zeros((len(X), UNITS)) for _ in range(states)]
    found = []
    for t in range(X.shape[1]):
        y, states = step(X[:, t].astype(float), states, *theirs)
        found.append(y)
    return np.stack(found, axis=1)


def test_every_recurrent_layer_of_keras_is_named():
    named = set(re.findall(r"`keras\.layers\.(\w+)`", PAGE)) | {name for name, _ in ROWS}
    public = [own for own in vars(keras.layers).items() if isinstance(own[1], type)]
    recurrent = {name for name, own in public if ".rnn." in own.__module__}
    assert recurrent == named & {name for name, _ in public}


def test_a_whole_model_comes_over():
    model = keras.Sequential([keras.Input((None, FEATURES)), keras.layers.LSTM(UNITS)])
    model.set_weights(weights(*(w.shape for w in model.get_weights())))
    code = re.search(r"^## keras.layers\n.*?^```pycon\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
    test = doctest.DocTestParser().get_doctest(code, {"layers": layers, "model": model}, "model", None, 0)
    runner = doctest.DocTestRunner()
    runner.run(test, clear_globs=False)
    assert not runner.summarize(verbose=False).failed
    ours = test.globs["ours"]
    assert type(ours.layers[0]) is layers.LSTM and distance(ours(X), model(X)) < 1e-5


def test_every_name_has_a_row_and_code():
    assert [name for name, _ in ROWS] == [*TFA, *KERAS] == list(SECTIONS)
    assert all(anchor == name.lower() for name, anchor in ROWS)


@pytest.mark.parametrize("name", TFA)
def test_a_cell_of_tfa_goes_on_here(name):
    step, states, shapes = TFA[name]
    theirs = weights(*shapes)
    assert distance(followed(name, theirs), outputs(step, states, theirs)) < 1e-5


@pytest.mark.parametrize("name", KERAS)
def test_a_layer_of_keras_goes_on_here(name):
    layer = KERAS[name]()
    layer.build(X.shape)
    theirs = weights(*(w.shape for w in layer.get_weights()))
    layer.set_weights(theirs)
    assert distance(followed(name, theirs), layer(X)) < 1e-5
