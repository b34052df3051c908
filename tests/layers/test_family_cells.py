"""What the further cells of the family promise beyond the contracts: kinship, first values and bounds."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_rnn import layers
from tests.contracts.arrays import BATCH, EXACT, FEATURES, GAPS, RESETS, TIME, UNITS, distance, flat, normal
from tests.contracts.backend import value_and_gradients
from tests.contracts.family_rows import FAMILY_ROWS
from tests.contracts.rows import run
from tests.reference import cells, family_cells

X, H, C = normal(1, BATCH, TIME, FEATURES), normal(2, BATCH, UNITS), normal(3, BATCH, UNITS)
WHOLE = {"return_sequences": True, "return_state": True, "dtype": "float64"}


def built(layer, features=FEATURES):
    """With weights that are random and all different."""
    layer.build((None, None, features))
    layer.set_weights([normal([5, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def with_weights(layer, weights, features=FEATURES):
    layer.build((None, None, features))
    layer.set_weights(weights)
    return layer


def blocks(a, n):
    return np.split(a, n, axis=-1)


def side_by_side(*parts):
    return np.concatenate(parts, axis=-1)


# ---------------------------------------------------------------------------- all of them


@pytest.mark.parametrize(
    "row", [row for row in FAMILY_ROWS if row.covers[0] is not layers.S5], ids=lambda row: row.name
)
def test_without_bias_it_is_its_oracle(row):
    layer = row.layer(use_bias=False)
    assert len(layer.weights) == len(row.layer().weights) - 1
    result = layer(row.inputs(), **row.call_arguments())
    if row.covers[0] is layers.RGLRU:  # its bias does not stand last
        W, decay = layer.get_weights()
        step = row.oracle([W, np.zeros(2 * UNITS), decay])
    else:
        step = row.oracle(layer.get_weights())
    assert distance(result, run(step, row.inputs(), row.sizes, **row.call_arguments())) < EXACT


@pytest.mark.parametrize(
    "row", [row for row in FAMILY_ROWS if row.layer().cell.has_adjoint], ids=lambda r: r.name
)
def test_its_adjoint_without_bias_and_with_dropped_states_is_right(row):
    dropped = {} if row.covers[0] is layers.EchoState else {"recurrent_dropout": 0.5}
    found = []
    for implementation in ("plain", "fast"):
        layer = row.own_layer(implementation=implementation, use_bias=False, seed=1, **dropped)
        found.append(value_and_gradients(layer, row.inputs(), row.states(), mask=GAPS, training=True))
    assert distance(*found) < 1e-12


@pytest.mark.parametrize("row", FAMILY_ROWS, ids=lambda row: row.name)
def test_in_16_bits_states_have_32_and_the_error_is_small(row):
    layer = row.layer(dtype="mixed_bfloat16")
    x, states = row.inputs().astype("float32"), [s.astype("float32") for s in row.states()]
    result = layer(x, initial_state=states, mask=GAPS)
    dtypes = [keras.backend.standardize_dtype(y.dtype) for y in result]
    assert dtypes == ["bfloat16"] + ["float32"] * len(states)
    error = distance(result, row.layer()(row.inputs(), **row.call_arguments(GAPS)))
    assert 2.0**-13 < error < 2.0**-3 * np.abs(x).max()


@pytest.mark.parametrize("cls", [layers.LayerNormGRUCell, layers.LayerNormSimpleRNNCell])
def test_epsilon_is_positive(cls):
    with pytest.raises(ValueError, match="`epsilon` must be a positive number; received epsilon=0"):
        cls(UNITS, epsilon=0)


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize(
    ("cell", "columns", "value"),
    [
        (layers.CoupledInputForgetLSTMCell(UNITS), slice(0, 4), -1),
        (layers.MultiplicativeLSTMCell(UNITS), slice(4, 8), 1),
        (layers.ProjectionLSTMCell(UNITS, 3), slice(4, 8), 1),
        (layers.SLSTMCell(UNITS), slice(4, 8), 1),
        (layers.SLSTMCell(UNITS, forget_gate="exp"), slice(4, 8), 0),
    ],
)
def test_the_forget_gate_begins_open(cell, columns, value, start):
    cell = type(cell).from_config({**cell.get_config(), "unit_forget_bias": start})
    cell.build((None, FEATURES))
    bias = flat(cell.bias)[0]
    assert np.array_equal(bias[columns], np.full(4, start * value))
    assert not np.delete(bias, np.r_[columns]).any()


# ---------------------------------------------------------------------------- kinship


def test_coupled_gates_are_those_of_an_lstm_with_weights_of_the_other_sign():
    layer = built(layers.CoupledInputForgetLSTM(UNITS, **WHOLE))
    weights = []
    for w in layer.get_weights():
        i, c, o = blocks(w, 3)
        weights.append(side_by_side(i, -i, c, o))
    lstm = with_weights(layers.LSTM(UNITS, **WHOLE), weights)
    assert distance(layer(X, initial_state=[H, C]), lstm(X, initial_state=[H, C])) < 1e-12


def test_a_minimal_gated_unit_is_a_gru_of_one_gate():
    layer = built(layers.MGU(UNITS, **WHOLE))
    weights = [side_by_side(-f, f, h) for f, h in (blocks(w, 2) for w in layer.get_weights())]
    gru = with_weights(layers.GRU(UNITS, reset_after=False, **WHOLE), weights)
    assert distance(layer(X, initial_state=[H]), gru(X, initial_state=[H])) < 1e-12


def test_a_multiplicative_lstm_whose_input_does_not_matter_to_m_is_an_lstm():
    layer = built(layers.MultiplicativeLSTM(UNITS, **WHOLE))
    W, U, b = layer.get_weights()
    W[:, -UNITS:] = [[0.0], [1.0]]
    layer.set_weights([W, U, b])
    x = X.copy()
    x[..., 1] = 1.0  # so x W_m is one everywhere
    lstm = with_weights(layers.LSTM(UNITS, **WHOLE), [W[:, :-UNITS], U[:, -UNITS:] @ U[:, :-UNITS], b])
    assert distance(layer(x, initial_state=[H, C]), lstm(x, initial_state=[H, C])) < 1e-12


def test_a_projection_on_itself_is_an_lstm():
    layer = built(layers.ProjectionLSTM(UNITS, UNITS, **WHOLE))
    W, U, _, b = layer.get_weights()
    layer.set_weights([W, U, np.eye(UNITS), b])
    lstm = with_weights(layers.LSTM(UNITS, **WHOLE), [W, U, b])
    assert distance(layer(X, initial_state=[H, C]), lstm(X, initial_state=[H, C])) < 1e-12


@pytest.mark.parametrize("window", [1, 3])
def test_the_products_of_a_qrnn_are_a_causal_convolution(window):
    layer = built(layers.QRNN(UNITS, window=window, **WHOLE))
    assert len(layer.state_size) == window
    convolution = keras.layers.Conv1D(3 * UNITS, window, padding="causal", dtype="float64")
    convolution.build((None, None, FEATURES))
    convolution.set_weights(layer.get_weights())
    z, f, o = blocks(flat(convolution(X))[0], 3)
    c, outputs = np.zeros((BATCH, UNITS)), []
    for t in range(TIME):
        c = cells.sigmoid(f[:, t]) * c + (1 - cells.sigmoid(f[:, t])) * np.tanh(z[:, t])
        outputs.append(cells.sigmoid(o[:, t]) * c)
    result = flat(layer(X))
    assert distance(result[:2], [np.stack(outputs, axis=1), c]) < 1e-12


# ---------------------------------------------------------------------------- dropout of the state


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (layers.IndRNN(UNITS, activation="tanh", recurrent_dropout=0.5, seed=1, dtype="float64"), UNITS),
        (layers.MultiplicativeLSTM(UNITS, recurrent_dropout=0.5, seed=1, dtype="float64"), UNITS),
        (layers.ProjectionLSTM(UNITS, 3, recurrent_dropout=0.5, seed=1, dtype="float64"), 3),
    ],
)
def test_the_state_that_the_products_read_is_dropped(layer, size):
    cell = built(layer).cell
    states = [normal(6, 8, size), normal(7, 8, UNITS)][: len(cell.state_size)]
    constants = cell.get_constants(8, training=True)
    mask = flat(constants["recurrent_dropout_mask"])[0]
    assert mask.shape == (8, size)
    assert set(np.unique(mask)) == {0.0, 2.0}
    result = cell.step(cell.project_inputs(normal(8, 8, FEATURES), constants), states, constants)
    # None of the three carries h over: what is dropped is what the products read.
    expected = cell(normal(8, 8, FEATURES), [states[0] * mask, *states[1:]])
    assert distance(result, expected) < 1e-12


# ---------------------------------------------------------------------------- IndRNN


@pytest.mark.parametrize("implementation", ["plain", "fast"])
def test_ind_rnn_of_relu_is_its_oracle_on_every_path(implementation):
    found = []
    for way in (implementation, "plain"):
        layer = built(layers.IndRNN(UNITS, implementation=way, recurrent_dropout=0.25, seed=3, **WHOLE))
        step = cells.bind(family_cells.ind_rnn, layer.get_weights(), act=cells.relu)
        assert distance(layer(X, initial_state=[H]), run(step, X, [UNITS], initial_state=[H])) < 1e-10
        found.append(value_and_gradients(layer, X, [H], mask=GAPS, training=True))
    assert distance(*found) < 1e-10


def test_u_starts_and_is_held_within_the_bound():
    bound = 2 ** (1 / TIME)
    layer = layers.IndRNN(
        32,
        recurrent_initializer=keras.initializers.RandomUniform(0, bound),
        recurrent_constraint=keras.constraints.MaxNorm(bound),
    )
    model = keras.Sequential([keras.Input((TIME, FEATURES)), layer])
    u = layer.cell.recurrent_kernel
    assert 0 <= flat(u)[0].min() < flat(u)[0].max() <= bound
    before = flat(u)[0]
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.fit(X, 9 * np.ones((BATCH, 32)), epochs=3, verbose=0)
    assert (flat(u)[0] != before).mean() > 0.5
    assert np.abs(flat(u)[0]).max() == pytest.approx(bound)  # some at the bound, none beyond
    assert (np.abs(flat(u)[0]) < 0.99 * bound).any()  # and each by itself


@pytest.fixture
def in_16_bits():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_u_is_not_rounded_to_16_bits(in_16_bits):
    x = keras.Input((None, 1))
    layer = layers.IndRNN(1, activation="linear", return_state=True)
    model = keras.Model(x, layer(x)[1])  # which opens an autocast scope
    layer.set_weights([np.ones((1, 1)), np.full((1, 1), 0.999), np.zeros(1)])
    impulse = np.zeros((1, 300, 1), "float32")
    impulse[0, 0] = 1
    assert flat(model(impulse))[0].item() == pytest.approx(0.999**299, rel=1e-4)


# ---------------------------------------------------------------------------- SRU and RGLRU


@pytest.mark.parametrize("implementation", ["plain", "parallel"])
@pytest.mark.parametrize(
    ("cls", "oracle", "columns"),
    [(layers.SRU, family_cells.sru, 3), (layers.RGLRU, family_cells.rg_lru, 2)],
)
def test_with_as_many_features_as_units_the_input_is_taken_as_it_is(cls, oracle, columns, implementation):
    layer, other = (
        built(cls(UNITS, implementation=implementation, dropout=0.5, seed=2, **WHOLE), UNITS) for _ in "12"
    )
    assert layer.get_weights()[0].shape == (UNITS, columns * UNITS)
    x, step = normal(4, BATCH, TIME, UNITS), cells.bind(oracle, layer.get_weights())
    assert distance(layer(x, initial_state=[H]), run(step, x, [UNITS], initial_state=[H])) < 1e-10
    mask = flat(other.cell.get_constants(BATCH, training=True)["dropout_mask"])[0]
    assert distance(layer(x, training=True), run(step, x * mask[:, None], [UNITS])) < 1e-10


@pytest.mark.parametrize("implementation", ["plain", "parallel"])
def test_a_decay_of_one_holds_the_state_and_has_a_gradient(implementation):
    layer = layers.RGLRU(UNITS, implementation=implementation, return_sequences=True)
    W, b, _ = built(layer).get_weights()
    layer.set_weights([W, b, np.full(UNITS, 500.0)])  # where 1 - a^2 is 0, and its root has no derivative
    value, gradients = value_and_gradients(layer, X.astype("float32"), [H.astype("float32")])
    assert all(np.isfinite(g).all() for g in flat([value, gradients]))
    y = flat(layer(X.astype("float32"), initial_state=[H.astype("float32")]))[0]
    assert distance(y, np.repeat(H.astype("float32")[:, None], TIME, axis=1)) == 0


def test_the_decay_starts_in_the_ring_of_the_paper():
    cell = layers.RGLRUCell(2000)
    cell.build((None, 1))
    a = cells.sigmoid(flat(cell.decay)[0]) ** 8
    assert 0.8999 < a.min() < 0.902
    assert 0.997 < a.max() < 0.9991
    assert abs(a.mean() - 0.9495) < 0.003


# ---------------------------------------------------------------------------- QRNN


@pytest.mark.parametrize("jit_compile", [False, True])
def test_windows_over_masks_and_resets_in_a_graph_of_unknown_sizes(jit_compile):
    parallel, plain = (
        built(layers.QRNN(UNITS, window=3, implementation=way, **WHOLE)) for way in ("parallel", "plain")
    )
    states = [H, normal(3, BATCH, FEATURES), normal(4, BATCH, FEATURES)]
    call = {"mask": GAPS, "reset_mask": RESETS["steps"]}
    signature = [
        tf.TensorSpec((None, None, FEATURES), "float64"),
        [tf.TensorSpec((None, s.shape[1]), "float64") for s in states],
    ]
    graph = tf.function(
        lambda x, s: value_and_gradients(parallel, x, s, **call), signature, jit_compile=jit_compile
    )
    assert distance(graph(X, states), value_and_gradients(plain, X, states, **call)) < 1e-10


def test_a_window_in_a_stack_and_behind_a_learned_state():
    stack = built(layers.Recurrent([layers.QRNNCell(3), layers.QRNNCell(UNITS)], **WHOLE))
    lower = layers.Recurrent(stack.cell.cells[0], return_sequences=True, dtype="float64")
    upper = layers.Recurrent(stack.cell.cells[1], return_sequences=True, dtype="float64")
    assert stack.state_size == [3, FEATURES, UNITS, 3]
    x = X.astype("float64")
    assert distance(flat(stack(x))[0], upper(lower(x))) < 1e-6  # the cells are in float32
    learned = layers.LearnedInitialState(layers.QRNNCell(UNITS, dtype="float64"))
    layer = built(layers.Recurrent(learned, **WHOLE))
    states = [np.repeat(s[None], BATCH, axis=0) for s in flat(learned.initial_state)]
    plain = layers.Recurrent(learned.cell, implementation="plain", **WHOLE)
    assert distance(layer(X, mask=GAPS), plain(X, initial_state=states, mask=GAPS)) < 1e-12


# ---------------------------------------------------------------------------- EchoState


def radius(layer):
    return np.abs(np.linalg.eigvals(flat(layer.cell.recurrent_kernel)[0])).max()


@pytest.mark.parametrize(("spectral_radius", "connectivity"), [(0.9, 0.1), (1.25, 1.0)])
def test_a_reservoir_has_the_radius_and_the_connectivity_asked_for(spectral_radius, connectivity):
    layer = layers.EchoState(200, connectivity, spectral_radius=spectral_radius, seed=3)
    layer.build((None, None, FEATURES))
    assert radius(layer) == pytest.approx(spectral_radius, rel=1e-4)
    share = np.mean(flat(layer.cell.recurrent_kernel)[0] != 0)
    assert abs(share - connectivity) < 0.01


def test_nothing_of_a_reservoir_is_trained_but_what_stands_around_it_is():
    reservoir = layers.EchoState(20, connectivity=0.5, return_sequences=True)
    before, behind = keras.layers.Dense(3), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((TIME, FEATURES)), before, reservoir, behind])
    model.trainable = True  # nor after this
    fixed, others = reservoir.get_weights(), [*before.get_weights(), *behind.get_weights()]
    model.compile("sgd", "mse")
    model.fit(X, np.ones((BATCH, TIME, 1)), verbose=0)
    assert len(fixed) == 3
    assert reservoir.trainable_variables == []
    assert distance(reservoir.get_weights(), fixed) == 0
    changed = [*before.get_weights(), *behind.get_weights()]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(changed, others))


def test_a_seed_says_where_the_zeros_are():
    kernels = []
    for seed in (1, 1, 2):
        layer = layers.EchoState(30, 0.3, recurrent_initializer="ones", seed=seed)
        layer.build((None, None, FEATURES))
        kernels.append(flat(layer.cell.recurrent_kernel)[0])
    assert np.array_equal(kernels[0], kernels[1])
    assert (kernels[0] != kernels[2]).any()


def test_a_reservoir_without_a_cycle_is_refused():
    layer = layers.EchoState(60, 0.001, seed=1)
    with pytest.raises(ValueError, match="`connectivity` must leave U an eigenvalue other than 0; 60 units"):
        layer.build((None, None, FEATURES))


@pytest.mark.parametrize(
    ("name", "value"),
    [("connectivity", 0), ("connectivity", 1.5), ("leaky", 0.0), ("leaky", 2), ("spectral_radius", 0)],
)
def test_arguments_of_a_reservoir(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be .*; received {name}={value}"):
        layers.EchoState(UNITS, **{name: value})


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("projection_units", lambda n: layers.ProjectionLSTM(UNITS, n)),
        ("window", lambda n: layers.QRNN(UNITS, window=n)),
    ],
)
@pytest.mark.parametrize("value", [0, -1, 2.5])
def test_sizes(name, make, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer; received {name}={value}"):
        make(value)


def test_the_reservoir_forgets_its_first_state():
    layer = layers.EchoState(50, 0.5, spectral_radius=0.5, seed=1)
    x = normal(1, 1, 100, FEATURES).astype("float32")
    ends = [layer(x, initial_state=[scale * ops.ones((1, 50))]) for scale in (-1.0, 1.0)]
    assert distance(*ends) < 1e-5
