"""Highway layer and character CNN from their equations, in float64 NumPy, one word at a time.

The arguments beside weights and inputs are for wrong versions: `MUTANTS`.
"""

from functools import partial

import numpy as np

#: Of all lengths from one character, shorter than a filter and longer; with one letter twice in a row.
WORDS = ["a", "the", "<eos>", "cats", "N", "of", "<unk>", "tree", "é"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def highway(weights, x, activation=np.tanh, mixed=lambda a, t, x: a * t + x * (1 - t), blocks=(0, 1)):
    W, b = weights
    z = np.split(x @ W + b, 2, axis=-1)
    a, t = activation(z[blocks[0]]), sigmoid(z[blocks[1]])
    return mixed(a, t, x)


def marked(rows, begin, end):
    return [begin, *rows, end]


def windows(rows, width, longest):
    """All windows that begin at a row, with zeros behind the last."""
    e = np.stack([*rows, *[np.zeros_like(rows[0])] * (width - 1)])
    return [e[i : i + width] for i in range(len(rows))]


def windows_in_filling(rows, width, longest):
    filling = [np.zeros_like(rows[0])] * (longest - len(rows))
    return windows([*rows, *filling], width, longest)


def windows_within(rows, width, longest):
    """Those that end in the word; of a shorter word, the one."""
    return windows(rows, width, longest)[: max(1, len(rows) - width + 1)]


def windows_from_before(rows, width, longest):
    """With the zeros before the first row."""
    e = np.stack([*[np.zeros_like(rows[0])] * (width - 1), *rows])
    return [e[i : i + width] for i in range(len(rows))]


def character_cnn(
    weights,
    x,
    widths,
    words=WORDS,
    spelled=marked,
    seen=windows,
    pooled=np.max,
    squashed=np.tanh,
    activation=relu,
    gated=highway,
):
    Q, *rest = weights
    pairs = list(zip(rest[::2], rest[1::2]))
    characters = sorted(set("".join(words)))
    longest = max(len(word) for word in words) + 2

    def vector(word):
        rows = spelled([Q[2 + characters.index(c)] for c in word], Q[0], Q[1])
        parts = []
        for F, b in pairs[:widths]:
            scores = [np.einsum("wd,wdf->f", e, F) + b for e in seen(rows, len(F), longest)]
            parts.append(squashed(pooled(scores, axis=0)))
        h = np.concatenate(parts)
        for pair in pairs[widths:]:
            h = gated(pair, h, activation)
        return h

    vectors = np.stack([vector(word) for word in words])
    return vectors[np.asarray(x)]


#: Oracle: name of a mistake -> the oracle with it.
MUTANTS = {
    highway: {
        "blocks exchanged": partial(highway, blocks=(1, 0)),
        "gate turned round": partial(highway, mixed=lambda a, t, x: a * (1 - t) + x * t),
        "nothing carried": partial(highway, mixed=lambda a, t, x: a * t),
        "input added whole": partial(highway, mixed=lambda a, t, x: a * t + x),
        "no activation": partial(highway, activation=lambda a: a),
    },
    character_cnn: {
        "no marks": partial(character_cnn, spelled=lambda rows, begin, end: rows),
        "marks exchanged": partial(character_cnn, spelled=lambda rows, begin, end: [end, *rows, begin]),
        "no end": partial(character_cnn, spelled=lambda rows, begin, end: [begin, *rows]),
        "read backwards": partial(character_cnn, spelled=lambda rows, *ends: marked(rows, *ends)[::-1]),
        "windows in the filling": partial(character_cnn, seen=windows_in_filling),
        "no window past the end": partial(character_cnn, seen=windows_within),
        "windows from before the begin": partial(character_cnn, seen=windows_from_before),
        "filter reversed": partial(character_cnn, seen=lambda *given: [e[::-1] for e in windows(*given)]),
        "mean of the windows": partial(character_cnn, pooled=np.mean),
        "no tanh": partial(character_cnn, squashed=lambda p: p),
        "relu for tanh": partial(character_cnn, squashed=relu),
        "highway with tanh": partial(character_cnn, activation=np.tanh),
        "no highway": partial(character_cnn, gated=lambda weights, h, activation: h),
    },
}
