"""Wrong versions of the oracles of `xlstm_cells.py`, added to the table of `family_mutants.py`."""

import numpy as np

from tests.reference import xlstm_cells as cells
from tests.reference.cells import sigmoid
from tests.reference.common_bugs import reshaped
from tests.reference.family_mutants import CELLS, FUNCTIONS, MUTANTS, NEW_C, general, on_result, parts
from tests.reference.memory_cells import on_weights
from tests.reference.xlstm_cells import by_heads


def not_carried(step, names):
    """Each state alone, by its name, stays what it was."""

    def keep(k):
        return on_result(step, lambda out, new, old: (out, [*new[:k], old[k], *new[k + 1 :]]))

    return {f"{name} not carried": keep(k) for k, name in enumerate(names)}


def in_turn(h, rows):
    """The units dealt out to the heads one by one."""
    return h.reshape(len(h), rows, -1).swapaxes(1, 2).reshape(h.shape)


NEW_M = {
    "of the input gate alone": lambda m, log_f, a_i: a_i,
    "of the forget gate alone": lambda m, log_f, a_i: log_f + m,
    "smallest": lambda m, log_f, a_i: np.minimum(log_f + m, a_i),
    "sum": lambda m, log_f, a_i: np.logaddexp(log_f + m, a_i),
    "without decay": lambda m, log_f, a_i: np.maximum(m, a_i),
    "without the old": lambda m, log_f, a_i: np.maximum(log_f, a_i),
}

CELLS[cells.slstm] = ("W U b", "ifzo", 4)
MUTANTS[cells.slstm] = {
    **general(cells.slstm),
    "recurrent kernel transposed": on_weights(cells.slstm, ["W", "U", "b"], U=reshaped),
    **not_carried(cells.slstm, "hcnm"),
    **parts(
        cells.slstm,
        **FUNCTIONS,
        forget={"exp": np.exp, "tanh": np.tanh, "of the other sign": lambda a: sigmoid(-a)},
        recurrent={
            "of the other head": lambda h, U: by_heads(h[:, ::-1], U[::-1]),
            "of all heads": lambda h, U: h @ np.tile(U, (h.shape[1] // len(U), 1)),
            "of the first head": lambda h, U: h[:, : len(U)] @ U,
            "heads in turn": lambda h, U: by_heads(in_turn(h, len(U)), U),
        },
        new_c=NEW_C | {"input gate a sigmoid": lambda c, i, f, z, o: f * c + i / (1 + i) * z},
        new_n={
            "old n dropped": lambda n, i, f: i,
            "forget gate missing": lambda n, i, f: n + i,
            "input gate missing": lambda n, i, f: f * n + 1,
            "gates exchanged": lambda n, i, f: i * n + f,
        },
        new_m=NEW_M,
        shown={
            "of an LSTM": lambda c, n, o: o * np.tanh(c),
            "not gated": lambda c, n, o: c / n,
            "activated": lambda c, n, o: o * np.tanh(c / n),
            "bounded from below": lambda c, n, o: o * c / np.maximum(n, 1),
            "gated with the normalizer": lambda c, n, o: c / (1 + o * n),
        },
    ),
}

SIZES = {"q": 6, "k": 6, "v": 4, "o": 4, "i": 2, "f": 2}  # of the blocks of columns at the sizes of the row


def exchanged(one, other):
    """Two blocks of one size in each other's place, in all weights."""
    starts = dict(zip(SIZES, np.cumsum([0, *SIZES.values()])))
    order = np.arange(sum(SIZES.values()))
    places = [slice(starts[name], starts[name] + SIZES[name]) for name in (one, other)]
    order[places[0]], order[places[1]] = order[places[1]].copy(), order[places[0]].copy()
    return on_weights(cells.mlstm, ["W", "b"], W=lambda W: W[:, order], b=lambda b: b[order])


def turned(v, k):
    """The matrix of a library that stores k v^T."""
    return np.outer(k, v).reshape(len(v), len(k))


CELLS[cells.mlstm] = ("W b", "", 0)
#: Those of `general` that show a state, which here has another size.
SHOW_A_STATE = {"output of the step before", "old state added to output"}
#: The input gate is the larger of the two at the last step of the row, and no other m is seen.
NOT_SEEN = {"of the input gate alone", "without the old"}
MUTANTS[cells.mlstm] = {
    **{name: step for name, step in general(cells.mlstm).items() if name not in SHOW_A_STATE},
    **not_carried(cells.mlstm, "Cnm"),
    **{f"{pair[0]} and {pair[1]} swapped": exchanged(*pair) for pair in ("qk", "vo", "if")},
    **parts(
        cells.mlstm,
        s={"tanh": np.tanh, "no": lambda a: 1 + 0 * a},
        forget={"exp": np.exp, "of the other sign": lambda a: sigmoid(-a)},
        scale={"missing": lambda k: 1, "without root": lambda k: 1 / k, "of the value": lambda k: 2**-0.5},
        outer={"turned": turned},
        new_C={
            "old C dropped": lambda C, i, f, vk: i * vk,
            "forget gate missing": lambda C, i, f, vk: C + i * vk,
            "input gate missing": lambda C, i, f, vk: f * C + vk,
            "input gate a sigmoid": lambda C, i, f, vk: f * C + i / (1 + i) * vk,
            "gates coupled": lambda C, i, f, vk: f * C + (1 - f) * vk,
        },
        new_n={
            "old n dropped": lambda n, i, f, k: i * k,
            "forget gate missing": lambda n, i, f, k: n + i * k,
            "input gate missing": lambda n, i, f, k: f * n + k,
            "without key": lambda n, i, f, k: f * n + i,
        },
        new_m={name: wrong for name, wrong in NEW_M.items() if name not in NOT_SEEN},
        shown={
            "not normalized": lambda C, n, q, o: o * (C @ q),
            "without modulus": lambda C, n, q, o: o * (C @ q) / max(n @ q, 1),
            "without bound": lambda C, n, q, o: o * (C @ q) / abs(n @ q),
            "sum with the bound": lambda C, n, q, o: o * (C @ q) / (abs(n @ q) + 1),
            "not gated": lambda C, n, q, o: (C @ q) / max(abs(n @ q), 1),
            "activated": lambda C, n, q, o: o * np.tanh((C @ q) / max(abs(n @ q), 1)),
        },
    ),
}
