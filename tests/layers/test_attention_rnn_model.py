"""AttentionRNN in a model: masks of Keras, saving, serving, learning; and what it refuses."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_rnn import layers
from tests.contracts.arrays import SAME, distance, flat
from tests.layers.attention_cases import (
    BATCH,
    CASES,
    FEATURES,
    GAPS,
    MEMORY,
    MEMORY_MASK,
    UNITS,
    cases,
    inputs,
    run,
    some_cases,
)

# Keras hands its variables to h5py, and NumPy 2 finds their `__array__` out of date.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def model_of(*names):
    """Batch, time and source unknown; a mask for the memory, one for time."""
    given = {
        "x": keras.Input((None, FEATURES), dtype="float64", name="x"),
        "memory": keras.Input((None, MEMORY), dtype="float64", name="memory"),
        "memory_mask": keras.Input((None,), dtype="bool", name="memory_mask"),
        "mask": keras.Input((None,), dtype="bool", name="mask"),
    }
    outputs = {}
    for k, name in enumerate(names):
        call = {key: given[key] for key in ("memory", "memory_mask", "mask")}
        results = CASES[name].layer()(given["x"], return_attention=True, **call)
        outputs |= {f"layer_{k}_output_{n}": y for n, y in enumerate(results)}
    return keras.Model(given, outputs)


def some_inputs(batch=BATCH):
    x, memory = inputs()
    given = {"x": x, "memory": memory, "memory_mask": MEMORY_MASK, "mask": GAPS}
    return {name: array[:batch] for name, array in given.items()}


def test_a_model_of_unknown_sizes_is_saved_and_served(tmp_path):
    names = ["before, LSTM, bahdanau", "fed, LSTM, dot"]
    model = model_of(*names)
    expected = model(some_inputs())
    alone = run(names[0], mask=GAPS, memory_mask=MEMORY_MASK)
    assert distance([expected[f"layer_0_output_{n}"] for n in range(len(alone))], alone) < SAME

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert distance(loaded.get_weights(), model.get_weights()) == 0
    assert distance(loaded(some_inputs()), expected) == 0

    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    for batch in (BATCH, 1):
        found = served.serve({name: tf.constant(array) for name, array in some_inputs(batch).items()})
        assert distance(found, model(some_inputs(batch))) < SAME


@some_cases
def test_symbolic_shapes_and_dtypes_are_those_of_the_numbers(name):
    model = model_of(name)
    found = model(some_inputs())
    for symbolic, y in zip(model.outputs, keras.tree.flatten(found), strict=True):
        assert symbolic.shape[0] is None and len(symbolic.shape) == len(y.shape)
        assert all(d in (None, n) for d, n in zip(symbolic.shape, y.shape))
        assert symbolic.dtype == keras.backend.standardize_dtype(y.dtype)


@cases
def test_it_comes_back_from_its_config(name):
    layer = CASES[name].make(implementation="fast", recompute=True, name="decoder", return_state=False)
    again = layers.AttentionRNN.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.implementation, again.recompute, again.name) == ("fast", True, "decoder")
    again.build((None, None, FEATURES), (None, None, MEMORY))
    again.set_weights(CASES[name].layer().get_weights())
    x, memory = inputs()
    o, *_, a = run(name)
    assert distance(again(x, memory=memory, return_attention=True), (o, a)) < SAME
    assert again.output_size == o.shape[-1] and again.cell.state_names[0].startswith("h")


def test_it_has_as_many_parameters_as_its_equations():
    layer = layers.AttentionRNN(layers.LSTMCell(UNITS), layers.BahdanauAttention(7), attentional_units=8)
    layer.build((None, None, FEATURES), (None, None, MEMORY))
    cell, fed = 4 * UNITS * (FEATURES + UNITS + 1), 8 * 4 * UNITS
    assert layer.count_params() == cell + fed + (UNITS + MEMORY + 1) * 8 + (UNITS + MEMORY + 2) * 7


def test_a_mask_of_the_sequences_goes_on_and_that_of_the_memory_is_used():
    embed = keras.layers.Embedding(9, MEMORY, mask_zero=True)
    source, target = np.array([[3, 4, 0], [5, 0, 0]]), np.array([[1, 2, 3, 0], [2, 0, 0, 0]])
    x, memory = embed(target), embed(source)
    layer = layers.AttentionRNN(
        layers.GRUCell(UNITS), layers.LuongAttention(), return_sequences=True, return_state=True
    )
    o, *_, a = layer(x, memory=memory, return_attention=True)
    assert np.array_equal(np.asarray(o._keras_mask), target > 0)
    assert not flat(a)[0][0, :, 2:].any() and not flat(a)[0][1, :, 1:].any()
    told = layer(
        np.asarray(x),
        memory=np.asarray(memory),
        mask=target > 0,
        memory_mask=source > 0,
        return_attention=True,
    )
    assert distance((o, a), (told[0], told[-1])) < 1e-6


# ---------------------------------------------------------------------------- it learns to look


def reversal_loss(attention):
    """Cross entropy of the last epoch, of saying a sequence of 6 of 5 symbols backwards."""
    keras.utils.set_random_seed(1)
    ids = np.random.default_rng(0).integers(1, 6, (512, 6))
    said = ids[:, ::-1]
    before = np.pad(said[:, :-1], [(0, 0), (1, 0)])
    source, target = (keras.Input((None,), dtype="int32") for _ in range(2))
    embed = keras.layers.Embedding(6, 12)
    memory = keras.layers.Concatenate()([embed(source), keras.layers.Embedding(6, 12)(positions(source))])
    layer = layers.AttentionRNN(layers.GRUCell(24), attention, return_sequences=True)
    logits = keras.layers.Dense(6)(layer(embed(target), memory=memory))
    model = keras.Model([source, target], logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model.fit([ids, before], said, batch_size=32, epochs=8, verbose=0).history["loss"][-1]


def positions(ids):
    return ops.cumsum(ops.ones_like(ids), axis=1) - 1


def test_it_learns_to_reverse_what_a_mean_does_not_tell():
    looking = reversal_loss(layers.BahdanauAttention(24))
    assert looking < 0.2 < 0.6 < reversal_loss(layers.UniformAttention())


# ---------------------------------------------------------------------------- what is refused


class TwoProjections(layers.SimpleRNNCell):
    def project_inputs(self, inputs, constants):
        return [super().project_inputs(inputs, constants)] * 2


def rnn(**options):
    options = {"cell": layers.GRUCell(UNITS), "attention": layers.LuongAttention(), **options}
    return layers.AttentionRNN(**options)


X, M = np.zeros((3, 5, 2), "float32"), np.zeros((3, 6, 4), "float32")
H, O, N = (np.zeros((3, n), "float32") for n in (UNITS, UNITS, 6))
ATTENTION_CELL = layers.AttentionCell(layers.GRUCell(3), layers.LuongAttention())
TWO = {"cell": TwoProjections(3)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rnn(cell=3), "`cell` must be a keras_rnn.layers.RecurrentCell; received cell=3"),
        (
            lambda: rnn(cell=keras.layers.GRUCell(3)),
            "`cell` must be a keras_rnn.layers.RecurrentCell; received cell=<GRUCell",
        ),
        (lambda: rnn(attention=None), "`attention` must be .*; received attention=None"),
        (lambda: rnn(attention="luong"), "`attention` must be .*; received attention='luong'"),
        (lambda: rnn(order="between"), "`order` must be one of .*; received order='between'"),
        (lambda: rnn(order="before", input_feeding=True), "`input_feeding` belongs to order='after'"),
        (
            lambda: rnn(cell=layers.Residual(layers.GRUCell(3))),
            "`cell` must have an output that is one of its states; received cell=<Residual",
        ),
        (
            lambda: rnn(attentional_units=0),
            "`attentional_units` must be a positive integer; received attentional_units=0",
        ),
        (
            lambda: rnn(cell=ATTENTION_CELL),
            "`attention` must be left out where the cell is an AttentionCell.*; received attention=<Luong",
        ),
        (lambda: rnn(stateful=True), "`stateful` is not for .*; received stateful=True"),
        (lambda: rnn(go_backwards=True), "`go_backwards` is not for .*; received go_backwards=True"),
        (lambda: rnn(zero_output_for_mask=True), "`zero_output_for_mask` is not .*_for_mask=True"),
        (lambda: rnn(use_cudnn=True), "use_cudnn"),
        (lambda: layers.UniformAttention(coverage=True), "coverage"),
        (lambda: rnn(implementation="quick"), "`implementation` must be one of .*'quick'"),
        (lambda: rnn(attentional_units=None).output_size, "knows the size of its output when it is built"),
        (lambda: rnn(**TWO)(X, memory=M), "`cell` must project .*; received cell=<TwoProj.* which makes 2"),
        (lambda: rnn()(X), r"reads a memory. Call it with `memory=`, \(batch, source, d\)"),
        (lambda: built()(X), r"reads a memory. Call it with `memory=`, \(batch, source, d\)"),
        (
            lambda: layers.Recurrent(ATTENTION_CELL)(X),
            r"reads a memory. Run it in keras_rnn.layers.AttentionRNN\(cell, attention\)",
        ),
        (
            lambda: built().cell(X[:, 0], [H, O]),
            r"reads a memory. Run it in keras_rnn.layers.AttentionRNN\(cell, attention\)",
        ),
        (
            lambda: rnn()(X, memory=M[:, 0]),
            r"`memory` of `.*` must have shape \(batch, source, d\); received shape \(3, 4\)",
        ),
        (lambda: rnn()(X[:, 0], memory=M), r"\(batch, time, features\); received shape \(3, 2\)"),
        (lambda: rnn()(X, memory=M[:2]), "`memory` must have as many rows as the sequences, 3; received 2"),
        (
            lambda: rnn()(X, memory=keras.Input((6, None))),
            r"The last dimension of the memory of `.*` must be known; received shape \(None, 6, None\)",
        ),
        (
            lambda: rnn()(X, memory=M, memory_mask=np.ones((3, 5))),
            r"`memory_mask` must have .*; received shape \(3, 5\)",
        ),
        (lambda: rnn()(X, memory=M, mask=np.ones((3, 6))), r"`mask` must have .*; received shape \(3, 6\)"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def built(**options):
    layer = rnn(**options)
    layer(X, memory=M)
    return layer


@pytest.mark.parametrize(
    "states", [[], [O[:, :3]], [H, H[:, :1]], [H, O, N[:, :5]], [H, O, N, N], [H[:, None]]], ids=len
)
def test_first_states_of_another_number_or_size(states):
    layer = rnn(attention=layers.LuongAttention(coverage=True))
    received = re.escape(str([s.shape for s in states]))
    with pytest.raises(ValueError, match=rf"`initial_state` of `.*` must be .*; received {received}"):
        layer(X, memory=M, initial_state=states)
    with pytest.raises(ValueError, match=r"`initial_state` must have as many rows .* 3; received 2"):
        layer(X, memory=M, initial_state=[H[:2]])


def test_first_states_may_be_one_tensor_or_all():
    layer = rnn(attention=layers.LuongAttention(coverage=True), return_sequences=True)
    y = layer(X, memory=M)
    for states in (H, [H], [H, O], [H, O, N]):
        assert distance(layer(X, memory=M, initial_state=states), y) == 0
    assert distance(layer(X, memory=M, initial_state=H + 1), y) > 1e-6
