"""Wrappers of cells: what each does while training, and that each goes where a cell goes.

What they compute at inference, the catalogue of contracts checks.
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.layers import (
    LSTM,
    Bidirectional,
    GRUCell,
    LearnedInitialState,
    LSTMCell,
    Mogrifier,
    PeepholeLSTMCell,
    Recurrent,
    RecurrentHighwayCell,
    Residual,
    SimpleRNNCell,
    StackedCells,
    VariationalDropout,
    WeightDrop,
    WrappedCell,
    Zoneout,
)
from tests.contracts.arrays import BATCH, FEATURES, GAPS, RESETS, SAME, TIME, UNITS, distance, flat, normal
from tests.contracts.backend import value_and_gradients

X = normal(1, BATCH, TIME, FEATURES)
STATES = [normal([2, k], BATCH, UNITS) for k in range(2)]
CALL = {"mask": GAPS, "reset_mask": RESETS["steps"]}

#: A wrapper around a cell, all its rates `rate`.
DROPPING = {
    "Zoneout": lambda cell, rate, **seed: Zoneout(cell, rate, **seed),
    "VariationalDropout": lambda cell, rate, **seed: VariationalDropout(cell, rate, rate, rate, **seed),
    "WeightDrop": lambda cell, rate, **seed: WeightDrop(cell, rate, **seed),
}
WRAPPERS = {
    **{name: lambda cell, make=make: make(cell, 0.25) for name, make in DROPPING.items()},
    "Residual": Residual,
    "Mogrifier": lambda cell: Mogrifier(cell, 3),
    "LearnedInitialState": lambda cell: LearnedInitialState(cell, "ones"),
}
dropping = pytest.mark.parametrize("make", DROPPING.values(), ids=DROPPING)
wrappers = pytest.mark.parametrize("make", WRAPPERS.values(), ids=WRAPPERS)


def layer_over(cell, features=FEATURES, **arguments):
    """`Recurrent` in float64 with random weights, the same for the same shapes."""
    arguments = {"return_sequences": True, "return_state": True, "dtype": "float64", **arguments}
    layer = Recurrent(cell, **arguments)
    layer.build((BATCH if layer.stateful else None, None, features))
    layer.set_weights([normal([0, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def lstm(units=UNITS):
    return LSTMCell(units, dtype="float64")


def over_lstm(make, **arguments):
    return layer_over(make(lstm(FEATURES if make is Residual else UNITS)), **arguments)


# ---------------------------------------------------------------------------- rates


@dropping
def test_without_a_rate_training_is_the_bare_cell(make):
    layer, bare = layer_over(make(lstm(), 0.0)), layer_over(lstm())
    expected = bare(X, initial_state=STATES, **CALL)
    assert distance(layer(X, initial_state=STATES, training=True, **CALL), expected) < SAME


@pytest.mark.parametrize("name", ["VariationalDropout", "WeightDrop"])
def test_dropout_is_off_at_inference(name):
    layer, bare = layer_over(DROPPING[name](lstm(), 0.5)), layer_over(lstm())
    for training in ({}, {"training": False}):
        assert distance(layer(X, **training), bare(X)) == 0
    assert distance(layer(X, training=True), bare(X)) > 1e-3


@dropping
def test_every_call_draws_anew(make):
    layer = layer_over(make(lstm(), 0.5))
    calls = [layer(X, training=True) for _ in range(3)]
    assert distance(calls[0], calls[1]) > 1e-6
    assert distance(calls[1], calls[2]) > 1e-6


@dropping
def test_a_graph_draws_each_time_it_runs(make):
    layer = layer_over(make(lstm(), 0.5))
    for jit_compile in (False, True):
        graph = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)
        assert distance(graph(X), graph(X)) > 1e-6


@dropping
def test_a_seed_makes_it_reproducible(make):
    one, two, other = (layer_over(make(lstm(), 0.5, seed=seed)) for seed in (7, 7, 8))
    for _ in range(2):
        result = one(X, training=True)
        assert distance(result, two(X, training=True)) == 0
        assert distance(result, other(X, training=True)) > 1e-6


# ---------------------------------------------------------------------------- VariationalDropout


def masks_of(layer, *names):
    """What the next call of a layer with the same seed draws."""
    constants = layer.cell.get_constants(BATCH, training=True)
    return [flat(constants[name])[0] for name in names]


def with_masked_rows(layer_of, mask, **call):
    """Each row through a layer whose recurrent kernel is multiplied by the row of the mask."""
    results = []
    for k in range(BATCH):
        layer, own = layer_of(), slice(k, k + 1)
        W, U, *rest = layer.get_weights()
        layer.set_weights([W, mask[k][:, None] * U, *rest])
        states = [state[own] for state in call["initial_state"]]
        results.append(flat(layer(call["x"][own], initial_state=states)))
    return [np.concatenate(parts) for parts in zip(*results)]


@pytest.mark.parametrize(
    "cell",
    [lstm, lambda: GRUCell(UNITS, dtype="float64"), lambda: RecurrentHighwayCell(UNITS, 3, dtype="float64")],
    ids=["LSTM", "GRU", "RecurrentHighway"],
)
def test_dropped_units_are_missing_in_products_and_carried_over_all_the_same(cell):
    twins = [layer_over(VariationalDropout(cell(), recurrent_rate=0.5, seed=3)) for _ in range(2)]
    constants = twins[0].cell.get_constants(BATCH, training=True)["cell"]
    mask = flat(constants["recurrent_dropout_mask"])[0]
    assert set(np.unique(mask)) == {0.0, 2.0}
    states = STATES[: len(twins[0].state_size)]
    expected = with_masked_rows(lambda: layer_over(cell()), mask, x=X, initial_state=states)
    assert distance(twins[1](X, initial_state=states, training=True), expected) < SAME


def test_the_mask_of_the_state_meets_the_one_that_the_cell_has():
    def twin():
        inner = LSTMCell(UNITS, recurrent_dropout=0.5, seed=4, dtype="float64")
        return layer_over(VariationalDropout(WeightDrop(inner, 0.0), recurrent_rate=0.25, seed=3))

    constants = twin().cell.get_constants(BATCH, training=True)["cell"]["cell"]
    mask = flat(constants["recurrent_dropout_mask"])[0]
    assert set(np.unique(mask.round(9))) == {0.0, round(2 / 0.75, 9)}
    expected = with_masked_rows(lambda: layer_over(lstm()), mask, x=X, initial_state=STATES)
    assert distance(twin()(X, initial_state=STATES, training=True), expected) < SAME


def test_a_cell_of_another_kind_reads_a_dropped_state():
    # A stack is no affine cell, whatever it is made of.
    def inner():
        return StackedCells([GRUCell(UNITS, dtype="float64")])

    layer, twin = (layer_over(VariationalDropout(inner(), recurrent_rate=0.5, seed=3)) for _ in range(2))
    bare = layer_over(inner())
    (mask,) = masks_of(twin, "recurrent_mask")
    h, outputs = STATES[0], []
    for t in range(TIME):
        y, (h,) = bare.cell(X[:, t], [h * mask])
        outputs.append(flat(y)[0])
    result = layer(X, initial_state=STATES[:1], training=True)
    assert distance(result, [np.stack(outputs, axis=1), h]) < SAME


@pytest.mark.parametrize("rates", [{"input_rate": 0.5}, {"output_rate": 0.25}], ids=str)
def test_inputs_and_outputs_are_multiplied_by_one_mask_for_all_steps(rates):
    def twin():
        return layer_over(VariationalDropout(lstm(), **rates, seed=3))

    result, bare = twin()(X, initial_state=STATES, training=True), layer_over(lstm())
    if "input_rate" in rates:
        (mask,) = masks_of(twin(), "input_mask")
        assert distance(result, bare(X * mask[:, None], initial_state=STATES)) < SAME
    else:
        (mask,) = masks_of(twin(), "output_mask")
        y, *states = bare(X, initial_state=STATES)
        # What is carried on is whole.
        assert distance(result, [y * mask[:, None], *states]) < SAME
    assert 0 < (mask == 0).sum() < mask.size


def test_the_last_output_is_dropped_too():
    twins = [
        layer_over(VariationalDropout(lstm(), output_rate=0.5, seed=3), return_sequences=sequences)
        for sequences in (True, False)
    ]
    outputs, last = (layer(X, training=True)[0] for layer in twins)
    assert distance(outputs[:, -1], last) == 0
    assert (flat(last)[0] == 0).any()


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_share_that_variational_dropout_drops_is_the_rate(rate):
    layer = layer_over(VariationalDropout(lstm(), rate, 0.0, rate, seed=1))
    constants = layer.cell.get_constants(4000, training=True)
    for name, size in (("input_mask", FEATURES), ("output_mask", UNITS)):
        mask = flat(constants[name])[0]
        assert mask.shape == (4000, size)
        assert set(np.unique(mask.round(9))) == {0.0, round(1 / (1 - rate), 9)}
        assert abs(np.mean(mask == 0) - rate) < 4 * np.sqrt(rate * (1 - rate) / mask.size)


# ---------------------------------------------------------------------------- WeightDrop

RECURRENT_CELLS = {
    "SimpleRNN": lambda: SimpleRNNCell(UNITS, dtype="float64"),
    "LSTM": lstm,
    "PeepholeLSTM": lambda: PeepholeLSTMCell(UNITS, dtype="float64"),
    "GRU": lambda: GRUCell(UNITS, dtype="float64"),
    "GRU(reset_after=False)": lambda: GRUCell(UNITS, reset_after=False, dtype="float64"),
    "RecurrentHighway": lambda: RecurrentHighwayCell(UNITS, 3, dtype="float64"),
    "VariationalDropout(LSTM)": lambda: VariationalDropout(lstm()),
}


def recurrent_kernel(constants):
    """All recurrent matrices, side by side as in the weight."""
    while "cell" in constants:
        constants = constants["cell"]
    matrices = [constants[name] for name in ("U", "U_zr", "U_h") if name in constants]
    if isinstance(matrices[0], tuple):
        return np.stack(flat(matrices[0]))
    return np.concatenate(flat(matrices), axis=-1)


@pytest.mark.parametrize("make", RECURRENT_CELLS.values(), ids=RECURRENT_CELLS)
def test_dropped_weights_are_another_recurrent_kernel(make):
    """One for all rows and steps; kernel, bias and activations are left alone."""
    layer, twin, bare = (
        layer_over(cell)
        for cell in (WeightDrop(make(), 0.5, seed=3), WeightDrop(make(), 0.5, seed=3), make())
    )
    states = STATES[: len(layer.state_size)]
    W, U, *rest = bare.get_weights()
    dropped = recurrent_kernel(twin.cell.get_constants(BATCH, training=True))
    assert dropped.shape == U.shape
    assert set(np.unique((dropped / U).round(9))) == {0.0, 2.0}
    bare.set_weights([W, dropped, *rest])
    result = layer(X, initial_state=states, training=True, **CALL)
    assert distance(result, bare(X, initial_state=states, **CALL)) < SAME
    # The weight itself is whole.
    assert distance(layer.get_weights(), [W, U, *rest]) == 0


def test_weights_are_dropped_inside_other_wrappers_and_in_stacks():
    zoned = WeightDrop(Zoneout(lstm(), 0.25), 0.5)
    stack = WeightDrop(StackedCells([lstm(), GRUCell(UNITS, reset_after=False, dtype="float64")]), 0.5)
    for cell, count in ((zoned, 1), (stack, 3)):
        layer = layer_over(cell)
        before = dict(keras.tree.flatten_with_path(cell.cell.get_constants(BATCH, training=True)))
        after = dict(keras.tree.flatten_with_path(cell.get_constants(BATCH, training=True)["cell"]))
        zeros = [path for path in before if not flat(after[path])[0].all() and flat(before[path])[0].all()]
        assert len(zeros) == count and all({"U", "U_zr", "U_h"} & set(path) for path in zeros)
        assert distance(layer(X, training=True), layer(X)) > 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_share_of_weights_that_is_dropped_is_the_rate(rate):
    units = 50
    layer = layer_over(WeightDrop(LSTMCell(units, dtype="float64"), rate, seed=1))
    U = layer.get_weights()[1]
    kept = recurrent_kernel(layer.cell.get_constants(BATCH, training=True)) / U
    assert set(np.unique(kept.round(9))) == {0.0, round(1 / (1 - rate), 9)}
    assert abs(np.mean(kept == 0) - rate) < 4 * np.sqrt(rate * (1 - rate) / U.size)
    # Entries are drawn one by one: no row or column is dropped as a whole.
    assert np.abs(np.mean(kept == 0, axis=0) - rate).max() < 5 * np.sqrt(rate * (1 - rate) / units)
    assert np.abs(np.mean(kept == 0, axis=1) - rate).max() < 5 * np.sqrt(rate * (1 - rate) / (4 * units))


def test_a_dropped_weight_has_no_gradient():
    layer, twin = (layer_over(WeightDrop(lstm(), 0.5, seed=3)) for _ in range(2))
    dropped = recurrent_kernel(twin.cell.get_constants(BATCH, training=True)) == 0
    _, gradients = value_and_gradients(layer, X, STATES, training=True)
    by_U = flat(gradients)[1 + len(STATES) + 1]
    assert np.array_equal(by_U == 0, dropped)


# ---------------------------------------------------------------------------- LearnedInitialState


def test_fresh_sequences_begin_at_the_weights():
    layer, bare = layer_over(LearnedInitialState(lstm())), layer_over(lstm())
    h, c, *weights = layer.get_weights()
    bare.set_weights(weights)
    first = [np.tile(state, (BATCH, 1)) for state in (h, c)]
    assert distance(layer(X), bare(X, initial_state=first)) < SAME
    assert distance(layer(X, initial_state=STATES), bare(X, initial_state=STATES)) < SAME
    assert distance(layer(X), bare(X)) > 1e-3


def test_a_reset_begins_at_the_weights():
    layer = layer_over(LearnedInitialState(lstm()))
    border = np.zeros(GAPS.shape, bool)
    border[:, 2] = True
    y, *_ = layer(X, initial_state=STATES, reset_mask=border)
    assert distance(y[:, 2:], layer(X[:, 2:])[0]) < SAME
    assert distance(y[:, :2], layer(X[:, :2], initial_state=STATES)[0]) < SAME


def test_first_states_are_trained():
    layer = layer_over(LearnedInitialState(lstm()))
    for name, call in (("fresh", {}), ("reset", {"reset_mask": RESETS["steps"]})):
        _, gradients = value_and_gradients(layer, X, (), **call)
        by_h, by_c = flat(gradients)[1:3]
        assert (by_h != 0).all() and (by_c != 0).all(), name


# ---------------------------------------------------------------------------- where a cell goes


@wrappers
def test_config(make):
    layer = Recurrent(make(LSTMCell(3)))
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    again = keras.saving.deserialize_keras_object(json.loads(text))
    assert again.get_config() == layer.get_config()
    assert type(again.cell) is type(layer.cell)


@wrappers
@pytest.mark.parametrize("training", [False, True])
def test_a_stack_of_one_is_the_cell(make, training):
    layer = over_lstm(make)
    stack = layer_over(StackedCells([make(lstm(layer.output_size))]))
    stack.set_weights(layer.get_weights())
    result = stack(X, training=training, **CALL)
    assert [y.shape for y in flat(result)] == [y.shape for y in flat(layer(X, training=training, **CALL))]
    assert all(np.isfinite(y).all() for y in flat(result))
    if not training:
        assert distance(result, layer(X, **CALL)) < SAME


@wrappers
def test_two_directions(make):
    layer = over_lstm(make, return_state=False)
    both = Bidirectional(layer, dtype="float64")
    both.build(X.shape)
    both.set_weights(2 * layer.get_weights())
    y = flat(both(X))[0]
    assert distance(y[..., : layer.output_size], layer(X)) < SAME
    assert distance(y[..., layer.output_size :][:, ::-1], layer(X[:, ::-1])) < SAME
    assert np.isfinite(flat(both(X, mask=GAPS, training=True))[0]).all()


@wrappers
def test_a_stateful_layer_carries_on(make):
    layer, stateful = over_lstm(make), over_lstm(make, stateful=True)
    stateful.reset_state()
    stateful(X[:, :2])
    assert distance(stateful(X[:, 2:])[0], layer(X)[0][:, 2:]) < SAME


@wrappers
def test_a_masked_step_holds_states_while_training(make):
    layer = over_lstm(make)
    states = [state[:, : layer.output_size] for state in STATES]
    _, *held = layer(X, initial_state=states, mask=np.zeros_like(GAPS), training=True)
    assert distance(held, states) == 0


@wrappers
@pytest.mark.parametrize("training", [False, True])
def test_sixteen_bits(make, training):
    units = FEATURES if make is Residual else UNITS
    layer = Recurrent(
        make(LSTMCell(units, dtype="mixed_bfloat16")),
        return_sequences=True,
        return_state=True,
        dtype="mixed_bfloat16",
    )
    y, *states = layer(X.astype("float32"), training=training)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert [keras.backend.standardize_dtype(s.dtype) for s in states] == ["float32"] * 2
    assert all(keras.backend.standardize_dtype(w.dtype) == "float32" for w in layer.trainable_variables)


@wrappers
def test_fit_under_xla_then_a_file(make, tmp_path):
    units = FEATURES if make is Residual else UNITS
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), Recurrent(make(LSTMCell(units))), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse", jit_compile=True)
    x, y = X.astype("float32"), normal(5, BATCH, 1)
    before = model.get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    assert all((new != old).any() for new, old in zip(model.get_weights(), before))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert distance(loaded.get_weights(), model.get_weights()) == 0
    assert distance(loaded(x), model(x)) == 0


def test_the_innermost_cell():
    cell = LSTMCell(3)
    assert Residual(Zoneout(WeightDrop(cell, 0.5), 0.1)).innermost is cell


def test_a_wrapped_cell_that_changes_nothing_is_the_cell():
    layer, bare = layer_over(WrappedCell(lstm())), layer_over(lstm())
    assert distance(layer(X, initial_state=STATES, **CALL), bare(X, initial_state=STATES, **CALL)) == 0


# ---------------------------------------------------------------------------- errors


def refuses(match, function, *args, error=ValueError, **kwargs):
    with pytest.raises(error, match=match):
        function(*args, **kwargs)


@wrappers
@pytest.mark.parametrize("cell", [None, keras.layers.LSTMCell(3), LSTM(3)], ids=["none", "keras", "layer"])
def test_what_is_no_cell(make, cell):
    refuses("`cell` must be a keras_rnn.layers.RecurrentCell; received cell=", make, cell, error=TypeError)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_rates(rate):
    refuses(rf"`rate` must be .* received rate={rate}", WeightDrop, LSTMCell(3), rate)
    refuses(rf"`rates` must be .* received rates={rate}", Zoneout, LSTMCell(3), rate)
    refuses(rf"`rates` must be .* received rates={rate}", Zoneout, LSTMCell(3), [0.1, rate])
    for name in ("input_rate", "recurrent_rate", "output_rate"):
        refuses(
            rf"`{name}` must be .* received {name}={rate}", VariationalDropout, LSTMCell(3), **{name: rate}
        )


def test_a_rate_for_each_state():
    message = r"`rates` must be a number or a list of 2, .*\('h', 'c'\); received rates=\[0.1\]"
    refuses(message, Zoneout, LSTMCell(3), [0.1])


def test_an_output_that_is_no_state():
    message = "`recurrent_rate` must be 0 .* received recurrent_rate=0.5, cell=<Residual"
    refuses(message, VariationalDropout, Residual(LSTMCell(3)), recurrent_rate=0.5)
    VariationalDropout(Residual(LSTMCell(3)), input_rate=0.5, output_rate=0.5)


def test_a_cell_without_recurrent_matrices():
    class WithoutCell(LSTMCell):
        recurrent_constants = ()

    message = "`cell` must have recurrent matrices .* received cell=<Residual"
    refuses(message, WeightDrop, Residual(WithoutCell(3)), 0.5, error=TypeError)


def test_a_residual_connection_between_widths():
    message = rf"must have 3 features, .* received shape \({BATCH}, {FEATURES}\)"
    refuses(message, Recurrent(Residual(LSTMCell(3))), X)


def test_unknown_features():
    layer = Recurrent(VariationalDropout(LSTMCell(3), 0.5))
    refuses(r"last dimension .* received shape \(None, None\)", layer.build, (None, None, None))
