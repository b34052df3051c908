"""The oracles against a second derivation, their own properties, and every mutant."""

import math
from functools import partial
from itertools import product

import numpy as np
import pytest

from tests.reference import cells, loop, mutants
from tests.reference.mutants import CELLS, GATES, MERGE_MODES, MUTANTS, NEEDS

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 4
STATES = {"simple_rnn": 1, "lstm": 2, "gru_reset_after": 1, "gru_reset_before": 1}
ACTIVATIONS = ["tanh", "sigmoid", "relu", "linear"]


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def cell_weights(name, use_bias=True, features=FEATURES, units=UNITS, seed=0):
    columns = len(GATES[name]) * units
    bias_shape = (2, columns) if name == "gru_reset_after" else (columns,)
    weights = [normal([seed, 1], features, columns), normal([seed, 2], units, columns)]
    return [*weights, normal([seed, 3], *bias_shape)] if use_bias else weights


def cell_states(name, batch=BATCH, units=UNITS, seed=0):
    return [normal([seed, 4, k], batch, units) for k in range(STATES[name])]


def zero_weights(name, **gate_bias):
    """Weights of zero, but for the (input) bias of the gates that are named."""
    W, U, b = (np.zeros_like(w) for w in cell_weights(name))
    for gate, value in gate_bias.items():
        k = GATES[name].index(gate)
        np.atleast_2d(b)[0, k * UNITS : (k + 1) * UNITS] = value
    return [W, U, b]


def distance(a, b):
    """The largest difference between two results: arrays, or tuples and lists of them."""
    if isinstance(a, tuple | list):
        assert len(a) == len(b)
        return np.max([distance(x, y) for x, y in zip(a, b)])  # Python's passes over what is no number
    assert np.shape(a) == np.shape(b)
    return np.max(np.abs(np.asarray(a) - b))


def same(a, b):
    return distance(a, b) < 1e-12


# ---------------------------------------------------------------------------- a second derivation

SCALAR = {
    "tanh": math.tanh,
    "sigmoid": lambda a: 1.0 / (1.0 + math.exp(-a)),
    "relu": lambda a: a if a > 0.0 else 0.0,
    "linear": lambda a: a,
}


def dot(vector, matrix, column):
    """One entry of vector @ matrix, written out."""
    return sum(vector[k] * matrix[k][column] for k in range(len(vector)))


def scalar_simple_rnn(x, h, W, U, b, act):
    return [act(dot(x, W, j) + dot(h, U, j) + b[j]) for j in range(len(h))]


def scalar_lstm(x, h, c, W, U, b, act, s):
    u = len(h)
    new_h, new_c = [], []
    for j in range(u):
        i = s(dot(x, W, j) + dot(h, U, j) + b[j])
        f = s(dot(x, W, u + j) + dot(h, U, u + j) + b[u + j])
        g = act(dot(x, W, 2 * u + j) + dot(h, U, 2 * u + j) + b[2 * u + j])
        o = s(dot(x, W, 3 * u + j) + dot(h, U, 3 * u + j) + b[3 * u + j])
        new_c.append(f * c[j] + i * g)
        new_h.append(o * act(new_c[j]))
    return new_h, new_c


def scalar_gru_reset_after(x, h, W, U, b, act, s):
    u = len(h)
    new_h = []
    for j in range(u):
        z = s(dot(x, W, j) + b[0][j] + dot(h, U, j) + b[1][j])
        r = s(dot(x, W, u + j) + b[0][u + j] + dot(h, U, u + j) + b[1][u + j])
        recurrent = dot(h, U, 2 * u + j) + b[1][2 * u + j]
        candidate = act(dot(x, W, 2 * u + j) + b[0][2 * u + j] + r * recurrent)
        new_h.append(z * h[j] + (1.0 - z) * candidate)
    return new_h


def scalar_gru_reset_before(x, h, W, U, b, act, s):
    u = len(h)
    z = [s(dot(x, W, j) + dot(h, U, j) + b[j]) for j in range(u)]
    r = [s(dot(x, W, u + j) + dot(h, U, u + j) + b[u + j]) for j in range(u)]
    kept = [r[j] * h[j] for j in range(u)]
    candidate = [act(dot(x, W, 2 * u + j) + b[2 * u + j] + dot(kept, U, 2 * u + j)) for j in range(u)]
    return [z[j] * h[j] + (1.0 - z[j]) * candidate[j] for j in range(u)]


def with_zero_bias(name, weights):
    """The weights, with zeros for a bias that is not there, as nested lists."""
    if len(weights) == 2:
        weights = [*weights, np.zeros_like(cell_weights(name, units=len(weights[1]))[2])]
    return [w.tolist() for w in weights]


@pytest.mark.parametrize("units", [1, UNITS])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_simple_rnn_is_the_scalar_equation(activation, use_bias, units):
    weights = cell_weights("simple_rnn", use_bias, units=units)
    x, (h,) = normal(1, BATCH, FEATURES), cell_states("simple_rnn", units=units)
    output, states = cells.simple_rnn(x, [h], weights, activation=activation)
    W, U, b = with_zero_bias("simple_rnn", weights)
    expected = [scalar_simple_rnn(x[k], h[k], W, U, b, SCALAR[activation]) for k in range(BATCH)]
    assert same(output, expected)
    assert same(states, [expected])


@pytest.mark.parametrize("units", [1, UNITS])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(("activation", "recurrent"), [("tanh", "sigmoid"), ("relu", "tanh")])
def test_lstm_is_the_scalar_equations(activation, recurrent, use_bias, units):
    weights = cell_weights("lstm", use_bias, units=units)
    x, (h, c) = normal(1, BATCH, FEATURES), cell_states("lstm", units=units)
    output, states = cells.lstm(x, [h, c], weights, activation=activation, recurrent_activation=recurrent)
    W, U, b = with_zero_bias("lstm", weights)
    functions = SCALAR[activation], SCALAR[recurrent]
    rows = [scalar_lstm(x[k], h[k], c[k], W, U, b, *functions) for k in range(BATCH)]
    expected_h, expected_c = [row[0] for row in rows], [row[1] for row in rows]
    assert same(output, expected_h)
    assert same(states, [expected_h, expected_c])


@pytest.mark.parametrize("units", [1, UNITS])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(("activation", "recurrent"), [("tanh", "sigmoid"), ("relu", "tanh")])
@pytest.mark.parametrize("reset_after", [False, True])
def test_gru_is_the_scalar_equations(reset_after, activation, recurrent, use_bias, units):
    name = "gru_reset_after" if reset_after else "gru_reset_before"
    scalar = scalar_gru_reset_after if reset_after else scalar_gru_reset_before
    weights = cell_weights(name, use_bias, units=units)
    x, (h,) = normal(1, BATCH, FEATURES), cell_states(name, units=units)
    options = {"activation": activation, "recurrent_activation": recurrent}
    output, states = cells.gru(x, [h], weights, reset_after=reset_after, **options)
    W, U, b = with_zero_bias(name, weights)
    functions = SCALAR[activation], SCALAR[recurrent]
    expected = [scalar(x[k], h[k], W, U, b, *functions) for k in range(BATCH)]
    assert same(output, expected)
    assert same(states, [expected])


def test_sigmoid_does_not_overflow():
    assert cells.sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
    assert same(cells.sigmoid(np.array([-3.0, 2.0])), [1 / (1 + math.exp(3)), 1 / (1 + math.exp(-2))])


def test_float32_is_read_as_float64():
    x, states, weights = normal(1, BATCH, FEATURES), cell_states("lstm"), cell_weights("lstm")
    x, states, weights = (
        x.astype("float32"),
        [s.astype("float32") for s in states],
        [w.astype("float32") for w in weights],
    )
    output, new_states = cells.lstm(x, states, weights)
    assert {a.dtype for a in [output, *new_states]} == {np.dtype("float64")}
    doubled = cells.lstm(x.astype("float64"), cells.doubles(states), cells.doubles(weights))
    assert same((output, new_states), doubled)


@pytest.mark.parametrize("name", ["gru_reset_after", "gru_reset_before"])
def test_the_bias_of_the_other_gru_is_refused(name):
    other = "gru_reset_before" if name == "gru_reset_after" else "gru_reset_after"
    with pytest.raises(ValueError, match="the bias is"):
        CELLS[name](normal(1, 2, FEATURES), cell_states(name, batch=2), cell_weights(other))


# ---------------------------------------------------------------------------- properties of the cells


@pytest.mark.parametrize("name", CELLS)
def test_rows_do_not_meet(name):
    x, states, weights = normal(1, BATCH, FEATURES), cell_states(name), cell_weights(name)
    whole, _ = CELLS[name](x, states, weights)
    rows = [CELLS[name](x[k : k + 1], [s[k : k + 1] for s in states], weights)[0][0] for k in range(BATCH)]
    assert same(whole, rows)


def test_a_saturated_lstm_holds_its_cell_state():
    x, (h, c) = normal(1, BATCH, FEATURES), cell_states("lstm")
    output, (new_h, new_c) = cells.lstm(x, [h, c], zero_weights("lstm", i=-50.0, f=50.0, c=1.0, o=50.0))
    assert same(new_c, c)
    assert same([output, new_h], [np.tanh(c), np.tanh(c)])


def test_a_saturated_lstm_writes_its_candidate():
    x, states = normal(1, BATCH, FEATURES), cell_states("lstm")
    _, (_, new_c) = cells.lstm(x, states, zero_weights("lstm", i=50.0, f=-50.0, c=0.7))
    assert same(new_c, np.full_like(new_c, math.tanh(0.7)))


def test_a_closed_output_gate_gives_nothing_and_keeps_c():
    x, (h, c) = normal(1, BATCH, FEATURES), cell_states("lstm")
    output, (_, new_c) = cells.lstm(x, [h, c], zero_weights("lstm", i=-50.0, f=50.0, o=-50.0))
    assert same(output, np.zeros_like(output))
    assert same(new_c, c)


@pytest.mark.parametrize("name", ["gru_reset_after", "gru_reset_before"])
def test_a_gru_holds_its_state_at_z_one_and_renews_it_at_z_zero(name):
    x, (h,) = normal(1, BATCH, FEATURES), cell_states(name)
    held, _ = CELLS[name](x, [h], zero_weights(name, z=50.0, h=0.7))
    renewed, _ = CELLS[name](x, [h], zero_weights(name, z=-50.0, h=0.7))
    assert same(held, h)
    assert same(renewed, np.full_like(h, math.tanh(0.7)))


@pytest.mark.parametrize("name", ["gru_reset_after", "gru_reset_before"])
def test_a_gru_with_r_zero_forgets_its_state_in_the_candidate(name):
    x, (h,) = normal(1, BATCH, FEATURES), cell_states(name)
    W, U, b = cell_weights(name)
    U[:, : 2 * UNITS] = 0.0
    W[:, : 2 * UNITS] = 0.0
    b[..., : 2 * UNITS] = 0.0
    np.atleast_2d(b)[0, : 2 * UNITS] = -50.0
    output, _ = CELLS[name](x, [h], [W, U, b])
    input_bias = np.atleast_2d(b)[0, 2 * UNITS :]
    assert same(output, np.tanh(x @ W[:, 2 * UNITS :] + input_bias))


def test_the_two_grus_agree_when_the_candidate_kernel_is_diagonal():
    x, (h,) = normal(1, BATCH, FEATURES), cell_states("gru_reset_after")
    W, U, b = cell_weights("gru_reset_before")
    after, before = (cells.gru(x, [h], [W, U], reset_after=form)[0] for form in (True, False))
    assert distance(after, before) > 1e-3
    U[:, 2 * UNITS :] = np.diag(normal(5, UNITS))
    after, _ = cells.gru(x, [h], [W, U, np.stack([b, 0.0 * b])], reset_after=True)
    before, _ = cells.gru(x, [h], [W, U, b], reset_after=False)
    assert same(after, before)


# ---------------------------------------------------------------------------- stacked

STACK = [("simple_rnn", FEATURES, 3), ("lstm", 3, 4), ("gru_reset_before", 4, 6)]


def test_a_stack_is_each_layer_run_over_the_outputs_of_the_one_below():
    layers = [(CELLS[n], cell_weights(n, features=d, units=u, seed=u)) for n, d, u in STACK]
    states = [cell_states(n, units=u, seed=u) for n, _, u in STACK]
    x = normal(1, BATCH, TIME, FEATURES)
    flat = [s for layer in states for s in layer]
    outputs, last, final = loop.run(cells.bind(cells.stacked, layers), x, flat)
    expected_final = []
    for (step, weights), initial in zip(layers, states):
        x, _, layer_final = loop.run(cells.bind(step, weights), x, initial)
        expected_final += layer_final
    assert same((outputs, last, final), (x, x[:, -1], expected_final))


def stack_of_lstms(use_bias):
    layers = [
        (cells.lstm, cell_weights("lstm", use_bias, features=FEATURES, seed=1)),
        (cells.lstm, cell_weights("lstm", use_bias, features=UNITS, seed=2)),
    ]
    return layers, cell_states("lstm", seed=1) + cell_states("lstm", seed=2)


# ---------------------------------------------------------------------------- the loop

MASK = np.array([[0, 1, 1, 0, 1], [1, 0, 1, 1, 0], [0, 0, 1, 1, 1]], dtype=bool)
RESETS = {
    None: None,
    "start": np.array([1, 1, 0], dtype=bool),
    "steps": np.array([[0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]], dtype=bool),
}
LOOP_OPTIONS = {
    "mask": (False, True),
    "reset": (None, "start", "steps"),
    "go_backwards": (False, True),
    "zero_output": (False, True),
}


def lstm_loop(mask=False, reset=None, go_backwards=False, zero_output=False):
    """Arguments of a run that has these options."""
    return {
        "step": cells.bind(cells.lstm, cell_weights("lstm")),
        "x": normal(1, BATCH, TIME, FEATURES),
        "states": cell_states("lstm"),
        "mask": MASK if mask else None,
        "reset_mask": RESETS[reset],
        "fresh_states": cell_states("lstm", seed=9),
        "go_backwards": go_backwards,
        "zero_output_for_mask": zero_output,
    }


def all_options(options):
    return [dict(zip(options, values)) for values in product(*options.values())]


def test_a_run_is_the_cell_step_by_step():
    arguments = lstm_loop()
    x, states = arguments["x"], arguments["states"]
    expected = []
    for t in range(TIME):
        output, states = arguments["step"](x[:, t], states)
        expected.append(output)
    assert same(loop.run(**arguments), (np.stack(expected, axis=1), expected[-1], states))


@pytest.mark.parametrize("options", all_options(LOOP_OPTIONS), ids=str)
def test_a_run_row_by_row_is_the_run_over_all_rows_at_once(options):
    arguments = lstm_loop(**options)
    assert same(loop.run(**arguments), mutants.vectorised_run(**arguments))


def test_a_masked_run_is_the_run_over_the_steps_that_are_left():
    arguments = lstm_loop(mask=True)
    step, x, states = (arguments[key] for key in ("step", "x", "states"))
    outputs, last, final = loop.run(**arguments)
    for k in range(BATCH):
        left = MASK[k]
        alone = loop.run(step, x[k : k + 1, left], [s[k : k + 1] for s in states])
        assert same((outputs[k : k + 1, left], last[k : k + 1], [s[k : k + 1] for s in final]), alone)


def test_a_masked_step_repeats_the_output_or_gives_zeros():
    repeated, last, _ = loop.run(**lstm_loop(mask=True))
    zeroed, zeroed_last, _ = loop.run(**lstm_loop(mask=True, zero_output=True))
    # row 0 reads steps 1, 2 and 4; row 1 reads 0, 2 and 3
    assert not repeated[0, 0].any()
    assert repeated[0, 2].all()
    assert (repeated[0, 3] == repeated[0, 2]).all()
    assert (repeated[1, 1] == repeated[1, 0]).all()
    assert (last == repeated[:, -1]).all()
    assert (last[1] == repeated[1, 3]).all()
    assert (zeroed == np.where(MASK[..., None], repeated, 0.0)).all()
    assert (zeroed_last == zeroed[:, -1]).all()


def test_a_fully_masked_row_holds_its_state_and_gives_zeros():
    arguments = {**lstm_loop(), "mask": np.zeros((BATCH, TIME), dtype=bool)}
    outputs, last, final = loop.run(**arguments)
    assert not outputs.any()
    assert not last.any()
    assert same(final, arguments["states"])


def test_a_reset_begins_a_new_run():
    arguments = lstm_loop()
    step, x, states, fresh = (arguments[key] for key in ("step", "x", "states", "fresh_states"))
    resets = np.zeros((BATCH, TIME), dtype=bool)
    resets[:, 2] = True
    first, _, _ = loop.run(step, x[:, :2], states)
    second, last, final = loop.run(step, x[:, 2:], fresh)
    whole = loop.run(step, x, states, reset_mask=resets, fresh_states=fresh)
    assert same(whole, (np.concatenate([first, second], axis=1), last, final))


def test_a_reset_at_a_masked_step_shows_zeros_and_fresh_states():
    arguments = lstm_loop()
    step, x, states, fresh = (arguments[key] for key in ("step", "x", "states", "fresh_states"))
    mask, resets = np.ones((BATCH, TIME), dtype=bool), np.zeros((BATCH, TIME), dtype=bool)
    mask[0, 3:] = False
    resets[0, 3] = True
    outputs, last, final = loop.run(step, x, states, mask, resets, fresh)
    plain, plain_last, plain_final = loop.run(step, x, states)
    assert not outputs[0, 3:].any()
    assert not last[0].any()
    assert same([s[0] for s in final], [s[0] for s in fresh])
    assert same(outputs[0, :3], plain[0, :3])
    assert same((last[1:], [s[1:] for s in final]), (plain_last[1:], [s[1:] for s in plain_final]))


@pytest.mark.parametrize("go_backwards", [False, True])
def test_a_reset_at_the_start_changes_the_initial_states_of_its_rows(go_backwards):
    arguments = lstm_loop(mask=True, reset="start", go_backwards=go_backwards)
    rows = arguments["reset_mask"][:, None]
    initial = [np.where(rows, f, s) for f, s in zip(arguments["fresh_states"], arguments["states"])]
    instead = {**arguments, "states": initial, "reset_mask": None}
    assert same(loop.run(**arguments), loop.run(**instead))


def test_fresh_states_are_zeros_when_none_are_given_and_may_be_one_for_all_rows():
    arguments = lstm_loop(reset="steps")
    zeros = [np.zeros_like(s) for s in arguments["states"]]
    none_given = loop.run(**{**arguments, "fresh_states": None})
    assert same(none_given, loop.run(**{**arguments, "fresh_states": zeros}))
    one = [normal(7, UNITS), normal(8, UNITS)]
    tiled = [np.tile(s, (BATCH, 1)) for s in one]
    one_given = loop.run(**{**arguments, "fresh_states": one})
    assert same(one_given, loop.run(**{**arguments, "fresh_states": tiled}))


def test_going_backwards_reads_all_three_from_the_end():
    arguments = lstm_loop(mask=True, reset="steps")
    flipped = {key: arguments[key][:, ::-1] for key in ("x", "mask", "reset_mask")}
    backwards = loop.run(**{**arguments, "go_backwards": True})
    assert same(backwards, loop.run(**{**arguments, **flipped}))


def test_a_run_over_no_steps():
    arguments = {**lstm_loop(), "x": np.zeros((BATCH, 0, FEATURES))}
    outputs, last, final = loop.run(**arguments)
    assert outputs.shape == (BATCH, 0, UNITS)
    assert same(last, np.zeros((BATCH, UNITS)))
    assert same(final, arguments["states"])
    _, last, final = loop.run(**{**arguments, "reset_mask": np.ones(BATCH, dtype=bool)})
    assert same(last, np.zeros((BATCH, UNITS)))
    assert same(final, arguments["fresh_states"])


def test_a_run_leaves_its_arguments_alone():
    arguments = lstm_loop(mask=True, reset="steps")
    before = {key: np.array(arguments[key]) for key in ("x", "states", "mask", "reset_mask", "fresh_states")}
    _, _, final = loop.run(**arguments)
    for state in final:
        state += 1.0
    assert all((before[key] == np.array(arguments[key])).all() for key in before)


@pytest.mark.parametrize("key", ["mask", "reset_mask"])
def test_a_mask_of_another_shape_is_refused(key):
    arguments = {**lstm_loop(), key: np.ones((TIME, BATCH), dtype=bool)}
    with pytest.raises(ValueError, match="a mask is"):
        loop.run(**arguments)


# ---------------------------------------------------------------------------- bidirectional


def two_directions():
    arguments = lstm_loop(mask=True)
    forward = loop.run(**arguments)
    step, states = cells.bind(cells.lstm, cell_weights("lstm", seed=3)), cell_states("lstm", seed=3)
    backward = loop.run(**{**arguments, "step": step, "states": states, "go_backwards": True})
    return forward, backward


def test_bidirectional_on_small_numbers():
    # one row, two steps, one unit; the backward run reads time 1 first
    forward = (np.array([[[2.0], [4.0]]]), np.array([[4.0]]), [])
    backward = (np.array([[[5.0], [3.0]]]), np.array([[3.0]]), [])
    sequences = {"concat": [[2, 3], [4, 5]], "sum": [[5], [9]], "ave": [[2.5], [4.5]], "mul": [[6], [20]]}
    lasts = {"concat": [4, 3], "sum": [7], "ave": [3.5], "mul": [12]}
    for mode in sequences:
        assert loop.bidirectional(forward, backward, mode, True).tolist() == [sequences[mode]]
        assert loop.bidirectional(forward, backward, mode, False).tolist() == [lasts[mode]]
    f, b = loop.bidirectional(forward, backward, None, True)
    assert (f.tolist(), b.tolist()) == ([[[2], [4]]], [[[3], [5]]])
    f, b = loop.bidirectional(forward, backward, None, False)
    assert (f.tolist(), b.tolist()) == ([[4]], [[3]])


def test_an_unknown_merge_mode_is_refused():
    with pytest.raises(ValueError, match="unknown merge mode"):
        loop.bidirectional(*two_directions(), "add", True)


# ---------------------------------------------------------------------------- mutants


def check(oracle, mutant, needs, arguments, options):
    """The mutant differs from its oracle where its options say it does, and nowhere else."""
    difference = distance(oracle(**arguments), mutant(**arguments))
    if all(options[key] in values for key, values in needs.items()):
        assert difference > 1e-6, f"the mutant is not seen with {options}"
    else:
        assert difference < 1e-12, f"the mutant is seen with {options}, beyond its needs {needs}"


def pairs(*names):
    return [pytest.param(name, mutant, id=f"{name}-{mutant}") for name in names for mutant in MUTANTS[name]]


@pytest.mark.parametrize(("name", "mutant"), pairs(*CELLS))
def test_cell_mutants_differ(name, mutant):
    for use_bias in (False, True):
        arguments = {
            "x": normal(1, BATCH, FEATURES),
            "states": cell_states(name),
            "weights": cell_weights(name, use_bias),
        }
        needs = NEEDS[name][mutant]
        check(CELLS[name], MUTANTS[name][mutant], needs, arguments, {"use_bias": use_bias})


@pytest.mark.parametrize(("name", "mutant"), pairs(*CELLS))
def test_cell_mutants_differ_over_a_sequence(name, mutant):
    # What a layer shows: outputs and final states, after TIME steps
    x, states, weights = normal(1, BATCH, TIME, FEATURES), cell_states(name), cell_weights(name)
    true = loop.run(cells.bind(CELLS[name], weights), x, states)
    wrong = loop.run(cells.bind(MUTANTS[name][mutant], weights), x, states)
    assert distance(true, wrong) > 1e-6


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("mutant", MUTANTS["stacked"])
def test_stacked_mutants_differ(mutant, use_bias):
    layers, states = stack_of_lstms(use_bias)
    arguments = {"x": normal(1, BATCH, FEATURES), "states": states, "layers": layers}
    check(cells.stacked, MUTANTS["stacked"][mutant], NEEDS["stacked"][mutant], arguments, {})


@pytest.mark.parametrize("mutant", MUTANTS["loop"])
def test_loop_mutants_differ(mutant):
    for options in all_options(LOOP_OPTIONS):
        check(loop.run, MUTANTS["loop"][mutant], NEEDS["loop"][mutant], lstm_loop(**options), options)


@pytest.mark.parametrize("mutant", MUTANTS["bidirectional"])
def test_bidirectional_mutants_differ(mutant):
    forward, backward = two_directions()
    for options in all_options({"merge_mode": MERGE_MODES, "return_sequences": (False, True)}):
        arguments = {"forward": forward, "backward": backward, **options}
        needs = NEEDS["bidirectional"][mutant]
        check(loop.bidirectional, MUTANTS["bidirectional"][mutant], needs, arguments, options)


def same_h(h, r, xWh, b0h, Uh, b1h, after):
    term = mutants.reset_after_product if after else mutants.reset_before_product
    return xWh + b0h + term(h, r, Uh, b1h)


# A mutant must differ by its bug alone: its frame, with the right equations put in, is the oracle.
UNBROKEN = {
    "simple_rnn": mutants.simple_rnn_with(lambda xW, hU, b, act: mutants.same(act(xW + hU + b))),
    "lstm": mutants.lstm_c(lambda c, i, f, g, o: f * c + i * g),
    "lstm output": mutants.lstm_h(lambda c, new_c, o, act: o * act(new_c)),
    "gru_reset_after": mutants.gru_with("gru_reset_after"),
    "gru_reset_before": mutants.gru_with("gru_reset_before"),
    "gru_reset_after candidate": mutants.gru_with("gru_reset_after", partial(same_h, after=True)),
    "gru_reset_before candidate": mutants.gru_with("gru_reset_before", partial(same_h, after=False)),
}
FRAMES = [mutants.on_weights, mutants.on_result]
NOTHING = [lambda W, U, b: (W, U, b), lambda output, new, old: (output, new)]


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("frame", UNBROKEN)
def test_the_frames_of_the_mutants_are_the_oracles(frame, use_bias):
    name = frame.split()[0]
    x, states, weights = normal(1, BATCH, FEATURES), cell_states(name), cell_weights(name, use_bias)
    true = CELLS[name](x, states, weights)
    assert same(UNBROKEN[frame](x, states, weights), true)
    for wrap, nothing in zip(FRAMES, NOTHING):
        assert same(wrap(CELLS[name], nothing)(x, states, weights), true)


def test_the_frame_of_the_stacked_mutants_is_the_oracle():
    layers, states = stack_of_lstms(use_bias=True)
    x = normal(1, BATCH, FEATURES)
    true = cells.stacked(x, states, layers)
    assert same(mutants.stacked_with()(x, states, layers), true)
    assert same(mutants.stacked_with(read=lambda x, below, old: below)(x, states, layers), true)
    last = mutants.stacked_with(result=lambda outputs, new, old: (outputs[-1], new))
    assert same(last(x, states, layers), true)


@pytest.mark.parametrize("options", all_options(LOOP_OPTIONS), ids=str)
def test_the_frames_of_the_loop_mutants_are_the_oracle(options):
    arguments = lstm_loop(**options)
    true = loop.run(**arguments)
    assert same(mutants.run_on(x=lambda x, _: x)(**arguments), true)
    assert same(mutants.run_result(lambda out, last, final, _: (out, last, final))(**arguments), true)
    assert same(mutants.resets_edited(lambda resets, _: resets)(**arguments), true)
