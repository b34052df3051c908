"""16-bit policies: products and outputs in 16 bits, states in 32, and a small error."""

import keras
import numpy as np
import pytest

from tests.contracts.arrays import BATCH, GAPS, TIME, distance, flat
from tests.contracts.catalogue import rows

#: The rounding error of each compute dtype.
EPSILON = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
policies = pytest.mark.parametrize("compute", EPSILON)


def in_mixed_precision(row, compute, **arguments):
    return row.layer(dtype=f"mixed_{compute}", **arguments)


def in_float32(row):
    """Inputs and states as float32 arrays."""
    x = row.inputs()
    return x.astype("float32") if x.dtype == "float64" else x, [s.astype("float32") for s in row.states()]


def dtypes(tensors):
    return [keras.backend.standardize_dtype(y.dtype) for y in keras.tree.flatten(tensors)]


@policies
@rows("gradient", "sample")
def test_the_error_is_that_of_the_compute_dtype(row, compute):
    x, states = in_float32(row)
    call = row.call_arguments(GAPS)
    if states:
        call["initial_state"] = states
    result = in_mixed_precision(row, compute)(x, **call)
    exact = row.layer()(x.astype("float64"), **row.call_arguments(GAPS))
    error = distance(result, exact)
    assert error < 32 * EPSILON[compute] * max(1, np.max(np.abs(x)))
    assert error > EPSILON[compute] / 32, "nothing was computed in 16 bits"


@policies
@rows("recurrent", "sample")
def test_outputs_have_the_compute_dtype_and_states_32_bits(row, compute):
    layer, (x, states) = in_mixed_precision(row, compute), in_float32(row)
    expected = [compute] + ["float32"] * len(states)
    assert dtypes(layer(x, initial_state=states)) == expected
    symbolic = layer(keras.Input(row.unknown_time[1:]))
    assert dtypes(symbolic) == expected


@policies
@rows("recurrent", "sample")
def test_first_states_are_not_rounded(row, compute):
    layer, (x, states) = in_mixed_precision(row, compute), in_float32(row)
    assert distance(states, [s.astype("float16") for s in states]) > 0
    nothing_counts = np.zeros((BATCH, TIME), bool)
    held = keras.tree.flatten(layer(x, initial_state=states, mask=nothing_counts))[-len(states) :]
    assert distance(held, states) == 0


@policies
@rows("causal", "sample")
def test_a_stateful_layer_carries_32_bits(row, compute):
    layer = in_mixed_precision(row, compute)
    stateful = row.own_layer(stateful=True, dtype=f"mixed_{compute}")
    x, _ = in_float32(row)
    whole = layer(x)
    one, two = stateful(x[:, :2]), stateful(x[:, 2:])
    # One rounding of a carried state to 16 bits would show.
    assert distance(two[1:], whole[1:]) < EPSILON[compute] / 100
    assert distance(np.concatenate(flat([one[0], two[0]]), axis=1), whole[0]) <= 2 * EPSILON[compute]
    assert dtypes(stateful.states) == ["float32"] * len(row.sizes)


@policies
@rows("causal", "sample")
def test_a_cell_by_hand_is_not_rounded_between_steps(row, compute):
    layer, (x, states) = in_mixed_precision(row, compute), in_float32(row)
    now = states
    for t in range(TIME):
        y, now = layer.cell(x[:, t], now)
        assert dtypes([y, *now]) == [compute] + ["float32"] * len(states)
    assert distance([y, *now], [y, *layer(x, initial_state=states)[1:]]) < EPSILON[compute] / 100


@policies
@rows("recurrent", "sample")
def test_a_layer_computes_the_same_in_a_model(row, compute):
    # A model opens an autocast scope of its own: what is multiplied must not depend on it.
    x, _ = in_float32(row)
    layer = in_mixed_precision(row, compute)
    inputs = keras.Input(row.unknown_time[1:])
    keras.config.set_dtype_policy(f"mixed_{compute}")
    model = keras.Model(inputs, layer(inputs))
    assert distance(model(x), layer(x)) == 0


@policies
@rows("sample")
def test_symbolic_dtypes_are_the_real_ones(row, compute):
    layer, (x, _) = in_mixed_precision(row, compute), in_float32(row)
    symbolic = layer(keras.Input(row.unknown_time[1:], dtype=x.dtype.name))
    assert dtypes(symbolic) == dtypes(layer(x))
