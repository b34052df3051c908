"""Every way to run a layer gives the numbers of the plain loop; which one is taken, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn import layers
from keras_rnn.layers import fast_loop, implementation
from keras_rnn.layers.implementation import choose_loop, export_mode
from keras_rnn.ops import state_product
from tests.contracts.arrays import FEATURES, GAPS, MASKS, RESETS, SAME, UNITS, distance, flat, normal
from tests.contracts.backend import value_and_gradients
from tests.contracts.catalogue import rows

#: Sums in another order; a layer norm of nearly equal numbers multiplies what that makes of the last bits.
CLOSE = 100 * SAME


def everything(layer, row, mask=None, reset_mask=None):
    """A loss of all outputs, and its gradients by inputs, first states and all weights."""
    return flat(value_and_gradients(layer, row.inputs(), row.states(), mask=mask, reset_mask=reset_mask))


def fastest(row):
    """The name of the fastest way to run a row: outside of training, fast wants to be named."""
    layer = row.layer()
    cell = getattr(layer, "forward_layer", layer)._stepper
    return "auto" if implementation.why_not_fast(cell) else "fast"


def check(row, monkeypatch, slices, options, mask, reset, **other):
    plain = row.layer(implementation="plain", **options)
    layer = row.layer(implementation=fastest(row), **other, **options)
    monkeypatch.setattr(fast_loop, "batch_slices", lambda _: slices)
    expected = everything(plain, row, MASKS[mask], RESETS[reset])
    assert distance(everything(layer, row, MASKS[mask], RESETS[reset]), expected) < CLOSE


@pytest.mark.parametrize(
    ("slices", "mask", "reset", "zeros", "sequences"),
    [(2, "gaps", None, False, True), (1, "empty row", "steps", False, False)],
    ids=str,
)
@rows("recurrent")
def test_the_fastest_is_the_plain_loop(row, monkeypatch, slices, mask, reset, zeros, sequences):
    options = {"zero_output_for_mask": zeros, "return_sequences": sequences}
    check(row, monkeypatch, slices, options, mask, reset)


@pytest.mark.parametrize(
    ("slices", "mask", "reset", "zeros", "sequences"),
    [
        (1, "none", None, False, True),
        (3, "none", None, False, False),
        (1, "left padding", "steps", False, True),
        (2, "empty row", "steps", True, True),
        (1, "empty row", None, False, False),
        (2, "right padding", "start", True, False),
        (1, "all rows empty", "steps", False, False),
    ],
    ids=str,
)
@rows("recurrent", "sample")
def test_the_fastest_is_the_plain_loop_whatever_is_asked(
    row, monkeypatch, slices, mask, reset, zeros, sequences
):
    options = {"zero_output_for_mask": zeros, "return_sequences": sequences}
    check(row, monkeypatch, slices, options, mask, reset)


@pytest.mark.parametrize("segment", [2, 5])
@rows("recurrent", "sample")
def test_recomputed_segments_are_the_plain_loop(row, monkeypatch, segment):
    cell = getattr(row.layer(), "_stepper", None)
    if cell is not None and (implementation.why_not_fast(cell) or cell.projects_at_random):
        pytest.skip("not for this cell")
    monkeypatch.setattr("keras_rnn.layers.segments.SEGMENT", segment)
    check(row, monkeypatch, 2, {"return_sequences": segment % 2 == 0}, "gaps", "steps", recompute=True)
    check(row, monkeypatch, 1, {}, "none", None, recompute=True)


@pytest.mark.parametrize("segment", [2, 5])
@rows("recurrent", "sample")
def test_segments_of_a_long_sequence_are_the_plain_loop(row, monkeypatch, segment):
    monkeypatch.setattr("keras_rnn.layers.segments.SEGMENT", segment)
    monkeypatch.setattr("keras_rnn.layers.segments.LONG", segment)
    check(row, monkeypatch, 2, {"return_sequences": segment % 2 == 0}, "gaps", "steps")
    check(row, monkeypatch, 1, {}, "none", None)


def test_recomputed_segments_in_a_graph_of_unknown_sizes(monkeypatch):
    monkeypatch.setattr("keras_rnn.layers.segments.SEGMENT", 3)
    x = normal(5, 4, 7, FEATURES)
    layer = layers.LSTM(UNITS, return_sequences=True, recompute=True, dtype="float64")
    plain = layers.LSTM(UNITS, return_sequences=True, implementation="plain", dtype="float64")
    plain.build(x.shape)
    layer.build(x.shape)
    layer.set_weights(plain.get_weights())
    signature = [tf.TensorSpec((None, None, FEATURES), "float64")]
    graph = tf.function(lambda x: value_and_gradients(layer, x, []), signature)
    for length in (7, 6):
        found, expected = (
            flat(run(x[:, :length])) for run in (graph, lambda x: value_and_gradients(plain, x, []))
        )
        assert distance(found, expected) < CLOSE


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@rows("recurrent", "sample")
def test_in_graphs_of_unknown_sizes_too(row, monkeypatch, jit_compile):
    monkeypatch.setattr(fast_loop, "batch_slices", lambda _: 2)
    layer = row.layer(implementation=fastest(row))

    def run(x, mask, states):
        call = {"mask": mask, "reset_mask": RESETS["steps"]}
        return value_and_gradients(layer, x, states, **call)

    signature = [
        tf.TensorSpec(row.unknown_time, "float64"),
        tf.TensorSpec((None, None), "bool"),
        [tf.TensorSpec((None, s.shape[1]), "float64") for s in row.states()],
    ]
    graph = tf.function(run, signature, jit_compile=jit_compile)
    expected = everything(row.layer(implementation="plain"), row, GAPS, RESETS["steps"])
    assert distance(flat(graph(row.inputs(), GAPS, row.states())), expected) < 100 * CLOSE


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16", "float32"])
@rows("recurrent", "sample")
def test_with_fewer_bits_the_paths_are_as_near_as_the_bits_allow(row, dtype):
    error = {"float32": 1e-5, "mixed_float16": 2e-2, "mixed_bfloat16": 2e-1}[dtype]
    if "foreign" in row.promises and dtype != "float32":
        pytest.skip("a cell of Keras rounds its states itself")
    fast, plain = (
        row.layer(dtype=dtype, return_state=False, implementation=way) for way in (fastest(row), "plain")
    )
    found, expected = (everything(layer, row, GAPS) for layer in (fast, plain))
    for a, b in zip(found, expected, strict=True):
        assert distance(a, b) < error * max(1, np.abs(b).max())


OWN = [
    layers.SimpleRNN(UNITS, dtype="float64"),
    layers.SimpleRNN(UNITS, activation="relu", dtype="float64"),
    layers.LSTM(UNITS, activation="linear", dtype="float64"),
    layers.LSTM(UNITS, use_bias=False, dtype="float64"),
    layers.SLSTM(UNITS, dtype="float64"),
    layers.GRU(UNITS, dtype="float64"),
    layers.GRU(UNITS, reset_after=False, recurrent_activation="tanh", dtype="float64"),
]


@pytest.mark.parametrize("layer", OWN, ids=lambda layer: f"{type(layer).__name__}-{layer.name}")
def test_an_adjoint_can_be_differentiated_again(layer):
    x = tf.constant(normal(1, 2, 4, FEATURES))
    layer.build(x.shape)
    assert layer.cell.has_adjoint

    def second(way):
        layer.implementation = way
        sources = [x, *[v.value for v in layer.trainable_variables]]
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(layer(x) ** 3)
            total = sum(tf.reduce_sum(g * g) for g in inner.gradient(y, sources))
        return outer.gradient(total, sources)

    fast, plain = second("fast"), second("plain")
    assert max(np.abs(g).max() for g in flat(plain)) > 1e-5
    assert distance(fast, plain) < CLOSE


@pytest.mark.parametrize("layer", [layers.PeepholeLSTM(UNITS), layers.LSTM(UNITS, "gelu")])
@pytest.mark.parametrize("in_a_graph", [False, True])
def test_a_taped_step_refuses_to_be_differentiated_again(layer, in_a_graph):
    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(layer(x, training=True))
            total = tf.reduce_sum(inner.gradient(y, x) ** 2)
        return outer.gradient(total, x)

    with pytest.raises(Exception, match=r"no second derivative of this cell.*implementation='plain'"):
        (tf.function(second) if in_a_graph else second)(tf.ones((2, 3, FEATURES)))


class JoinedCell(layers.RecurrentCell):
    """A cell of a user: one matrix on [projected; h], read in ways that only one step has the shape for."""

    output_state = 0
    recurrent_constants = ("M",)
    state_size = (UNITS,)
    output_size = UNITS

    def build(self, input_shape):
        self.W = self.add_weight(shape=(input_shape[-1], UNITS))
        self.M = self.add_weight(shape=(2 * UNITS, 2 * UNITS))
        self.gain = self.add_weight(shape=(UNITS,))

    def get_constants(self, batch_size, training=False):
        return {"W": self.W.value, "M": self.M.value, "gain": self.gain.value}

    def project_inputs(self, inputs, constants):
        return keras.ops.matmul(inputs, constants["W"])

    def step(self, projected, states, constants):
        joined = keras.ops.concatenate([projected, states[0]], axis=1)
        z = state_product(joined, constants["M"])
        half = constants["M"].shape[0] // 2
        h = keras.ops.tanh(z[:, :half]) * constants["gain"] + keras.ops.sigmoid(z[:, half:]) * states[0]
        return h, [h]


class ReadingCell(JoinedCell):
    """One whose product reads nothing that has a gradient, neither input nor state."""

    def step(self, projected, states, constants):
        ones = keras.ops.ones_like(keras.ops.concatenate([projected, states[0]], axis=1))
        z = state_product(keras.ops.stop_gradient(ones), constants["M"])[:, : constants["M"].shape[0] // 2]
        h = keras.ops.tanh(projected + z) * constants["gain"] + 0.5 * states[0]
        return h, [h]


@pytest.mark.parametrize("make", [JoinedCell, ReadingCell])
def test_a_cell_of_ones_own_runs_on_the_fast_path(make):
    cell = make(dtype="float64")
    fast, plain = (
        layers.Recurrent(cell, return_sequences=True, implementation=way) for way in ("fast", "plain")
    )
    x, h = normal(1, 2, 5, FEATURES), normal(2, 2, UNITS)
    fast.build(x.shape)
    for k, weight in enumerate(cell.trainable_variables):
        weight.assign(normal([4, k], *weight.shape))
    assert chosen(cell) == "run_fast_cell"
    assert distance(value_and_gradients(fast, x, [h]), value_and_gradients(plain, x, [h])) < CLOSE


# ---------------------------------------------------------------------------- which one is taken


class OwnStep(layers.LSTMCell):
    """An LSTM with another step, which inherits an adjoint that is not its own."""

    def step(self, projected, states, constants):
        h, states = super().step(projected, states, constants)
        return h * 0.5, [h * 0.5, states[1]]


def chosen(cell, **arguments):
    options = {
        "implementation": "auto",
        "use_cudnn": "auto",
        "constants": {},
        "unroll": False,
        "recompute": False,
        "reset": False,
        "training": True,
        "name": "layer",
    }
    run = choose_loop(cell, **{**options, **arguments})
    return getattr(run, "func", run).__name__


def test_the_rule():
    assert chosen(layers.LSTMCell(3)) == "run_fast_cell"
    assert chosen(layers.LSTMCell(3), unroll=True) == "run_cell"
    assert chosen(layers.LSTMCell(3), training=False) == "run_cell"
    assert chosen(layers.LSTMCell(3), training=False, implementation="fast") == "run_fast_cell"
    assert chosen(layers.LSTMCell(3), training=False, recompute=True) == "run_cell"
    assert chosen(layers.LRUCell(3), training=False) == "_run_linear_cell"
    assert chosen(layers.LSTMCell(3, activation="gelu")) == "run_fast_cell"
    assert chosen(layers.PeepholeLSTMCell(3)) == "run_fast_cell"
    assert chosen(layers.WeightDrop(layers.GRUCell(3), 0.5)) == "run_fast_cell"
    assert chosen(layers.LRUCell(3)) == "_run_linear_cell"
    assert chosen(layers.LearnedInitialState(layers.MinGRUCell(3))) == "_run_linear_cell"
    assert chosen(layers.LearnedInitialState(layers.MLSTMCell(3))) == "_run_chunked_cell"
    assert chosen(layers.Zoneout(layers.MLSTMCell(3), 0.1)) == "run_cell"
    assert chosen(layers.VariationalDropout(layers.MinGRUCell(3), 0.5)) == "run_cell"
    assert chosen(layers.LRUCell(3), implementation="plain") == "run_cell"
    assert chosen(layers.Recurrent(keras.layers.LSTMCell(3))._stepper) == "run_cell"


def test_cudnn_is_taken_where_it_can_be_but_not_while_a_model_is_exported(monkeypatch):
    monkeypatch.setattr(implementation, "why_not_cudnn", lambda cell, **_: None)
    assert chosen(layers.LSTMCell(3)) == "run_cudnn_cell"
    assert chosen(layers.LSTMCell(3), use_cudnn=False) == "run_fast_cell"
    assert chosen(layers.LSTMCell(3), implementation="fast") == "run_fast_cell"
    with export_mode():
        assert chosen(layers.LSTMCell(3)) == "run_fast_cell"
        assert chosen(layers.LSTMCell(3), use_cudnn=True) == "run_cudnn_cell"
    assert chosen(layers.LSTMCell(3)) == "run_cudnn_cell"


@pytest.mark.parametrize("jit_compile", [False, True])
def test_xla_is_noticed(monkeypatch, jit_compile):
    seen = []
    monkeypatch.setattr(implementation, "why_not_cudnn", lambda cell, **told: seen.append(told) or "no")
    layer = layers.LSTM(UNITS)
    layer.build((None, None, FEATURES))
    inner = tf.function(lambda x: layer(x) * 2)
    tf.function(inner, jit_compile=jit_compile)(tf.zeros((2, 3, FEATURES)))
    assert {told["jit_compile"] for told in seen if told} == {jit_compile}


def test_a_layer_that_would_run_on_cudnn_does_not_ask_fit_for_xla(monkeypatch):
    assert layers.LSTM(UNITS).supports_jit
    monkeypatch.setattr(implementation, "why_not_cudnn", lambda cell, **_: None)
    assert not layers.LSTM(UNITS).supports_jit
    assert layers.LSTM(UNITS, use_cudnn=False).supports_jit
    assert layers.LSTM(UNITS, implementation="fast").supports_jit


def test_a_cell_with_another_step_does_not_take_the_adjoint_it_inherits():
    cell = OwnStep(UNITS, dtype="float64")
    fast, plain = (
        layers.Recurrent(cell, return_sequences=True, implementation=way) for way in ("fast", "plain")
    )
    assert not cell.has_adjoint
    x = normal(1, 2, 5, FEATURES)
    assert distance(value_and_gradients(fast, x, []), value_and_gradients(plain, x, [])) < CLOSE


def test_an_activation_without_a_known_derivative_is_taped():
    x = normal(1, 2, 5, FEATURES)
    fast, plain = (
        layers.LSTM(UNITS, "gelu", "hard_sigmoid", implementation=way, dtype="float64")
        for way in ("fast", "plain")
    )
    for layer in (fast, plain):
        layer.build(x.shape)
    assert not fast.cell.has_adjoint
    plain.set_weights(fast.get_weights())
    assert distance(value_and_gradients(fast, x, []), value_and_gradients(plain, x, [])) < CLOSE


@pytest.mark.parametrize(
    ("batch", "cores", "slices"),
    [(64, 2, 2), (20, 2, 2), (15, 2, 1), (1, 2, 1), (0, 2, 1), (64, 16, 8), (None, 2, 2), (None, 16, 4)],
)
def test_slices_of_the_batch(monkeypatch, batch, cores, slices):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert fast_loop.batch_slices(batch) == slices
    with fast_loop.side_by_side(2):
        assert fast_loop.batch_slices(batch) == max(1, min(slices, cores // 2))
    assert fast_loop.batch_slices(batch) == slices


def test_what_zoneout_draws_depends_on_no_number_of_slices(monkeypatch):
    results = []
    for slices in (1, 3):
        monkeypatch.setattr(fast_loop, "batch_slices", lambda _, slices=slices: slices)
        keras.utils.set_random_seed(3)
        layer = layers.Recurrent(layers.Zoneout(layers.LSTMCell(UNITS), 0.5, seed=4), return_sequences=True)
        results.append(layer(normal(1, 6, 5, FEATURES).astype("float32"), training=True))
    assert distance(*results) < 1e-6


def test_a_stateful_layer_is_built_inside_a_model_that_knows_no_shape():
    model = keras.Sequential([layers.LSTM(UNITS, stateful=True)])
    model.compile("sgd", "mse")
    model.fit(normal(1, 4, 3, FEATURES), np.zeros((4, UNITS)), batch_size=2, verbose=0)


# ---------------------------------------------------------------------------- what is refused

ZONEOUT = layers.Zoneout(layers.LSTMCell(3), 0.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.LSTM(3, implementation="quick"), "`implementation` must be one of"),
        (lambda: layers.LSTM(3, use_cudnn="yes"), "`use_cudnn` must be 'auto', True or False"),
        (
            lambda: layers.LSTM(3, use_cudnn=True, implementation="plain"),
            "`use_cudnn=True` contradicts implementation='plain'",
        ),
        (
            lambda: layers.LSTM(3, use_cudnn=False, implementation="cudnn"),
            "`use_cudnn=False` contradicts implementation='cudnn'",
        ),
    ],
)
def test_what_is_refused_at_construction(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.LSTM(3, implementation="cudnn"), "cannot run on cuDNN: cuDNN needs"),
        (layers.LSTM(3, use_cudnn=True), "cannot run on cuDNN: cuDNN needs"),
        (layers.SimpleRNN(3, use_cudnn=True), "cannot run on cuDNN: cuDNN runs LSTMCell"),
        (layers.LSTM(3, implementation="parallel"), "needs a cell that is linear in its state"),
        (layers.MinGRU(3, implementation="fast"), "cannot run the fast loop: MinGRUCell neither"),
        (
            layers.Recurrent(keras.layers.LSTMCell(3), implementation="fast"),
            "cannot run the fast loop: LSTMCell follows Keras's protocol",
        ),
        (layers.LSTM(3, unroll=True, implementation="fast"), "`unroll=True` writes out the plain loop"),
        (layers.LSTM(3, unroll=True, recompute=True), "`recompute=True` belongs to the fast loop"),
        (layers.LSTM(3, implementation="plain", recompute=True), "another implementation is asked for"),
        (layers.MinGRU(3, recompute=True), "`recompute=True` belongs to the fast loop"),
        (layers.Recurrent(ZONEOUT, recompute=True), "draws random numbers for each step"),
        (
            layers.Recurrent([layers.LSTMCell(3), ZONEOUT], implementation="fast"),
            "StackedCells draws random numbers within a step",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_is_refused_when_called(layer, message):
    with pytest.raises(ValueError, match=message):
        layer(np.zeros((2, 4, FEATURES), "float32"))
