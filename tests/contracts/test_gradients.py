"""Gradients against central differences of the oracle, for inputs, first states and every weight.

The oracle equals the layer to 1e-10 (`test_oracle.py`), so its differences are the layer's. It runs here in
its vectorised form, which the tests of the oracles hold equal to the plain one.
"""

import numpy as np

from tests.contracts.arrays import GAPS, RESETS, distance
from tests.contracts.backend import value_and_gradients
from tests.contracts.catalogue import rows
from tests.reference.mutants import vectorised_run

STEP = 1e-5


def loss(outputs):
    """The loss of `backend.value_and_gradients`, in NumPy."""
    return sum((k + 1) * np.sum(y * (y + 1)) for k, y in enumerate(outputs))


def differences(function, arrays):
    """d function(arrays) / d array, entry by entry, for each of the arrays."""
    arrays = [np.array(a) for a in arrays]
    gradients = [np.zeros_like(a) for a in arrays]
    for array, gradient in zip(arrays, gradients):
        for place in np.ndindex(array.shape):
            here = array[place]
            array[place] = here + STEP
            above = function(arrays)
            array[place] = here - STEP
            gradient[place] = (above - function(arrays)) / (2 * STEP)
            array[place] = here
    return gradients


def check(row, options=None, **call):
    options = options or {}
    layer, x, states = row.layer(**options), row.inputs(), row.states()
    n = len(states)

    def oracle_loss(arrays):
        x, states, weights = arrays[0], arrays[1 : 1 + n], arrays[1 + n :]
        loop = {"initial_state": states, "loop_run": vectorised_run} if states else {}
        return loss(row.expected(weights, x, **loop, **call, **options))

    value, gradients = value_and_gradients(layer, x, states, **call)
    arrays = [x, *states, *layer.get_weights()]
    assert distance(value, oracle_loss(arrays)) < 1e-9
    assert distance(gradients, differences(oracle_loss, arrays)) < 1e-6


@rows("gradient")
def test_gradients(row):
    check(row)


@rows("gradient", "mask")
def test_gradients_with_a_mask(row):
    check(row, mask=GAPS)


@rows("recurrent", "sample")
def test_gradients_with_all_options(row):
    options = {"go_backwards": True, "zero_output_for_mask": True}
    check(row, options, mask=GAPS, reset_mask=RESETS["steps"])


@rows("recurrent", "sample")
def test_gradients_of_the_last_output(row):
    check(row, {"return_sequences": False}, mask=GAPS)
