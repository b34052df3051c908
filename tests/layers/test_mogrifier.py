"""The Mogrifier where the contracts do not look: what it is made around, its size, and what it refuses."""

import numpy as np
import pytest
from keras import ops

from keras_rnn.layers import (
    LayerNormLSTMCell,
    LearnedInitialState,
    LSTMCell,
    MinGRUCell,
    Mogrifier,
    Recurrent,
    Residual,
    VariationalDropout,
    WeightDrop,
    Zoneout,
)
from keras_rnn.layers.implementation import why_not_fast
from tests.contracts.arrays import BATCH, FEATURES, SAME, TIME, UNITS, distance, flat, normal

X = normal(1, BATCH, TIME, FEATURES)


def layer_over(cell):
    layer = Recurrent(cell, return_sequences=True, dtype="float64")
    layer.build((None, None, FEATURES))
    layer.set_weights([normal([0, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def lstm():
    return LSTMCell(UNITS, dtype="float64")


@pytest.mark.parametrize(("rounds", "rank"), [(1, None), (2, None), (5, None), (1, 3), (4, 2)])
def test_it_has_as_many_parameters_as_the_formula_says(rounds, rank):
    own = rounds * FEATURES * UNITS if rank is None else rounds * rank * (FEATURES + UNITS)
    layer = layer_over(Mogrifier(lstm(), rounds, rank))
    assert layer.count_params() == own + 4 * UNITS * (FEATURES + UNITS + 1)


def test_a_product_of_thin_matrices_is_a_matrix():
    thin, full = layer_over(Mogrifier(lstm(), 3, rank=1)), layer_over(Mogrifier(lstm(), 3))
    *pairs, W, U, b = thin.get_weights()
    full.set_weights([pairs[0] @ pairs[1], pairs[2] @ pairs[3], pairs[4] @ pairs[5], W, U, b])
    assert distance(thin(X), full(X)) < SAME


def test_gates_of_zeros_leave_the_cell_as_it_is():
    layer, bare = layer_over(Mogrifier(lstm())), layer_over(lstm())
    bare.set_weights(layer.get_weights()[5:])
    assert distance(layer(X), bare(X)) > 1e-3
    layer.set_weights([*(0 * w for w in layer.get_weights()[:5]), *bare.get_weights()])
    assert distance(layer(X), bare(X)) < SAME


@pytest.mark.parametrize(
    "cell",
    [
        lambda: Zoneout(Mogrifier(lstm(), 2), 0.25),
        lambda: VariationalDropout(Mogrifier(lstm(), 2), 0.25, 0.25, 0.25),
        lambda: Mogrifier(VariationalDropout(lstm(), 0.25, 0.25), 2),
        lambda: WeightDrop(Mogrifier(LayerNormLSTMCell(UNITS, dtype="float64"), 2, rank=1), 0.25),
        lambda: Mogrifier(LearnedInitialState(MinGRUCell(UNITS, dtype="float64"))),
        lambda: Residual(Mogrifier(LSTMCell(FEATURES, dtype="float64"))),
        lambda: [Mogrifier(lstm(), 1), Mogrifier(lstm(), 2, rank=2)],
    ],
)
def test_it_goes_where_a_cell_goes(cell):
    layer = layer_over(cell())
    y = flat(layer(X))[0]
    assert distance(y[:, :2], layer(X[:, :2])) < SAME  # causal: nothing of another step comes in
    found = flat(layer(X, training=True))[0]
    assert found.shape == y.shape and np.isfinite(found).all()


def test_weights_of_the_gates_are_not_dropped():
    layer = layer_over(WeightDrop(Mogrifier(lstm(), 2), 0.5, seed=1))
    constants = layer.cell.get_constants(BATCH, training=True)["cell"]
    assert (flat(constants["cell"]["U"])[0] == 0).any()
    assert all((matrix != 0).all() for matrix in flat(constants["gates"]))


def test_dropped_inputs_stay_dropped():
    """A mask around the Mogrifier acts before the gates do, and 0 remains 0."""
    cell = VariationalDropout(Mogrifier(lstm(), 2), input_rate=0.5, seed=2)
    layer = layer_over(cell)
    constants = cell.get_constants(BATCH, training=True)
    mask = flat(constants["input_mask"])[0]
    assert (mask == 0).any() and (mask > 0).any()
    projected = flat(cell.project_inputs(X[:, 0], constants))[0]
    assert distance(projected, X[:, 0] * mask) < SAME
    assert ops.shape(layer(X, training=True)) == (BATCH, TIME, UNITS)


def test_it_trains_on_the_fast_path():
    assert why_not_fast(Mogrifier(LSTMCell(3))) is None
    assert "MinGRUCell" not in why_not_fast(Mogrifier(MinGRUCell(3)))
    assert why_not_fast(Mogrifier(MinGRUCell(3))).startswith("Mogrifier neither writes")


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_sizes(size):
    with pytest.raises(ValueError, match=rf"`rounds` must be a positive integer; received rounds={size!r}"):
        Mogrifier(LSTMCell(3), size)
    with pytest.raises(ValueError, match=rf"`rank` must be a positive integer; received rank={size!r}"):
        Mogrifier(LSTMCell(3), rank=size)


def test_cells_that_it_cannot_be_put_around():
    with pytest.raises(ValueError, match=r"`cell` must have an output .* received cell=<Residual"):
        Mogrifier(Residual(LSTMCell(3)))
    with pytest.raises(ValueError, match=r"`cell` must not draw random numbers .* received cell=<Zoneout"):
        Mogrifier(Zoneout(LSTMCell(3), 0.5))


def test_unknown_features():
    with pytest.raises(ValueError, match=r"last dimension .* received shape \(None, None\)"):
        Recurrent(Mogrifier(LSTMCell(3))).build((None, None, None))
