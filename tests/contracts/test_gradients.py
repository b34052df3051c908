"""Gradients against central differences of the oracle, for inputs, first states and every weight.

The oracle equals the layer to 1e-10 (`test_oracle.py`), so its differences are the layer's. It runs here in
its vectorised form, which the tests of the oracles hold equal to the plain one.
"""

import numpy as np

from tests.contracts.arrays import EXACT, GAPS, ON_JAX, RESETS, distance, flat
from tests.contracts.backend import value_and_gradients
from tests.contracts.catalogue import rows
from tests.reference.mutants import vectorised_run

# A longer step shows the third derivative of a layer norm, where a row has nearly no variance.
STEP, SOME = 2e-6, 16


def loss(outputs):
    """The loss of `backend.value_and_gradients`, in NumPy."""
    return sum((k + 1) * np.sum(y * (y + 1)) for k, y in enumerate(outputs))


def central_difference(function, arrays, array, place):
    """d function(arrays) / d array[place]"""
    here = array[place]
    array[place] = here + STEP
    above = function(arrays)
    array[place] = here - STEP
    below = function(arrays)
    array[place] = here
    return (above - below) / (2 * STEP)


def places_to_look_at(row, array):
    """All entries for the rows that stand for others, some at random for the rest."""
    places = list(np.ndindex(array.shape))
    if "sample" in row.promises or len(places) < SOME:
        return places
    return [places[k] for k in np.random.default_rng(3).choice(len(places), SOME, replace=False)]


def check(row, options=None, **call):
    options = options or {}
    layer, x, states = row.layer(**options), row.inputs(), row.states()
    n = len(states)

    def oracle_loss(arrays):
        x, states, weights = arrays[0], arrays[1 : 1 + n], arrays[1 + n :]
        loop = {"initial_state": states, "loop_run": vectorised_run} if states else {}
        return loss(row.expected(weights, x, **loop, **call, **options))

    arrays = [np.array(a) for a in (x, *states, *layer.get_weights())]
    value, gradients = value_and_gradients(layer, x, states, **call)
    assert distance(value, oracle_loss(arrays)) < 10 * EXACT
    trained = [True] * (1 + n) + [weight.trainable for weight in layer.weights]
    asked = [array for array, is_trained in zip(arrays, trained, strict=True) if is_trained]
    for array, gradient in zip(asked, flat(gradients), strict=True):
        assert gradient.shape == array.shape
        places = places_to_look_at(row, array)
        found = np.array([gradient[place] for place in places])
        true = np.array([central_difference(oracle_loss, arrays, array, place) for place in places])
        assert distance(found, true) < max(1e-6, 100 * EXACT * ON_JAX)


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
