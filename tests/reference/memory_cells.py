"""Cells whose recurrence keeps norms, one time step each, and wrong versions of them.

Weights in order, the bias left out where there is none (u units, d features, m = u / 2):

    unitary_rnn        V (d, 2u), phases (3, u), reflections (2, 2u), b (u,); the state is (Re h, Im h)
    non_normal_rnn     W (d, u), A (u, u), gamma (m,), theta (m,), T (u, u), b (u,)
    antisymmetric_rnn  W (d, u), U (u, u), b (u,); gated W (d, 2u), U (u, u), b (2u,), columns z h

`activation="mod_relu"` of the last two reads its bias from the last weight.
"""

from functools import partial

import numpy as np

from tests.reference.cells import ACTIVATIONS, doubles, sigmoid


def mod_relu(z, b):
    """z with its modulus |z| replaced by max(|z| + b, 0), real or complex, entry by entry; 0 at 0."""
    modulus = np.abs(z)
    phase = np.divide(z, modulus, out=np.zeros_like(z), where=modulus > 0)
    return np.maximum(modulus + b, 0.0) * phase


def as_complex(row):
    real, imaginary = np.split(row, 2, axis=-1)
    return real + 1j * imaginary


# ---------------------------------------------------------------------------- unitary_rnn


def unitary_factors(phases, reflections, permutation):
    """D_1, F, R_1, P, D_2, F^-1, R_2, D_3 as matrices of columns, in the order in which they act."""
    n = len(permutation)
    j = np.arange(n)
    F = np.exp(-2j * np.pi * np.outer(j, j) / n) / np.sqrt(n)
    D = [np.diag(np.exp(1j * phase)) for phase in phases]
    R = []
    for v in as_complex(reflections):
        R.append(np.eye(n) - 2 * np.outer(v, v.conj()) / np.vdot(v, v).real)
    P = np.eye(n)[permutation]
    return [D[0], F, R[0], P, D[1], F.conj().T, R[1], D[2]]


def unitary_rnn(x, states, weights, factors=lambda f: f, phase=mod_relu, shown=lambda h: h):
    """h' = modReLU(W h + V x), W = D_3 R_2 F^-1 D_2 P R_1 F D_1, in complex numbers and columns."""
    x, h = doubles([x, states[0]])
    V, phases, reflections, b = doubles(weights)
    W = np.eye(len(b))
    for factor in factors(unitary_factors(phases, reflections, np.random.RandomState(0).permutation(len(b)))):
        W = factor @ W
    h = np.stack([phase(W @ row + as_complex(V).T @ x_row, b) for row, x_row in zip(as_complex(h), x)])
    h = shown(h)
    h = np.concatenate([h.real, h.imag], axis=-1)
    return h, [h]


def without(k):
    return lambda f: [*f[:k], *f[k + 1 :]]


def exchanged(j, k):
    def edit(f):
        f = list(f)
        f[j], f[k] = f[k], f[j]
        return f

    return edit


def changed(k, change):
    return lambda f: [*f[:k], change(f[k]), *f[k + 1 :]]


def on_each_part(z, b):
    return mod_relu(z.real, b) + 1j * mod_relu(z.imag, b)


NAMES = ["D_1", "F", "R_1", "P", "D_2", "inverse F", "R_2", "D_3"]
UNITARY_MUTANTS = {
    **{f"{name} missing": {"factors": without(k)} for k, name in enumerate(NAMES)},
    **{f"{name} transposed": {"factors": changed(k, np.transpose)} for k, name in enumerate(NAMES[2:4], 2)},
    **{
        f"{NAMES[j]} and {NAMES[k]} exchanged": {"factors": exchanged(j, k)}
        for j, k in ((0, 4), (0, 7), (4, 7), (2, 6), (1, 5), (2, 3), (3, 4))
    },
    "in the other order": {"factors": lambda f: f[::-1]},
    "conjugate": {"factors": lambda f: [a.conj() for a in f]},
    "inverse": {"factors": lambda f: [a.conj().T for a in f[::-1]]},
    "F not scaled back": {"factors": changed(5, lambda F: F * len(F))},
    "half a reflection": {"factors": changed(2, lambda R: (R + np.eye(len(R))) / 2)},
    "reflection that projects on v": {"factors": changed(6, lambda R: np.eye(len(R)) - R)},
    "bias of the other sign": {"phase": lambda z, b: mod_relu(z, -b)},
    "bias missing": {"phase": lambda z, b: z},
    "each part rectified alone": {"phase": on_each_part},
    "modulus alone": {"phase": lambda z, b: np.maximum(np.abs(z) + b, 0.0) + 0j},
    "dead zone alone": {"phase": lambda z, b: np.where(np.abs(z) + b > 0, z, 0)},
    "conjugate state": {"shown": np.conj},
    "parts in the other order": {"shown": lambda h: h.imag + 1j * h.real},
}

# ---------------------------------------------------------------------------- non_normal_rnn


def exp_skew(S):
    """exp of a real skew-symmetric matrix: i S is Hermitian."""
    values, vectors = np.linalg.eigh(1j * S)
    return ((vectors * np.exp(-1j * values)) @ vectors.conj().T).real


def schur(A, gamma, theta, T):
    """P and Lambda + T, entry by entry."""
    n = len(A)
    form = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            k, g, t = i // 2, gamma[i // 2], theta[i // 2] if i // 2 < len(theta) else 0.0
            if i == j:
                form[i, j] = g * np.cos(t)
            elif k == j // 2:
                form[i, j] = g * np.sin(t) * (1 if i > j else -1)
            elif i > j:
                form[i, j] = T[i, j]
    return exp_skew(A - A.T), form


def non_normal_rnn(x, states, weights, activation="tanh", recurrent=lambda P, form: P @ form @ P.T):
    """h' = act(x W + h P (Lambda + T) P^T + b)"""
    x, h = doubles([x, states[0]])
    W, A, gamma, theta, T, *rest = doubles(weights)
    b, act = bias_and_activation(rest, activation, len(A))
    h = act(x @ W + h @ recurrent(*schur(A, gamma, theta, T)) + b)
    return h, [h]


def bias_and_activation(rest, activation, size):
    if activation == "mod_relu":
        return rest[0], partial(mod_relu, b=rest[1])
    return (rest[0] if rest else np.zeros(size)), ACTIVATIONS[activation]


def on_weights(step, names, **edits):
    def mutant(x, states, weights, **options):
        weights = [edits[k](w) if k in edits else w for k, w in zip(names, doubles(weights))]
        return step(x, states, weights, **options)

    return mutant


def nothing(a):
    return 0.0 * a


edited = partial(on_weights, non_normal_rnn, ["W", "A", "gamma", "theta", "T", "b"])
NON_NORMAL_MUTANTS = {
    **{f"{key} omitted": edited(**{key: nothing}) for key in ("W", "A", "gamma", "theta", "T", "b")},
    "gamma one": edited(gamma=np.ones_like),
    "gamma by its exponential": edited(gamma=np.exp),
    "theta of the other sign": edited(theta=np.negative),
    "A of the other sign": edited(A=np.negative),
    "half of A": edited(A=lambda A: A / 2),
    "A's lower half alone": edited(A=np.tril),
    "T above the blocks": edited(T=np.transpose),
    "relu": partial(non_normal_rnn, activation="relu"),
    "linear": partial(non_normal_rnn, activation="linear"),
    **{
        name: partial(non_normal_rnn, recurrent=recurrent)
        for name, recurrent in {
            "transposed": lambda P, form: P @ form.T @ P.T,
            "P and its inverse exchanged": lambda P, form: P.T @ form @ P,
            "P on one side": lambda P, form: P @ form,
            "no P": lambda P, form: form,
            "orthogonal alone": lambda P, form: P,
            "diagonal alone": lambda P, form: P @ np.diag(np.diag(form)) @ P.T,
        }.items()
    },
}

# ---------------------------------------------------------------------------- antisymmetric_rnn

EPSILON, GAMMA = 0.75, 0.25


def antisymmetric_rnn(
    x,
    states,
    weights,
    activation="tanh",
    gated=False,
    matrix=lambda U: U - U.T - GAMMA * np.eye(len(U)),
    step=lambda h, change: h + EPSILON * change,
    gate=lambda z, a, hM, act: sigmoid(z + hM) * act(a + hM),
):
    """h' = h + epsilon act(x W + h (U - U^T - gamma I) + b), or times a gate with the same matrix."""
    x, h = doubles([x, states[0]])
    W, U, *rest = doubles(weights)
    b, act = bias_and_activation(rest, activation, W.shape[1])
    hM = h @ matrix(U)
    a = x @ W + b
    h = step(h, gate(*np.split(a, 2, axis=-1), hM, act) if gated else act(a + hM))
    return h, [h]


def with_options(**options):
    return partial(antisymmetric_rnn, **options)


edited = partial(on_weights, antisymmetric_rnn, ["W", "U", "b"])
ANTISYMMETRIC_MUTANTS = {
    **{f"{key} omitted": edited(**{key: nothing}) for key in ("W", "U", "b")},
    "transposed": edited(U=np.transpose),
    "bias added twice": edited(b=lambda b: 2 * b),
    "not antisymmetric": with_options(matrix=lambda U: U - GAMMA * np.eye(len(U))),
    "symmetric": with_options(matrix=lambda U: U + U.T - GAMMA * np.eye(len(U))),
    "half": with_options(matrix=lambda U: (U - U.T) / 2 - GAMMA * np.eye(len(U))),
    "upper half alone": with_options(matrix=lambda U: np.triu(U) - np.triu(U).T - GAMMA * np.eye(len(U))),
    "no diffusion": with_options(matrix=lambda U: U - U.T),
    "diffusion of the other sign": with_options(matrix=lambda U: U - U.T + GAMMA * np.eye(len(U))),
    "diffusion everywhere": with_options(matrix=lambda U: U - U.T - GAMMA),
    "old state dropped": with_options(step=lambda h, change: EPSILON * change),
    "whole step": with_options(step=lambda h, change: h + change),
    "step taken back": with_options(step=lambda h, change: h - EPSILON * change),
    "interpolated": with_options(step=lambda h, change: (1 - EPSILON) * h + EPSILON * change),
    "linear": with_options(activation="linear"),
    "relu": with_options(activation="relu"),
}


def swap_gates(a):
    return np.roll(a, a.shape[-1] // 2, axis=-1)


GATED_MUTANTS = {
    "gates swapped": edited(W=swap_gates, b=swap_gates),
    "gates of W swapped": edited(W=swap_gates),
    "gates of b swapped": edited(b=swap_gates),
    **{
        name: with_options(gate=gate)
        for name, gate in {
            "gate without state": lambda z, a, hM, act: sigmoid(z) * act(a + hM),
            "candidate without state": lambda z, a, hM, act: sigmoid(z + hM) * act(a),
            "gate missing": lambda z, a, hM, act: act(a + hM),
            "gate of tanh": lambda z, a, hM, act: np.tanh(z + hM) * act(a + hM),
            "gate inside": lambda z, a, hM, act: act(sigmoid(z + hM) * (a + hM)),
            "gate on the state": lambda z, a, hM, act: act(a + sigmoid(z + hM) * hM),
            "complement": lambda z, a, hM, act: (1 - sigmoid(z + hM)) * act(a + hM),
        }.items()
    },
}
