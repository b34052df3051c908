"""What the cells whose recurrence keeps norms promise beyond the contracts: norms, no NaN, dead units."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn import layers
from keras_rnn.ops.mod_relu import complex_mod_relu
from tests.contracts.arrays import distance, flat, normal
from tests.contracts.backend import value_and_gradients
from tests.reference import loop, memory_cells


def built(layer, features=2, scale=1.0):
    layer.build((None, None, features))
    layer.set_weights([scale * normal([5, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def recurrent_matrix(layer, name="U"):
    return np.asarray(ops.convert_to_numpy(layer.cell.get_constants(1)[name]), "float64")


# ---------------------------------------------------------------------------- modReLU


@pytest.mark.parametrize("complex_pairs", [False, True])
def test_at_zero_value_and_gradient_are_zero(complex_pairs):
    layer = layers.ModReLU(complex_pairs, bias_initializer=keras.initializers.Constant(0.5), dtype="float64")
    x = np.zeros((1, 4))
    value, gradients = value_and_gradients(layer, x)
    assert float(value) == 0
    assert all(np.array_equal(g, np.zeros_like(g)) for g in flat(gradients))
    assert np.array_equal(flat(layer(x))[0], x)


def test_the_phase_is_kept_and_the_modulus_rectified():
    z = np.array([3.0, -0.6, 0.0, 4.0, 0.8, -2.0])  # 3 + 4i, -0.6 + 0.8i, -2i
    y = flat(complex_mod_relu(z, np.array([-4.0, -1.5, 1.0])))[0]
    assert np.allclose(y, [0.6, 0, 0, 0.8, 0, -3])


def test_the_smallest_numbers_make_no_nan():
    tiny = np.full((1, 2), 1e-30, "float32")  # their square is 0 in float32
    layer = layers.ModReLU(complex_pairs=True, bias_initializer=keras.initializers.Constant(1.0))
    value, gradients = value_and_gradients(layer, tiny)
    assert all(np.isfinite(g).all() for g in flat([value, gradients]))


def test_an_odd_number_of_features_is_no_row_of_pairs():
    with pytest.raises(ValueError, match="must be known, and even"):
        layers.ModReLU(complex_pairs=True).build((None, 3))


@pytest.mark.parametrize("cls", [layers.NonNormalRNN, layers.AntisymmetricRNN])
def test_a_cell_trains_and_saves_the_bias_of_its_activation(cls, tmp_path):
    layer = cls(4, activation=layers.ModReLU())
    model = keras.Sequential([keras.Input((3, 2)), layer])
    assert [w.shape for w in layer.weights][-1] == (4,)
    model.compile("sgd", "mse")
    model.fit(normal(1, 8, 3, 2), normal(2, 8, 4), verbose=0)
    assert np.abs(layer.get_weights()[-1]).min() > 0
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again.layers[0].activation, layers.ModReLU)
    x = normal(3, 2, 3, 2)
    assert distance(again(x), model(x)) == 0


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (layers.LSTM, "activation"),
        (layers.GRU, "recurrent_activation"),
        (layers.RecurrentHighway, "activation"),
        (layers.AntisymmetricRNN, "recurrent_activation"),
    ],
)
def test_an_activation_with_weights_is_refused_where_nobody_hands_them_on(cls, name):
    with pytest.raises(ValueError, match=f"`{name}` of .* must be a function or a layer without weights"):
        cls(4, **{name: layers.ModReLU()}).build((None, 3, 2))
    cls(4, **{name: keras.layers.LeakyReLU(0.1)})(normal(1, 2, 3, 2))


def test_any_layer_may_be_the_activation_of_a_simple_rnn():
    found = []
    for implementation in ("plain", "fast"):
        prelu = keras.layers.PReLU(dtype="float64")
        layer = layers.SimpleRNN(4, prelu, implementation=implementation, dtype="float64")
        found.append(value_and_gradients(built(layer), normal(1, 2, 3, 2)))
    assert [flat(g) for g in found[0][1]][-1][0].any()
    for one, other in zip(flat(found[0]), flat(found[1])):
        assert distance(one, other) < 1e-10


STEP = {"epsilon": memory_cells.EPSILON, "gamma": memory_cells.GAMMA}
FORMS = {
    "NonNormalRNN": (layers.NonNormalRNN, memory_cells.non_normal_rnn, {}),
    "AntisymmetricRNN": (layers.AntisymmetricRNN, memory_cells.antisymmetric_rnn, STEP),
}


@pytest.mark.parametrize("implementation", ["plain", "fast"])
@pytest.mark.parametrize("activation", ["tanh", "mod_relu"])
@pytest.mark.parametrize("form", FORMS)
def test_an_activation_with_weights_is_that_of_the_oracle(form, activation, implementation):
    cls, oracle, options = FORMS[form]
    function = layers.ModReLU(dtype="float64") if activation == "mod_relu" else activation
    options = {**options, "activation": function, "implementation": implementation, "dtype": "float64"}
    layer = built(cls(4, return_sequences=True, **options))
    x, h = normal(1, 3, 5, 2), normal(2, 3, 4)
    result = flat(layer(x, initial_state=[h], training=True))[0]
    for other in ("tanh", "mod_relu"):
        weights = layer.get_weights()
        # One that reads no bias of an activation leaves it alone; one that does takes the other for it.
        weights = [*weights, weights[-1]] if other == "mod_relu" != activation else weights
        step = memory_cells.partial(oracle, weights=weights, activation=other)
        error = distance(result, loop.run(step, x, [h])[0])
        assert error < 1e-12 if other == activation else error > 1e-3


# ---------------------------------------------------------------------------- UnitaryRNN


@pytest.mark.parametrize("units", [1, 5, 64])
def test_the_matrix_is_the_composition_step_by_step(units):
    layer = built(layers.UnitaryRNN(units, dtype="float64"))
    h = normal(1, 3, 2 * units)
    W = recurrent_matrix(layer, "W")
    real, imaginary = np.split(h, 2, axis=1)
    composed = np.concatenate(flat(layer.cell.compose(real, imaginary)), axis=1)
    assert distance(h @ W, composed) < 1e-12 * units
    assert distance(W @ W.T, np.eye(2 * units)) < 1e-13 * units
    assert distance(W, np.eye(2 * units)) > 0.1


def test_in_float32_it_is_unitary_to_rounding():
    W = recurrent_matrix(built(layers.UnitaryRNN(190)), "W")
    assert distance(W.T @ W, np.eye(380)) < 2e-6


@pytest.mark.parametrize("implementation", ["plain", "fast"])
def test_dead_units_are_those_of_the_oracle(implementation):
    layer = built(layers.UnitaryRNN(4, return_sequences=True, implementation=implementation, dtype="float64"))
    weights = layer.get_weights()
    weights[-1] = np.array([-3.0, -0.5, -1.5, 0.5])
    layer.set_weights(weights)
    x, h = normal(1, 3, 5, 2), normal(2, 3, 8)
    result = flat(layer(x, initial_state=[h], training=True))[0]

    def of(**wrong):
        step = memory_cells.partial(memory_cells.unitary_rnn, weights=weights, **wrong)
        return loop.run(step, x, [h])[0]

    assert 0.1 < (result == 0).mean() < 0.9
    assert distance(result, of()) < 1e-12
    assert distance(result, of(phase=lambda z, b: z + b * z / np.abs(z))) > 0.1


def gradients(implementation, x, bias):
    layer = built(layers.UnitaryRNN(4, return_sequences=True, implementation=implementation, dtype="float64"))
    weights = layer.get_weights()
    weights[-1] = bias
    layer.set_weights(weights)
    return value_and_gradients(layer, x, [normal(2, 3, 8) * (x != 0).any()], training=True)


@pytest.mark.parametrize("bias", [[-3.0, -0.5, -1.5, 0.5], [2.0, 1.0, 0.5, 0.25]], ids=["dead", "alive"])
def test_the_adjoint_is_the_gradient_where_units_are_dead_and_where_all_is_zero(bias):
    for x in (normal(1, 3, 5, 2), np.zeros((3, 5, 2))):
        plain, fast = (gradients(kind, x, np.array(bias)) for kind in ("plain", "fast"))
        assert all(np.isfinite(g).all() for g in flat(plain))
        assert distance(plain, fast) < 1e-10


def test_the_permutation_is_part_of_the_configuration():
    cells = [layers.UnitaryRNNCell(9, permutation_seed=seed) for seed in (0, 0, 3)]
    orders = [cell.permutation.tolist() for cell in cells]
    assert orders[0] == orders[1] == [7, 2, 1, 4, 8, 6, 3, 0, 5]  # in every version of NumPy
    assert orders[2] != orders[0]
    with pytest.raises(ValueError, match="`permutation_seed`"):
        layers.UnitaryRNNCell(9, permutation_seed=-1)


# ---------------------------------------------------------------------------- the others


@pytest.mark.parametrize("units", [1, 4, 7])
def test_the_moduli_of_the_eigenvalues_are_gamma(units):
    layer = built(layers.NonNormalRNN(units, dtype="float64"))
    U, gamma = recurrent_matrix(layer), np.abs(ops.convert_to_numpy(layer.cell.gamma))
    expected = np.sort(np.repeat(gamma, 2)[:units])
    assert distance(np.sort(np.abs(np.linalg.eigvals(U))), expected) < 1e-8
    if units > 1:
        assert distance(U @ U.T, U.T @ U) > 0.1  # not normal


def test_at_first_it_is_orthogonal():
    layer = layers.NonNormalRNN(7, dtype="float64")
    layer.build((None, None, 2))
    U = recurrent_matrix(layer)
    assert distance(U.T @ U, np.eye(7)) < 1e-12
    assert distance(U, np.eye(7)) > 0.1


def test_the_eigenvalues_of_an_antisymmetric_recurrence_have_one_real_part():
    layer = built(layers.AntisymmetricRNN(6, gamma=0.25, dtype="float64"))
    values = np.linalg.eigvals(recurrent_matrix(layer))
    assert np.allclose(values.real, -0.25)
    assert np.abs(values.imag).max() > 0.5


@pytest.mark.parametrize("wrong", [{"epsilon": 0.0}, {"epsilon": -1.0}, {"gamma": -0.1}])
def test_steps_of_a_wrong_size(wrong):
    with pytest.raises(ValueError, match="`epsilon` must be positive and `gamma` at least 0"):
        layers.AntisymmetricRNNCell(4, **wrong)
