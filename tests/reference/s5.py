"""The S5 state space, one time step, as `cells.py` writes it; its mutants join those of `family_mutants.py`.

Weights in order (u units, d features, n complex states):

    nu, omega and log_Delta (n,), B_re (d, n), B_im (d, n), C_re (n, u), C_im (n, u), D (d, u) or (u,)

The parts of a step that a mutant replaces are arguments with the right ones for defaults.
"""

from functools import partial

import numpy as np

from tests.reference.cells import doubles
from tests.reference.common_bugs import nothing, reshaped
from tests.reference.family_mutants import MUTANTS, parts, twice
from tests.reference.memory_cells import on_weights
from tests.reference.mutants import on_result

NAMES = ["nu", "omega", "log_Delta", "B_re", "B_im", "C_re", "C_im", "D"]


def s5(
    x,
    states,
    weights,
    Lambda=lambda nu, omega: -np.exp(nu) + 1j * omega,
    Delta=np.exp,
    decay=lambda L, dt: np.exp(L * dt),
    gamma=lambda L, dt, A: (A - 1) / L,
    new_h=lambda h, A, b: A * h + b,
    read=lambda old, h: h,
    shown=lambda h, C: 2 * np.real(h @ C),
    output=lambda y, direct: y + direct,
):
    """h' = A h + (A - 1) / Lambda (x B) in complex numbers, y = 2 Re(h' C) + D x, A = exp(Lambda Delta)."""
    x, h_real, h_imag = doubles([x, *states[:2]])
    nu, omega, log_Delta, B_re, B_im, C_re, C_im, D = doubles(weights)

    L, dt = Lambda(nu, omega), Delta(log_Delta)
    A = decay(L, dt)
    old = h_real + 1j * h_imag
    h = new_h(old, A, gamma(L, dt, A) * (x @ (B_re + 1j * B_im)))
    y = output(shown(read(old, h), C_re + 1j * C_im), x @ D if D.ndim == 2 else x * D)
    return y, [np.real(h), np.imag(h)]


def exchanged(one, other):
    """The true step with two weights of one shape in each other's place."""
    order = list(range(len(NAMES)))
    j, k = NAMES.index(one), NAMES.index(other)
    order[j], order[k] = k, j
    return lambda x, states, weights: s5(x, states, [weights[i] for i in order])


edited, result = partial(on_weights, s5, NAMES), partial(on_result, s5)
MUTANTS[s5] = {
    **{f"{key} omitted": edited(**{key: nothing}) for key in NAMES},
    **{f"{key} reshaped": edited(**{key: reshaped}) for key in NAMES[3:]},
    **{
        f"{one} and {other} exchanged": exchanged(one, other)
        for one, other in (
            ("nu", "omega"),
            ("nu", "log_Delta"),
            ("omega", "log_Delta"),
            ("B_re", "B_im"),
            ("C_re", "C_im"),
        )
    },
    "B conjugate": edited(B_im=np.negative),
    "C conjugate": edited(C_im=np.negative),
    "states not carried": result(lambda out, new, old: (out, old)),
    "real part not carried": result(lambda out, new, old: (out, [old[0], new[1]])),
    "imaginary part not carried": result(lambda out, new, old: (out, [new[0], old[1]])),
    "parts in the other order": result(lambda out, new, old: (out, new[::-1])),
    "parts read in the other order": lambda x, states, weights: s5(x, states[::-1], weights),
    "conjugate carried": result(lambda out, new, old: (out, [new[0], -new[1]])),
    "new state in place of old": twice(s5),
} | parts(
    s5,
    Lambda={
        "of the other sign": lambda nu, omega: np.exp(nu) + 1j * omega,
        "real part is nu": lambda nu, omega: nu + 1j * omega,
        "real part is -nu": lambda nu, omega: -nu + 1j * omega,
        "softplus": lambda nu, omega: -np.log1p(np.exp(nu)) + 1j * omega,
        "conjugate": lambda nu, omega: -np.exp(nu) - 1j * omega,
        "exponential frequency": lambda nu, omega: -np.exp(nu) + 1j * np.exp(omega),
        "frequency in turns": lambda nu, omega: -np.exp(nu) + 2j * np.pi * omega,
        "real": lambda nu, omega: -np.exp(nu) + 0j * omega,
    },
    Delta={
        "its logarithm": lambda log_Delta: log_Delta,
        "softplus": lambda log_Delta: np.log1p(np.exp(log_Delta)),
        "inverse": lambda log_Delta: np.exp(-log_Delta),
        "one for all": lambda log_Delta: np.full_like(log_Delta, np.exp(log_Delta[0])),
    },
    decay={
        "without Delta": lambda L, dt: np.exp(L),
        "Lambda": lambda L, dt: L,
        "Euler": lambda L, dt: 1 + L * dt,
        "bilinear": lambda L, dt: (1 + L * dt / 2) / (1 - L * dt / 2),
        "real": lambda L, dt: np.exp((L * dt).real),
        "modulus missing": lambda L, dt: np.exp(1j * (L * dt).imag),
    },
    gamma={
        "missing": lambda L, dt, A: 1,
        "Euler": lambda L, dt, A: dt,
        "bilinear": lambda L, dt, A: dt / (1 - L * dt / 2),
        "times Delta": lambda L, dt, A: dt * (A - 1) / L,
        "over Lambda Delta": lambda L, dt, A: (A - 1) / (L * dt),
        "not divided": lambda L, dt, A: A - 1,
        "multiplied": lambda L, dt, A: (A - 1) * L,
        "of the other sign": lambda L, dt, A: (1 - A) / L,
        "A": lambda L, dt, A: A / L,
        "conjugate": lambda L, dt, A: np.conj((A - 1) / L),
        "real": lambda L, dt, A: ((A - 1) / L).real,
        "that of an LRU": lambda L, dt, A: np.sqrt(1 - np.abs(A) ** 2),
    },
    new_h={
        "old state dropped": lambda h, A, b: b,
        "decay missing": lambda h, A, b: h + b,
        "decay on the sum": lambda h, A, b: A * (h + b),
        "input dropped": lambda h, A, b: A * h,
        "conjugate state": lambda h, A, b: A * h.conj() + b,
        "made real": lambda h, A, b: (A * h + b).real + 0j,
        "activated": lambda h, A, b: np.tanh((A * h + b).real) + 1j * np.tanh((A * h + b).imag),
    },
    read={"old state": lambda old, h: old, "both states": lambda old, h: old + h},
    shown={
        "not doubled": lambda h, C: np.real(h @ C),
        "imaginary part": lambda h, C: 2 * np.imag(h @ C),
        "sign": lambda h, C: 2 * (h.real @ C.real + h.imag @ C.imag),
        "real part of the state alone": lambda h, C: 2 * h.real @ C.real,
        "modulus": lambda h, C: 2 * np.abs(h @ C),
    },
    output={
        "D subtracted": lambda y, direct: y - direct,
        "D twice": lambda y, direct: y + 2 * direct,
        "D alone": lambda y, direct: direct,
        "activated": lambda y, direct: np.tanh(y + direct),
    },
)
