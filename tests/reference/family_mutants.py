"""Wrong versions of the oracles of `family_cells.py`: MUTANTS[oracle][mutant] is called as the oracle is.

All of them show with a bias, at the sizes and with the options of `family_rows.py`.
"""

from functools import partial
from itertools import combinations

import numpy as np

from tests.reference import family_cells as cells
from tests.reference.cells import relu, sigmoid
from tests.reference.common_bugs import nothing, reshaped, transposed_blocks
from tests.reference.family_cells import EPSILON, LEAKY, LEAVES, PAIRS
from tests.reference.gated_cells import layer_norm
from tests.reference.memory_cells import on_weights
from tests.reference.mutants import interleave_gates, on_result, swapped, take_gates

#: Of each oracle the names of its weights, its blocks of columns, and how many of them have a bias.
CELLS = {
    cells.coupled_lstm: ("W U b", "ico", 3),
    cells.layer_norm_gru: ("W U gx gh b", "zrh", 3),
    cells.layer_norm_rnn: ("W U g b", "h", 1),
    cells.mgu: ("W U b", "fh", 2),
    cells.ind_rnn: ("W U b", "h", 1),
    cells.multiplicative_lstm: ("W U b", "ifcom", 4),
    cells.projection_lstm: ("W U P b", "ifco", 4),
    cells.nas: ("W U b", "01234567", 8),
    cells.sru: ("W b", "frcx", 2),
    cells.qrnn: ("W b", "zfo", 3),
    cells.rg_lru: ("W b L", "rix", 2),
    cells.echo_state: ("W U b", "h", 1),
}
#: Those with the states h and c, of one size.
TWO_STATES = (cells.coupled_lstm, cells.multiplicative_lstm, cells.nas)


def twice(step):
    """The states are overwritten before they are read."""
    return lambda x, states, weights: step(x, step(x, states, weights)[1], weights)


def swapped_blocks(edited, names, gates, biased):
    """Two blocks exchanged: in all weights, as in those of a library with another order, or in one alone."""
    found = {}
    blocks = {"W": len(gates), "U": len(gates), "gx": len(gates), "gh": len(gates), "b": biased}
    for j, k in combinations(range(len(gates)), 2):
        edits = {
            key: partial(take_gates, order=swapped(n, j, k))
            for key, n in blocks.items()
            if key in names and k < n
        }
        pair = f"{gates[j]} and {gates[k]} swapped"
        found[pair] = edited(**edits)
        found |= {f"{pair} in {key}": edited(**{key: edit}) for key, edit in edits.items()}
    return found


def general(step):
    """The bugs that any cell could have."""
    names, gates, biased = CELLS[step]
    names = names.split()
    edited, result = partial(on_weights, step, names), partial(on_result, step)
    found = {
        **{f"{key} omitted": edited(**{key: nothing}) for key in names},
        "kernel reshaped": edited(W=lambda W: W.reshape(-1, W.shape[-1]).T.reshape(W.shape)),
        "bias added twice": edited(b=lambda b: 2.0 * b),
        "states not carried": result(lambda out, new, old: (out, old)),
        "new state in place of old": twice(step),
        "output activated": result(lambda out, new, old: (np.tanh(out), new)),
        "output of the step before": result(lambda out, new, old: (old[0], new)),
        "old state added to output": result(lambda out, new, old: (out + old[0], new)),
    }
    if "U" in names and step is not cells.ind_rnn:
        square = step is not cells.projection_lstm
        turned = partial(transposed_blocks, gates=len(gates)) if square else reshaped
        found["recurrent kernel transposed"] = edited(U=turned)
    if len(gates) > 1:
        found |= swapped_blocks(edited, names, gates, biased)
        found["kernel interleaved"] = edited(W=partial(interleave_gates, gates=len(gates)))
    if step in TWO_STATES:
        found |= {
            "h not carried": result(lambda out, new, old: (out, [old[0], new[1]])),
            "c not carried": result(lambda out, new, old: (out, [new[0], old[1]])),
            "states returned c h": result(lambda out, new, old: (out, new[::-1])),
            "states read c h": lambda x, states, weights: step(x, states[::-1], weights),
            "c shown": result(lambda out, new, old: (new[1], new)),
        }
    return found


def parts(step, **wrong):
    """{"a part: what is wrong": the step with that part}, of {part: {what is wrong: function}}."""
    return {
        f"{part}: {name}": partial(step, **{part: function})
        for part, functions in wrong.items()
        for name, function in functions.items()
    }


#: Of any LSTM: what becomes of c, and of h.
SHOWN = {
    "not gated": lambda c, old_c, o, act: act(c),
    "not activated": lambda c, old_c, o, act: o * c,
    "activated by the gate's function": lambda c, old_c, o, act: o * sigmoid(c),
    "gated before it is activated": lambda c, old_c, o, act: act(o * c),
    "of the old c": lambda c, old_c, o, act: o * act(old_c),
}
NEW_C = {
    "old c dropped": lambda c, i, f, g, o: i * g,
    "forget gate missing": lambda c, i, f, g, o: c + i * g,
    "forget gate inverted": lambda c, i, f, g, o: (1 - f) * c + i * g,
    "input gate missing": lambda c, i, f, g, o: f * c + g,
    "gates coupled": lambda c, i, f, g, o: f * c + (1 - f) * g,
    "coupled the other way": lambda c, i, f, g, o: (1 - i) * c + i * g,
    "forget gate on the sum": lambda c, i, f, g, o: f * (c + i * g),
    "output gate on c": lambda c, i, f, g, o: o * (f * c + i * g),
    "activated": lambda c, i, f, g, o: np.tanh(f * c + i * g),
}
FUNCTIONS = {"act": {"linear": lambda a: a, "sigmoid": sigmoid, "relu": relu}, "s": {"tanh": np.tanh}}


def changed(items, k, new):
    return [*items[:k], new, *items[k + 1 :]]


def tree_mutants(items):
    """One node of the tree with the other operation, or with another function."""
    other = {"sum": "product", "product": "sum"}
    found = {}
    for k, (join, function) in enumerate(items):
        found[f"{k} a {other[join]}"] = changed(items, k, (other[join], function))
        for name, wrong in (("tanh", np.tanh), ("sigmoid", sigmoid), ("relu", relu)):
            if wrong is not function:
                found[f"{k} of {name}"] = changed(items, k, (join, wrong))
    return found


MUTANTS = {step: general(step) for step in CELLS}
MUTANTS[cells.coupled_lstm] |= parts(
    cells.coupled_lstm,
    **FUNCTIONS,
    new_h=SHOWN,
    new_c={
        "the other way": lambda c, i, g, o: i * c + (1 - i) * g,
        "not coupled": lambda c, i, g, o: c + i * g,
        "input gate missing": lambda c, i, g, o: (1 - i) * c + g,
        "old c dropped": lambda c, i, g, o: i * g,
        "coupled to the output gate": lambda c, i, g, o: (1 - o) * c + i * g,
        "one gate on both": lambda c, i, g, o: i * (c + g),
        "activated": lambda c, i, g, o: np.tanh((1 - i) * c + i * g),
    },
)
MUTANTS[cells.layer_norm_gru] |= parts(
    cells.layer_norm_gru,
    **FUNCTIONS,
    norm={
        "missing": lambda a, gain, epsilon: gain * a,
        "not centred": lambda a, gain, epsilon: gain * a / np.sqrt(a.var(-1, keepdims=True) + epsilon),
        "not scaled": lambda a, gain, epsilon: gain * (a - a.mean(-1, keepdims=True)),
        "epsilon outside": lambda a, gain, epsilon: layer_norm(a, gain, 0) * (1 - epsilon),
        "epsilon missing": lambda a, gain, epsilon: layer_norm(a, gain, 0),
        "epsilon 1e-5": lambda a, gain, epsilon: layer_norm(a, gain, 1e-5),
        "over the batch": lambda a, gain, epsilon: layer_norm(a.T, 1, epsilon).T * gain,
        "unbiased": lambda a, gain, epsilon: layer_norm(a, gain, epsilon) * np.sqrt(3 / 4),
    },
    norm_gates={
        "missing": lambda a, gain, epsilon: gain * a,
        "each gate by itself": lambda a, gain, epsilon: (
            np.concatenate([layer_norm(part, 1, epsilon) for part in np.split(a, 2, axis=-1)], axis=-1) * gain
        ),
    },
    candidate={
        "reset before the product's bias": lambda x_h, r, h_h, b: x_h + r * h_h + b,
        "reset missing": lambda x_h, r, h_h, b: x_h + h_h + b,
        "reset on the sum": lambda x_h, r, h_h, b: r * (x_h + h_h + b),
        "reset inverted": lambda x_h, r, h_h, b: x_h + (1 - r) * (h_h + b),
        "without state": lambda x_h, r, h_h, b: x_h,
        "without input": lambda x_h, r, h_h, b: r * (h_h + b),
        "normalized again": lambda x_h, r, h_h, b: layer_norm(x_h + r * (h_h + b), 1, EPSILON),
    },
    new_h={
        "the paper's z": lambda h, z, g: (1 - z) * h + z * g,
        "gate missing": lambda h, z, g: h + g,
        "old h dropped": lambda h, z, g: (1 - z) * g,
        "normalized": lambda h, z, g: layer_norm(z * h + (1 - z) * g, 1, EPSILON),
    },
)
MUTANTS[cells.layer_norm_rnn] |= parts(
    cells.layer_norm_rnn,
    act=FUNCTIONS["act"],
    normed={
        "missing": lambda xW, hU, g: g * (xW + hU),
        "each product by itself": lambda xW, hU, g: layer_norm(xW, g, EPSILON) + layer_norm(hU, g, EPSILON),
        "the input alone": lambda xW, hU, g: layer_norm(xW, g, EPSILON) + hU,
        "the state alone": lambda xW, hU, g: xW + layer_norm(hU, g, EPSILON),
        "epsilon of tfa": lambda xW, hU, g: layer_norm(xW + hU, g, 1e-5),
        "not centred": lambda xW, hU, g: g * (xW + hU) / np.sqrt((xW + hU).var(-1, keepdims=True) + EPSILON),
        "over the batch": lambda xW, hU, g: layer_norm((xW + hU).T, 1, EPSILON).T * g,
    },
)
MUTANTS[cells.mgu] |= parts(
    cells.mgu,
    **FUNCTIONS,
    from_h={
        "gate after the product": lambda f, h, U: f * (h @ U),
        "gate missing": lambda f, h, U: h @ U,
        "gate inverted": lambda f, h, U: ((1 - f) * h) @ U,
        "dropped": lambda f, h, U: 0 * h,
    },
    new_h={
        "the other way": lambda h, f, g: f * h + (1 - f) * g,
        "gate missing": lambda h, f, g: h + g,
        "old h not scaled": lambda h, f, g: h + f * g,
        "candidate not scaled": lambda h, f, g: (1 - f) * h + g,
        "old h dropped": lambda h, f, g: f * g,
        "one gate on both": lambda h, f, g: f * (h + g),
    },
)
MUTANTS[cells.ind_rnn] |= parts(
    cells.ind_rnn,
    act=FUNCTIONS["act"],
    recurrent={
        "added": lambda h, u: h + u,
        "of the next unit": lambda h, u: np.roll(h, 1, axis=1) * u,
        "u of the next unit": lambda h, u: h * np.roll(u, 1),
        "all units together": lambda h, u: (h @ u)[:, None] + 0 * h,
        "modulus": lambda h, u: h * np.abs(u),
        "bounded": lambda h, u: h * np.clip(u, -1, 1),
    },
)
MUTANTS[cells.multiplicative_lstm] |= parts(
    cells.multiplicative_lstm,
    **FUNCTIONS,
    new_c=NEW_C,
    new_h=SHOWN,
    between={
        "sum": lambda x_m, h_m, h: x_m + h_m,
        "input missing": lambda x_m, h_m, h: h_m,
        "state missing": lambda x_m, h_m, h: x_m,
        "activated": lambda x_m, h_m, h: np.tanh(x_m * h_m),
        "state before its product": lambda x_m, h_m, h: x_m * h,
        "residual": lambda x_m, h_m, h: x_m * h_m + h,
    },
    read={
        "h": lambda m, h: (h, h, h, h),
        **{
            f"h in {'ifco'[k]}": lambda m, h, k=k: tuple(h if j == k else m for j in range(4))
            for k in range(4)
        },
    },
)
MUTANTS[cells.projection_lstm] |= parts(
    cells.projection_lstm,
    **FUNCTIONS,
    new_c=NEW_C,
    shown={
        "gated after the projection": lambda c, old_c, o, act, P: o[:, :1] * (act(c) @ P),
        "activated again": lambda c, old_c, o, act, P: act((o * act(c)) @ P),
        "activated after the projection": lambda c, old_c, o, act, P: act((o * c) @ P),
        "cut off": lambda c, old_c, o, act, P: (o * act(c))[:, : P.shape[1]],
        "reshaped": lambda c, old_c, o, act, P: (o * act(c)) @ reshaped(P).reshape(P.shape),
        **{name: lambda c, old_c, o, act, P, f=f: f(c, old_c, o, act) @ P for name, f in SHOWN.items()},
    },
)
MUTANTS[cells.nas] |= parts(
    cells.nas,
    leaves=tree_mutants(LEAVES),
    pairs=tree_mutants(PAIRS),
    b_before={"False": False},
    inject={
        "no": lambda first, c: first,
        "not activated": lambda first, c: first + c,
        "product": lambda first, c: np.tanh(first * c),
        "of the activated c": lambda first, c: np.tanh(first + np.tanh(c)),
    },
    new_c={
        "sum": lambda first, second, third, fourth: first + second,
        "activated": lambda first, second, third, fourth: np.tanh(first * second),
        "of the other half": lambda first, second, third, fourth: first * third,
        "of the last": lambda first, second, third, fourth: first * fourth,
    },
    new_h={
        "sum": lambda c, third, fourth: np.tanh(c + np.tanh(third + fourth)),
        "not activated": lambda c, third, fourth: c * np.tanh(third + fourth),
        "other half not activated": lambda c, third, fourth: np.tanh(c * (third + fourth)),
        "other half a product": lambda c, third, fourth: np.tanh(c * np.tanh(third * fourth)),
        "c activated": lambda c, third, fourth: np.tanh(np.tanh(c) * np.tanh(third + fourth)),
        "sigmoid": lambda c, third, fourth: sigmoid(c * np.tanh(third + fourth)),
    },
)
POOLING = {
    "the other way": lambda c, f, z: (1 - f) * c + f * z,
    "f-pooling without the complement": lambda c, f, z: f * c + z,
    "one gate on both": lambda c, f, z: f * (c + z),
    "gate missing": lambda c, f, z: c + z,
    "old c dropped": lambda c, f, z: (1 - f) * z,
}
MUTANTS[cells.sru] |= parts(
    cells.sru,
    s=FUNCTIONS["s"],
    g=FUNCTIONS["act"] | {"linear": lambda c: 2 * c, "tanh": np.tanh},
    new_c=POOLING | {"candidate activated": lambda c, f, z: f * c + (1 - f) * np.tanh(z)},
    shown={
        "without highway": lambda c, old_c, r, x, g: r * g(c),
        "highway the other way": lambda c, old_c, r, x, g: (1 - r) * g(c) + r * x,
        "highway not gated": lambda c, old_c, r, x, g: r * g(c) + x,
        "c not gated": lambda c, old_c, r, x, g: g(c) + (1 - r) * x,
        "old c": lambda c, old_c, r, x, g: r * g(old_c) + (1 - r) * x,
        "state": lambda c, old_c, r, x, g: c,
        "input alone": lambda c, old_c, r, x, g: (1 - r) * x,
    },
)
MUTANTS[cells.qrnn] |= parts(
    cells.qrnn,
    **FUNCTIONS,
    new_c=POOLING,
    window={
        "backwards": lambda x, past: [x, *past],
        "past backwards": lambda x, past: [*past, x],
        "without past": lambda x, past: [*(0 * p for p in past), x],
        "without the oldest": lambda x, past: [0 * x, *past[-2::-1], x],
        "the present alone": lambda x, past: [x] * (1 + len(past)),
        "one step late": lambda x, past: [*past[::-1], past[0]],
    },
    shift={
        "not shifted": lambda x, past: past,
        "all the present": lambda x, past: [x for _ in past],
        "backwards": lambda x, past: [*past[1:], x],
        "present forgotten": lambda x, past: [past[0], *past[:-1]],
    },
    shown={
        "not gated": lambda c, old_c, o: c,
        "activated": lambda c, old_c, o: o * np.tanh(c),
        "old c": lambda c, old_c, o: o * old_c,
    },
)
MUTANTS[cells.rg_lru] |= parts(
    cells.rg_lru,
    decay={
        "constant 1": lambda L, r: sigmoid(L) ** r,
        "gate missing": lambda L, r: sigmoid(L) ** 8 + 0 * r,
        "gate as a factor": lambda L, r: sigmoid(L) ** 8 * r,
        "of the other sign": lambda L, r: sigmoid(-L) ** (8 * r),
        "exponential": lambda L, r: np.exp(-8 * r * np.exp(L)),
        "gate inverted": lambda L, r: sigmoid(L) ** (8 * (1 - r)),
    },
    new_h={
        "root missing": lambda h, a, i, v: a * h + (1 - a**2) * i * v,
        "one minus a": lambda h, a, i, v: a * h + (1 - a) * i * v,
        "square missing": lambda h, a, i, v: a * h + np.sqrt(1 - a) * i * v,
        "not scaled": lambda h, a, i, v: a * h + i * v,
        "input gate missing": lambda h, a, i, v: a * h + np.sqrt(1 - a**2) * v,
        "input gate inverted": lambda h, a, i, v: a * h + np.sqrt(1 - a**2) * (1 - i) * v,
        "old h dropped": lambda h, a, i, v: np.sqrt(1 - a**2) * i * v,
        "decay missing": lambda h, a, i, v: h + np.sqrt(1 - a**2) * i * v,
        "input activated": lambda h, a, i, v: a * h + np.sqrt(1 - a**2) * i * np.tanh(v),
    },
)
MUTANTS[cells.echo_state] |= parts(
    cells.echo_state,
    act=FUNCTIONS["act"],
    new_h={
        "no leak": lambda h, new: new,
        "leak the other way": lambda h, new: LEAKY * h + (1 - LEAKY) * new,
        "old h not scaled": lambda h, new: h + LEAKY * new,
        "new h not scaled": lambda h, new: (1 - LEAKY) * h + new,
    },
    inside={
        "leaky inside": lambda xW, hU, b: LEAKY * (xW + hU + b),
        "product": lambda xW, hU, b: xW * hU + b,
    },
)
