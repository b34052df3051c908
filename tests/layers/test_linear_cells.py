"""Linear cells: the parallel loop is the plain one, step by step; long sequences keep their numbers sound."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_rnn.layers import LRU, LinearCell, LRUCell, MinGRUCell, MinLSTMCell
from keras_rnn.layers.linear_loop import run_linear_cell
from keras_rnn.layers.loop import run_cell
from tests.contracts.arrays import (
    BATCH,
    EXACT,
    FEATURES,
    MASKS,
    ON_JAX,
    RESETS,
    UNITS,
    distance,
    flat,
    normal,
)
from tests.contracts.backend import value_and_gradients
from tests.contracts.test_jax import run_on_jax

#: Each step of the masks three times: more steps than stand in a chunk of `linear_scan`, the same patterns.
TIME = 15
OUTPUTS = [(False, False), (False, True), (True, False), (True, True)]
outputs = pytest.mark.parametrize(("return_sequences", "zero_output_for_mask"), OUTPUTS)


class OwnCell(LinearCell):
    """A complex state of 2 units between real ones of 3 and 4; the output is like none of them."""

    state_names = ("p", "c_real", "c_imag", "q")
    state_size = (3, 2, 2, 4)
    output_size = 5
    output_state = None

    def build(self, input_shape):
        self.P = self.add_weight(name="P", shape=(input_shape[-1], 6))
        self.Q = self.add_weight(name="Q", shape=(input_shape[-1], 6))
        self.R = self.add_weight(name="R", shape=(11, 5))

    def get_constants(self, batch_size, training=False):
        return {"P": ops.convert_to_tensor(self.P), "R": ops.convert_to_tensor(self.R)}

    def project_inputs(self, inputs, constants):
        return {"a": ops.sigmoid(ops.matmul(inputs, constants["P"])), "b": (ops.matmul(inputs, self.Q),)}

    def coefficients(self, projected, constants):
        a, b = projected["a"], projected["b"][0]
        p = (a[..., :3], b[..., :3])
        c = ((a[..., 3:5], 0.5 * a[..., 4:]), (b[..., 3:5], b[..., 4:]))
        # The last has one b for all units of its state and forgets at the same pace always.
        q = (ops.full((1,), 0.75, "float64"), ops.repeat(b[..., 5:], 4, axis=-1))
        return tuple(list(each) for each in zip(p, c, q))

    def readout(self, states, projected, constants):
        h = ops.tanh(ops.concatenate(states, axis=-1)) + 1
        return ops.matmul(h, constants["R"]) * projected["a"][..., :1]


CELLS = {
    "MinGRUCell": lambda **options: MinGRUCell(UNITS, activation="tanh", **options),
    "MinLSTMCell": lambda **options: MinLSTMCell(UNITS, **options),
    "LRUCell": lambda **options: LRUCell(UNITS, state_units=3, **options),
    "OwnCell": lambda **options: OwnCell(**options),
}
cells = pytest.mark.parametrize("name", CELLS)


def make(name, dtype="float64", features=FEATURES, **options):
    """A built cell with random weights."""
    cell = CELLS[name](dtype=dtype, **options)
    cell.build((None, features))
    cell.built = True
    cell.set_weights([normal([0, k], *w.shape) for k, w in enumerate(cell.get_weights())])
    return cell


class Loop(keras.layers.Layer):
    """A cell in one of the two loops, batch first; a fresh sequence begins with ones, not zeros."""

    def __init__(self, cell, run, **options):
        super().__init__(dtype=cell.dtype_policy, autocast=False)
        self.cell, self.run, self.options = cell, run, options
        self.supports_masking = self.built = True

    def call(self, x, initial_state, mask=None, reset_mask=None):
        masks = {"mask": mask, "reset": reset_mask}
        masks = {key: m if m is None else ops.transpose(m)[..., None] for key, m in masks.items()}
        return self.run(
            self.cell,
            ops.swapaxes(x, 0, 1),
            initial_state,
            [ops.ones_like(state) for state in initial_state],
            self.cell.get_constants(ops.shape(x)[0]),
            **masks,
            **self.options,
        )


def case(cell, mask=None, reset=None, time=TIME):
    """Inputs, first states, and the masks with each step as often as makes `time` steps of them."""
    x = normal(1, BATCH, time, FEATURES)
    states = [normal([2, k], BATCH, size) for k, size in enumerate(cell.state_size)]
    masks = {"mask": MASKS[mask or "none"], "reset_mask": RESETS[reset]}
    return x, states, {key: np.repeat(m, time // 5, axis=1) for key, m in masks.items() if m is not None}


# ---------------------------------------------------------------------------- parallel = step by step


@outputs
@pytest.mark.parametrize("reset", [None, "steps"])
@pytest.mark.parametrize("mask", MASKS)
@cells
def test_in_parallel_is_step_by_step(name, mask, reset, return_sequences, zero_output_for_mask):
    """Outputs, last states, and the gradients by inputs, first states and weights."""
    cell = make(name)
    x, states, masks = case(cell, mask, reset)
    options = {"return_sequences": return_sequences, "zero_output_for_mask": zero_output_for_mask}
    parallel, plain = (Loop(cell, run, **options) for run in (run_linear_cell, run_cell))
    found, expected = parallel(x, states, **masks), plain(x, states, **masks)
    keras.tree.assert_same_structure(found, expected)
    assert distance(found, expected) < EXACT
    found, expected = (value_and_gradients(loop, x, states, **masks) for loop in (parallel, plain))
    assert distance(found, expected) < EXACT * max(np.abs(g).max() for g in flat(expected))


@pytest.mark.parametrize("reset", [None, "steps"])
@outputs
@cells
def test_without_steps(name, return_sequences, zero_output_for_mask, reset):
    cell = make(name)
    options = {"return_sequences": return_sequences, "zero_output_for_mask": zero_output_for_mask}
    x, states, masks = case(cell, "gaps", reset, time=0)
    for call in ({}, masks):
        found, expected = (
            Loop(cell, run, **options)(x, states, **call) for run in (run_linear_cell, run_cell)
        )
        assert distance(found, expected) == 0
        assert distance(found[1], states) == 0


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@cells
def test_in_a_graph_of_unknown_shapes(name, jit_compile):
    cell = make(name)
    x, states, masks = case(cell, "gaps", "steps")
    for return_sequences in (False, True):
        loop = Loop(cell, run_linear_cell, return_sequences=return_sequences)
        graph = tf.function(
            lambda x, states, mask, reset, loop=loop: value_and_gradients(
                loop, x, states, mask=mask, reset_mask=reset
            ),
            [
                tf.TensorSpec((None, None, FEATURES), "float64"),
                [tf.TensorSpec((None, size), "float64") for size in cell.state_size],
                tf.TensorSpec((None, None), "bool"),
                tf.TensorSpec((None, None), "bool"),
            ],
            jit_compile=jit_compile,
        )
        plain = Loop(cell, run_cell, return_sequences=return_sequences)
        expected = value_and_gradients(plain, x, states, **masks)
        found = graph(x, states, masks["mask"], masks["reset_mask"])
        assert distance(found, expected) < 1e-10 * max(np.abs(g).max() for g in flat(expected))


@cells
def test_static_shapes_are_kept(name):
    cell = make(name)
    for return_sequences in (False, True):
        loop = Loop(cell, run_linear_cell, return_sequences=return_sequences)
        graph = tf.function(lambda x, *states, loop=loop: loop(x, list(states), mask=x[..., 0] > 0))
        y, last = graph.get_concrete_function(
            tf.TensorSpec((None, None, FEATURES), "float64"),
            *(tf.TensorSpec((None, size), "float64") for size in cell.state_size),
        ).structured_outputs
        assert y.shape.as_list() == [None] * (1 + return_sequences) + [cell.output_size]
        assert [state.shape[-1] for state in last] == list(cell.state_size)


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["MinGRUCell", "MinLSTMCell", "LRUCell"])
def test_mixed_precision_multiplies_in_16_bits_and_carries_32(name, compute):
    cell, exact = make(name, dtype=f"mixed_{compute}"), make(name)
    x, states, masks = case(exact, "gaps", "steps")
    x32, states32 = x.astype("float32"), [state.astype("float32") for state in states]
    for return_sequences in (False, True):
        y, last = Loop(cell, run_linear_cell, return_sequences=return_sequences)(x32, states32, **masks)
        assert {keras.backend.standardize_dtype(t.dtype) for t in (y, *last)} == {"float32"}
        plain = Loop(cell, run_cell, return_sequences=return_sequences)(x32, states32, **masks)
        assert distance([y, *last], plain) < 1e-4  # each step rounds its products as one product of all does
        true = Loop(exact, run_cell, return_sequences=return_sequences)(x, states, **masks)
        assert 1e-5 < distance([y, *last], true) < 0.3


# ---------------------------------------------------------------------------- dropout


@pytest.mark.parametrize("name", ["MinGRUCell", "MinLSTMCell"])
def test_dropout_drops_features_of_all_steps(name):
    cell, x = make(name, dropout=0.5, seed=3), normal(1, TIME, BATCH, FEATURES)
    constants = cell.get_constants(BATCH, training=True)
    mask = flat(constants["dropout_mask"])[0]
    assert set(np.unique(mask)) == {0.0, 2.0}
    assert (
        distance(cell.project_inputs(x, constants), cell.project_inputs(x * mask, cell.get_constants(BATCH)))
        < 1e-12
    )
    assert "dropout_mask" not in cell.get_constants(BATCH)
    assert distance(cell.get_constants(BATCH, training=True)["dropout_mask"], mask) > 0


# ---------------------------------------------------------------------------- minLSTM


def test_the_factors_of_a_min_lstm_are_sound_where_both_gates_are_closed():
    """f / (f + i) is 0 / 0 in float32 from pre-activations of about -100."""
    cell = MinLSTMCell(1, dtype="float32")
    x = ops.convert_to_tensor([[-1000.0, -1001.0, 2.0], [300.0, -300.0, 2.0], [-300.0, 300.0, 2.0]])
    (a,), (b,) = cell.coefficients(x, {})
    sigmoid = 1 / (1 + np.exp(-1.0))
    assert distance(a, np.array([[sigmoid], [1], [0]])) < 1e-6
    assert distance(b, np.array([[2 * (1 - sigmoid)], [0], [2]])) < 1e-6


@pytest.mark.parametrize("gates", [(-3.0, 2.0), (0.5, 0.25), (20.0, -1.0)])
def test_the_factors_of_a_min_lstm_are_the_quotients(gates):
    cell = MinLSTMCell(1, dtype="float64")
    f, i = (1 / (1 + np.exp(-gate)) for gate in gates)
    (a,), (b,) = cell.coefficients(ops.convert_to_tensor([[*gates, 2.0]], "float64"), {})
    assert distance([a, b], [np.full((1, 1), f / (f + i)), np.full((1, 1), 2 * i / (f + i))]) < EXACT


# ---------------------------------------------------------------------------- LRU at the start


def fresh_lru(units=20_000, features=2, outputs=2, **options):
    keras.utils.set_random_seed(1)
    cell = LRUCell(outputs, state_units=units, **options)
    cell.build((None, features))
    return {w.name: flat(w)[0] for w in cell.weights}


def largest_gap(values, low, high):
    """Between the distribution of the values and the uniform one (Kolmogorov and Smirnov)."""
    share = (np.sort(values) - low) / (high - low)
    return np.abs(share - np.linspace(0, 1, len(values))).max()


@pytest.mark.parametrize(
    "ring", [{}, {"r_min": 0.4, "r_max": 0.9, "max_phase": 0.3}, {"r_min": 0.99, "r_max": 0.9999}]
)
def test_eigenvalues_are_uniform_on_the_ring(ring):
    r_min, r_max, max_phase = ({"r_min": 0.0, "r_max": 1.0, "max_phase": 6.28} | ring).values()
    weights = fresh_lru(**ring)
    squared, phase = np.exp(-2 * np.exp(weights["nu"])), np.exp(weights["theta"])
    assert squared.min() >= r_min**2 - 1e-6 and squared.max() <= r_max**2 + 1e-6
    assert phase.min() > 0 and phase.max() <= max_phase * (1 + 1e-6)
    assert largest_gap(squared, r_min**2, r_max**2) < 0.02  # beyond 0.014 once in a thousand draws
    assert largest_gap(phase, 0, max_phase) < 0.02
    assert abs(np.corrcoef(squared, phase)[0, 1]) < 0.03
    assert distance(np.exp(2 * weights["gamma_log"]), 1 - squared) < 1e-6
    assert all(np.isfinite(w).all() for w in weights.values())


def test_matrices_have_their_variance_and_are_all_different():
    weights = fresh_lru(units=300, features=200, outputs=100)
    variances = {"B_re": 1 / 400, "B_im": 1 / 400, "C_re": 1 / 300, "C_im": 1 / 300, "D": 1 / 200}
    for name, variance in variances.items():
        assert abs(weights[name].var() / variance - 1) < 0.05
        assert abs(weights[name].mean()) < 4 * np.sqrt(variance / weights[name].size)
    for matrix in "BC":
        real, imaginary = weights[f"{matrix}_re"], weights[f"{matrix}_im"]
        assert abs(np.corrcoef(real.ravel(), imaginary.ravel())[0, 1]) < 0.03


def test_states_have_the_size_of_the_inputs():
    """gamma sees to that, for eigenvalues near the circle and far from it."""
    keras.utils.set_random_seed(2)
    layer = LRU(8, state_units=400, r_min=0.3, r_max=0.99, return_state=True)
    _, real, imaginary = layer(normal(1, 8, 1500, 16).astype("float32"))
    size = np.mean(flat(real)[0] ** 2 + flat(imaginary)[0] ** 2, axis=0)
    radius = np.exp(-np.exp(flat(layer.cell.nu)[0]))
    near = radius > 0.9
    assert 0.8 < size[near].mean() < 1.2 and 0.8 < size[~near].mean() < 1.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be a positive integer; received units=0"),
        ({"state_units": 2.5}, r"`state_units` must be a positive integer; received state_units=2\.5"),
        ({"r_min": 0.9, "r_max": 0.5}, r"0 <= r_min < r_max <= 1; received r_min=0\.9, r_max=0\.5"),
        ({"r_max": 1.5}, r"0 <= r_min < r_max <= 1; received r_min=0\.0, r_max=1\.5"),
        ({"max_phase": 0}, "`max_phase` must be a positive angle; received max_phase=0"),
    ],
)
def test_an_lru_refuses_what_is_no_ring(arguments, message):
    with pytest.raises(ValueError, match=message):
        LRUCell(**{"units": 3, **arguments})


@pytest.mark.parametrize("cell", [MinGRUCell, MinLSTMCell])
def test_arguments_that_make_no_sense(cell):
    with pytest.raises(ValueError, match="`units` must be a positive integer; received units=-1"):
        cell(-1)
    with pytest.raises(ValueError, match=r"`dropout` must be a share in \[0, 1\); received dropout=1"):
        cell(3, dropout=1)
    with pytest.raises(ValueError, match=r"The last dimension .* must be known; received shape \(2, None\)"):
        cell(3).build((2, None))


# ---------------------------------------------------------------------------- long sequences


@pytest.mark.parametrize("name", ["MinGRUCell", "MinLSTMCell", "LRUCell"])
def test_16384_steps_in_float32(name):
    """Values and gradients are finite, and near those in float64."""
    options = {"r_min": 0.9, "r_max": 0.9999, "max_phase": 0.3} if name == "LRUCell" else {}
    keras.utils.set_random_seed(3)
    exact, single = (CELLS[name](dtype=dtype, **options) for dtype in ("float64", "float32"))
    for cell in (exact, single):
        cell.build((None, FEATURES))
        cell.built = True
    # An LRU keeps its first weights, made for long sequences; the gates of the others are opened wide.
    exact.set_weights([w.astype("float64") * (1 if name == "LRUCell" else 20) for w in single.get_weights()])
    single.set_weights(exact.get_weights())
    x = normal(1, 2, 16_384, FEATURES)
    results = []
    for cell, dtype in ((exact, "float64"), (single, "float32")):
        loop = Loop(cell, run_linear_cell, return_sequences=True)
        states = [np.ones((2, size), dtype) for size in cell.state_size]
        results.append(
            [flat(loop(x.astype(dtype), states)), flat(value_and_gradients(loop, x.astype(dtype), states))]
        )
    for true, found in zip(*results):
        for one, other in zip(true, found, strict=True):
            assert np.isfinite(other).all()
            assert distance(one, other) < 1e-3 * max(1, np.abs(one).max())


# ---------------------------------------------------------------------------- JAX


@pytest.mark.slow
@pytest.mark.skipif(ON_JAX, reason="is there already")
def test_on_jax():
    """The same tests, as many as take less than a minute."""
    chosen = [
        "LRUCell-gaps-steps-True-False",
        "LRUCell-gaps-steps-False-False",
        "MinLSTMCell-left padding-None-True-False",
    ]
    tests = [f"{__file__}::test_in_parallel_is_step_by_step[{case}]" for case in chosen]
    run_on_jax("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests)
