"""What sLSTM promises beyond the contracts: the unstabilized equations, huge gates, heads, bad input."""

import numpy as np
import pytest

from keras_rnn import layers, models
from tests.contracts.arrays import BATCH, FEATURES, GAPS, RESETS, TIME, UNITS, distance, flat, normal
from tests.contracts.backend import value_and_gradients
from tests.reference.cells import sigmoid

X = normal(1, BATCH, TIME, FEATURES)
FORGET = {"sigmoid": sigmoid, "exp": np.exp}


def built(**options):
    """With weights that are random and all different."""
    layer = layers.SLSTM(UNITS, **{"return_sequences": True, "dtype": "float64", **options})
    layer.build((None, None, FEATURES))
    layer.set_weights([normal([5, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


@pytest.mark.parametrize("forget_gate", FORGET)
def test_a_fresh_sequence_is_the_weighted_mean_of_the_unstabilized_equations(forget_gate):
    layer = built(forget_gate=forget_gate)
    W, U, b = layer.get_weights()
    h = c = n = np.zeros((BATCH, UNITS))
    outputs = []
    for t in range(TIME):
        i, f, z, o = np.split(X[:, t] @ W + h @ U + b, 4, axis=-1)
        c = FORGET[forget_gate](f) * c + np.exp(i) * np.tanh(z)
        n = FORGET[forget_gate](f) * n + np.exp(i)
        h = sigmoid(o) * c / n
        outputs.append(h)
    assert distance(layer(X), np.stack(outputs, axis=1)) < 1e-12


def test_heads_are_layers_side_by_side():
    layer = built(heads=2)
    W, U, b = (np.reshape(w, (*w.shape[:-1], 4, 2, UNITS // 2)) for w in layer.get_weights())
    parts = []
    for k in range(2):
        part = layers.SLSTM(UNITS // 2, return_sequences=True, dtype="float64")
        part.build((None, None, FEATURES))
        part.set_weights([np.reshape(w[..., k, :], (*w.shape[:-3], -1)) for w in (W, U, b)])
        parts.append(flat(part(X))[0])
    assert distance(layer(X), np.concatenate(parts, axis=-1)) < 1e-12


@pytest.mark.parametrize("forget_gate", FORGET)
@pytest.mark.parametrize("implementation", ["plain", "fast"])
def test_gates_of_ten_thousand_give_numbers(implementation, forget_gate):
    layer = built(implementation=implementation, forget_gate=forget_gate, dtype="float32", return_state=True)
    W, U, b = layer.get_weights()
    W[:, : 2 * UNITS] *= 1e4
    layer.set_weights([W, U, b])
    x = normal(2, BATCH, 12, FEATURES).astype("float32")
    value, gradients = value_and_gradients(layer, x)
    assert all(np.isfinite(g).all() for g in flat([value, gradients, layer(x)]))


def test_the_first_step_is_exact_however_small_its_input_gate():
    """Of one step c / n is z, whatever its weight: in a fresh row, behind masked steps and after a reset."""
    layer = built(dtype="float32")
    W, U, b = layer.get_weights()
    b[:UNITS] = -1e4
    layer.set_weights([W, U, b])
    mask, resets = GAPS, RESETS["steps"]
    y = flat(layer(X.astype("float32"), mask=mask, reset_mask=resets))[0]
    _, _, z, o = np.split(X @ W + b, 4, axis=-1)
    seen = 0
    for row in range(BATCH):
        fresh = True
        for t in range(TIME):
            fresh = fresh or resets[row, t]
            if mask[row, t] and fresh:
                fresh, seen = False, seen + 1
                assert distance(y[row, t], (sigmoid(o) * np.tanh(z))[row, t]) < 1e-6
    assert seen > BATCH


def test_an_input_of_great_weight_replaces_what_was_stored():
    layer = built()
    W, U, b = layer.get_weights()
    W[0, :UNITS], W[0, UNITS:] = 100.0, 0.0
    layer.set_weights([W, 0 * U, b])
    x = X.copy()
    x[:, :, 0], x[:, 3, 0] = 0.0, 1.0
    _, _, z, o = np.split(x @ W + b, 4, axis=-1)
    assert distance(flat(layer(x))[0][:, 3], (sigmoid(o) * np.tanh(z))[:, 3]) < 1e-12


def test_the_state_that_the_products_read_is_dropped():
    cell = built(heads=2, recurrent_dropout=0.5, seed=1).cell
    states = [normal(6, 8, UNITS), normal(7, 8, UNITS), np.ones((8, UNITS)), normal(8, 8, UNITS)]
    constants = cell.get_constants(8, training=True)
    mask = flat(constants["recurrent_dropout_mask"])[0]
    assert set(np.unique(mask)) == {0.0, 2.0}
    x = normal(9, 8, FEATURES)
    result = cell.step(cell.project_inputs(x, constants), states, constants)
    assert distance(result, cell(x, [states[0] * mask, *states[1:]])) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": 3}, "`units` must be a multiple of `heads`; received units=4, heads=3"),
        ({"heads": 0}, "`heads` must be a positive integer; received heads=0"),
        ({"forget_gate": "tanh"}, "`forget_gate` must be one of .*; received forget_gate='tanh'"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.SLSTM(UNITS, **arguments)


def test_no_first_states_are_learned_that_may_be_negative():
    inner = layers.SLSTMCell(UNITS)
    for cell in (inner, layers.Residual(inner), layers.StackedCells([layers.GRUCell(UNITS), inner])):
        with pytest.raises(ValueError, match=r"`cell` must be able to begin .* states n\w* must not be"):
            layers.LearnedInitialState(cell)
    with pytest.raises(ValueError, match="`decoder` must be able to begin with any states"):
        models.SequenceToSequence(9, 9, [layers.GRU(UNITS)], layers.Recurrent(inner))
