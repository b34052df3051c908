"""S5: where it starts, that it is the state space in continuous time, and is sound near Lambda = 0."""

import keras
import numpy as np
import pytest
from scipy.signal import cont2discrete

from keras_rnn.layers import S5, S5Cell
from tests.contracts.arrays import BATCH, EXACT, FEATURES, TIME, UNITS, distance, flat, normal
from tests.contracts.backend import value_and_gradients

STATES = 6
WHOLE = {"return_sequences": True, "return_state": True}


def started(units=2, features=2, **options):
    """The first weights by their names."""
    keras.utils.set_random_seed(1)
    cell = S5Cell(units, **options)
    cell.build((None, features))
    return {w.name: flat(w)[0] for w in cell.weights}


def hippo_normal(size):
    """HiPPO-LegS, entry by entry, and P P^T, which makes it normal."""
    A = np.zeros((size, size))
    for n in range(size):
        for k in range(n):
            A[n, k] = -np.sqrt((2 * n + 1) * (2 * k + 1))
        A[n, n] = -(n + 1)
    P = np.sqrt(np.arange(size) + 0.5)
    return A + np.outer(P, P)


# ---------------------------------------------------------------------------- at the start


@pytest.mark.parametrize("blocks", [1, 2, 6])
def test_eigenvalues_are_those_of_the_normal_part_of_hippo(blocks):
    w = started(state_units=STATES, blocks=blocks, dtype="float64")
    Lambda = -np.exp(w["nu"]) + 1j * w["omega"]
    assert (w["omega"] > 0).all()  # one of each pair
    found = np.sort_complex(np.concatenate([Lambda, Lambda.conj()]).round(9))
    of_a_block = np.linalg.eigvals(hippo_normal(2 * STATES // blocks))
    assert np.abs(found - np.sort_complex(np.tile(of_a_block, blocks).round(9))).max() < 1e-8


@pytest.mark.parametrize("steps", [{}, {"dt_min": 0.5, "dt_max": 2.0}])
def test_steps_are_uniform_on_a_logarithmic_scale(steps):
    w = started(state_units=20_000, blocks=20_000, **steps)
    low, high = np.log(list(({"dt_min": 0.001, "dt_max": 0.1} | steps).values()))
    share = (np.sort(w["log_Delta"]) - low) / (high - low)
    assert np.abs(share - np.linspace(0, 1, len(share))).max() < 0.02  # beyond 0.014 once in a thousand draws


@pytest.mark.parametrize(("features", "D"), [(200, 1 / 200), (300, 1.0)])
def test_matrices_have_their_variance_and_are_all_different(features, D):
    w = started(units=300, state_units=100, features=features)
    variances = {"B_re": 0.5 / features, "B_im": 0.5 / features, "C_re": 1 / 400, "C_im": 1 / 400, "D": D}
    for name, variance in variances.items():
        assert abs(w[name].var() / variance - 1) < (0.05 if w[name].ndim == 2 else 0.3)
    for matrix in "BC":
        assert abs(np.corrcoef(w[f"{matrix}_re"].ravel(), w[f"{matrix}_im"].ravel())[0, 1]) < 0.03


# ---------------------------------------------------------------------------- the state space


@pytest.mark.parametrize("features", [FEATURES, UNITS])
@pytest.mark.parametrize("implementation", ["parallel", "plain"])
def test_it_is_the_real_state_space_of_twice_the_states_held_over_each_step(features, implementation):
    layer = S5(UNITS, state_units=STATES, implementation=implementation, dtype="float64", **WHOLE)
    layer.build((None, None, features))
    weights = [normal([3, k], *w.shape) for k, w in enumerate(layer.get_weights())]
    layer.set_weights(weights)
    x, states = normal(1, BATCH, TIME, features), [normal([2, k], BATCH, STATES) for k in range(2)]
    y, *last = (flat(part)[0] for part in layer(x, initial_state=states))

    nu, omega, log_Delta, B_re, B_im, C_re, C_im, D = weights
    damped, turned = np.diag(-np.exp(nu)), np.diag(omega)
    # In units of its own step the time of each state runs Delta times as fast.
    pace = np.exp(np.tile(log_Delta, 2))[:, None]
    A = pace * np.block([[damped, -turned], [turned, damped]])
    B = pace * np.concatenate([B_re, B_im], axis=1).T
    C = np.concatenate([2 * C_re, -2 * C_im]).T
    D = np.diag(D) if D.ndim == 1 else D.T
    A, B, *_ = cont2discrete((A, B, C, D), 1.0, method="zoh")
    h = np.concatenate(states, axis=1)
    for t in range(TIME):
        h = h @ A.T + x[:, t] @ B.T
        assert distance(y[:, t], h @ C.T + x[:, t] @ D.T) < EXACT
    assert distance(last, np.split(h, 2, axis=1)) < EXACT


def test_no_weight_makes_the_state_grow():
    cell = S5Cell(2, state_units=9, dtype="float64")
    cell.build((None, 2))
    cell.nu.assign(np.linspace(-20, 20, 9))
    assert (np.hypot(*flat(cell.get_constants(1)["a"])) < 1).all()


# ---------------------------------------------------------------------------- near zero


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-12), ("float32", 2e-5)])
def test_the_factor_of_the_input_is_exact_however_small_its_exponent(dtype, error):
    """(exp(z) - 1) / Lambda = Delta (exp(z) - 1) / z, for |z| from 1e-36 to 30."""
    size = np.tile(np.logspace(-36, 1.5, 76), 3)
    part = np.repeat([0.0, 0.6, 1.0], 76)  # how much of z is imaginary
    nu, omega, log_Delta = np.log(np.sqrt(1 - part**2) * size + 1e-40), part * size, normal(1, len(size))
    cell = S5Cell(2, state_units=len(size), dtype=dtype)
    cell.build((None, 2))
    weights = [w.astype(dtype) for w in (nu, omega, log_Delta)]
    for weight, value in zip((cell.nu, cell.omega, cell.log_Delta), weights):
        weight.assign(value)
    nu, omega, log_Delta = (w.astype("float64") for w in weights)
    z = (-np.exp(nu) + 1j * omega) * np.exp(log_Delta)
    expected = np.exp(log_Delta) * np.expm1(z) / z
    real, imaginary = flat(cell.get_constants(1)["gamma"])
    assert (np.abs(real + 1j * imaginary - expected) < error * np.abs(expected)).all()


def test_gradients_are_sound_where_lambda_vanishes():
    nu = [-200.0, -200, -50, -30, -7, -6, -5, 0, 3]
    omega = [0.0, 1e-30, 1e-20, 1e-10, 1e-3, 8e-3, 2e-2, 1, 9]
    found = []
    for dtype in ("float64", "float32"):
        layer = S5(2, state_units=len(nu), dtype=dtype, **WHOLE)
        layer.build((None, None, 2))
        first = [nu, omega, 0.1 * normal(0, len(nu))]
        rest = [normal([4, k], *w.shape) for k, w in enumerate(layer.get_weights()[3:])]
        layer.set_weights([np.asarray(w, "float32").astype(dtype) for w in [*first, *rest]])
        x, states = normal(1, 2, 4, 2), [normal([2, k], 2, len(nu)) for k in range(2)]
        x, *states = (a.astype("float32").astype(dtype) for a in (x, *states))
        found.append(flat(value_and_gradients(layer, x, states)))
    for exact, single in zip(*found, strict=True):
        assert np.isfinite(single).all()
        assert distance(exact, single) < 1e-4 * max(1, np.abs(exact).max())


# ---------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be a positive integer; received units=0"),
        ({"state_units": 2.5}, r"`state_units` must be a positive integer; received state_units=2\.5"),
        ({"blocks": 0}, "`blocks` must be a positive integer; received blocks=0"),
        ({"blocks": 2}, "`blocks` must divide the 3 complex units of the state; received blocks=2"),
        ({"dt_min": 0}, r"0 < dt_min <= dt_max; received dt_min=0, dt_max=0\.1"),
        ({"dt_min": 0.5}, r"0 < dt_min <= dt_max; received dt_min=0\.5, dt_max=0\.1"),
    ],
)
def test_it_refuses_what_is_no_state_space(arguments, message):
    with pytest.raises(ValueError, match=message):
        S5Cell(**{"units": 3, **arguments})


def test_features_must_be_known():
    with pytest.raises(ValueError, match=r"The last dimension .* must be known; received shape \(2, None\)"):
        S5Cell(3).build((2, None))
