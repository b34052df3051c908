"""What mLSTM promises beyond the contracts: chunks are single steps, huge gates, the start, bad input."""

import numpy as np
import pytest
import tensorflow as tf

from keras_rnn import layers
from tests.contracts.arrays import BATCH, FEATURES, UNITS, distance, flat, normal
from tests.contracts.backend import value_and_gradients
from tests.contracts.rows import run
from tests.reference import cells, xlstm_cells

TIME, SIZES = 11, (12, 6, 2)
X, STATES = normal(1, BATCH, TIME, FEATURES), [normal([2, k], BATCH, n) for k, n in enumerate(SIZES)]
DRAWN = np.random.default_rng(3).random((2, BATCH, TIME))
MASK, RESETS = DRAWN[0] < 0.7, DRAWN[1] < 0.25


def built(dtype="float64", **options):
    """With weights that are random and all different."""
    cell_options = {
        name: options.pop(name) for name in ("forget_gate", "chunk", "use_bias") if name in options
    }
    cell = layers.MLSTMCell(UNITS, heads=2, key_dimension=3, dtype=dtype, **cell_options)
    if options.pop("learned", False):
        cell = layers.LearnedInitialState(cell)
    options = {"return_sequences": True, "return_state": True, **options}
    layer = layers.Recurrent(cell, dtype=dtype, **options)
    layer.build((None, None, FEATURES))
    layer.set_weights([normal([5, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


@pytest.mark.parametrize("implementation", ["plain", "parallel"])
def test_with_an_exponential_forget_gate_it_is_its_unstabilized_equations(implementation):
    layer = built(forget_gate="exp", implementation=implementation, chunk=4)
    step = cells.bind(xlstm_cells.mlstm, layer.get_weights(), forget=np.exp)
    expected = run(step, X, SIZES, initial_state=STATES)
    assert distance(layer(X, initial_state=STATES), expected) < 1e-10


BOTH = {"mask": MASK, "reset_mask": RESETS}


@pytest.mark.parametrize(
    ("chunk", "masks", "options"),
    [
        (1, BOTH, {}),
        (3, BOTH, {"go_backwards": True}),
        (4, {"reset_mask": RESETS}, {"return_sequences": False}),
        (11, {"mask": MASK}, {"zero_output_for_mask": True}),
        (64, BOTH, {"return_sequences": False}),
        (64, {}, {}),
    ],
    ids=lambda value: value if isinstance(value, int) else "-".join(value),
)
def test_chunks_are_single_steps(chunk, masks, options):
    layer = built(implementation="parallel", chunk=chunk, **options)
    step = cells.bind(xlstm_cells.mlstm, layer.get_weights())
    expected = run(step, X, SIZES, initial_state=STATES, **masks, **options)
    assert distance(layer(X, initial_state=STATES, **masks), expected) < 1e-10


def test_gradients_of_chunks_are_those_of_single_steps_with_a_state_that_is_learned():
    found = []
    for implementation in ("parallel", "plain"):
        layer = built(implementation=implementation, chunk=4, learned=True, return_sequences=False)
        found.append(value_and_gradients(layer, X, **BOTH))
    assert distance(*found) < 1e-10


def test_under_xla_with_unknown_sizes():
    layer = built(chunk=4, zero_output_for_mask=True)
    spec = [tf.TensorSpec((None, None, FEATURES), "float64"), *[tf.TensorSpec((None, None), "bool")] * 2]

    def result(x, mask, resets):
        return value_and_gradients(layer, x, mask=mask, reset_mask=resets)

    compiled = tf.function(result, spec, jit_compile=True)
    assert distance(compiled(X, MASK, RESETS), result(X, MASK, RESETS)) < 1e-10


@pytest.mark.parametrize("forget_gate", ["sigmoid", "exp"])
@pytest.mark.parametrize("implementation", ["plain", "parallel"])
def test_gates_of_ten_thousand_give_numbers(implementation, forget_gate):
    layer = built(
        dtype="float32", implementation=implementation, forget_gate=forget_gate, chunk=4, use_bias=False
    )
    (W,) = layer.get_weights()
    W[:, -4:] *= 1e4  # the gates i and f
    layer.set_weights([W])
    x = X.astype("float32")
    x[:, 5:7] = 0.0  # where q is 0 too
    value, gradients = value_and_gradients(layer, x, mask=MASK)
    result = flat([value, gradients, layer(x, mask=MASK)])
    assert all(np.isfinite(g).all() for g in result)


def test_a_chunk_of_32_bits_loses_no_digits_to_gates_that_are_shut():
    found = []
    for dtype, implementation in (("float64", "plain"), ("float32", "parallel")):
        layer = built(dtype=dtype, implementation=implementation, chunk=64, use_bias=False)
        (W,) = layer.get_weights()
        W[:, -2:] = 0
        W[0, -2:] = 1.0  # the first feature shuts the forget gate
        layer.set_weights([W])
        x = np.tile(normal(7, BATCH, 8, FEATURES), (1, 8, 1))
        x[..., 0] = np.where(np.arange(64) % 7 == 3, -1e4, 2.0)
        found.append(layer(x.astype(dtype)))
    assert distance(*found) < 1e-4 * max(np.abs(y).max() for y in flat(found[0]))


@pytest.mark.parametrize("implementation", ["plain", "parallel"])
def test_a_masked_step_may_hold_no_number(implementation):
    layer = built(implementation=implementation, chunk=4)
    x = np.where(MASK[..., None], X, np.nan)
    assert distance(layer(x, mask=MASK), layer(X, mask=MASK)) == 0


@pytest.mark.parametrize(("forget_gate", "first", "last"), [("sigmoid", 3.0, 6.0), ("exp", 0.0, 0.0)])
def test_the_forget_gates_begin_open(forget_gate, first, last):
    cell = layers.MLSTMCell(6, heads=3, forget_gate=forget_gate)
    cell.build((None, FEATURES))
    b = flat(cell.bias)[0]
    assert not b[:-3].any()
    assert np.array_equal(b[-3:], np.linspace(first, last, 3))


def test_what_stands_under_a_key_is_found_again():
    """Three values under keys at right angles, in any order; nothing is forgotten."""
    cell = layers.MLSTMCell(2, key_dimension=3, forget_gate="exp", dtype="float64")
    layer = layers.Recurrent(cell, return_sequences=True, dtype="float64")
    layer.build((None, None, 8))
    W = np.zeros((8, 12))
    W[:3, :3], W[3:6, 3:6], W[6:, 6:8] = np.eye(3), 3**0.5 * np.eye(3), np.eye(2)
    layer.set_weights([W, np.zeros(12)])
    values = normal(6, 3, 2)
    writes = np.concatenate([np.zeros((3, 3)), np.eye(3), values], axis=1)
    reads = np.concatenate([np.eye(3)[[2, 0, 1]], np.zeros((3, 5))], axis=1)
    y = flat(layer(np.concatenate([writes, reads])[None]))[0][0, 3:]
    assert distance(y, values[[2, 0, 1]] / 2) < 1e-12  # the output gate is a half


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": 3}, "`units` must be a multiple of `heads`; received units=4, heads=3"),
        ({"key_dimension": 0}, "`key_dimension` must be a positive integer; received key_dimension=0"),
        ({"chunk": 0}, "`chunk` must be a positive integer; received chunk=0"),
        ({"forget_gate": "tanh"}, "`forget_gate` must be one of .*; received forget_gate='tanh'"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.MLSTM(UNITS, **arguments)
