"""Attention of several heads, its block, positions and pooling, in float64 NumPy; and wrong versions of them.

One row, one head, one query and one position at a time. Weights are lists, in the order of the layers.
"""

import numpy as np

# ---------------------------------------------------------------------------- positions


def numbers(counts):
    """How many steps before each one count."""
    return [sum(counts[:t]) for t in range(len(counts))]


def sinusoids(p, size):
    vector = np.zeros(size)
    for i in range(size):
        angle = p / 10_000 ** ((i - i % 2) / (size + size % 2))
        vector[i] = np.cos(angle) if i % 2 else np.sin(angle)
    return vector


def turned(x, p):
    """Pairs of features as complex numbers, times e^(i angle)."""
    h = len(x) // 2
    z = (x[:h] + 1j * x[h:]) * np.exp(1j * p / 10_000 ** (np.arange(h) / h))
    return np.concatenate([z.real, z.imag])


def with_positions(x, vector, mask=None):
    y = np.array(x, "float64")
    for row in range(len(y)):
        counts = np.ones(len(y[row]), int) if mask is None else np.asarray(mask[row], int)
        for t, p in enumerate(numbers(counts)):
            y[row, t] += vector(p)
    return y


# ---------------------------------------------------------------------------- heads


def softmax_over(e, readable):
    """Zeros where nothing is readable."""
    a = np.zeros(len(e))
    if any(readable):
        largest = max(x for x, r in zip(e, readable) if r)
        a = np.array([np.exp(x - largest) if r else 0.0 for x, r in zip(e, readable)])
        a = a / sum(a)
    return a


def head(q, k, v, readable, scale=lambda h: np.sqrt(h)):
    """Contexts and weights of one head; readable(i) says which positions query i may read."""
    a = np.array(
        [softmax_over([q_i @ k_j / scale(len(q_i)) for k_j in k], readable(i)) for i, q_i in enumerate(q)]
    )
    return a @ v, a


def joined(q, k, v, heads, readable, W_o, b_o, scale=np.sqrt, part=lambda n, h: slice(n * h, (n + 1) * h)):
    h = q.shape[1] // heads
    parts = [part(n, h) for n in range(heads)]
    found = [head(q[:, s], k[:, s], v[:, s], readable, scale) for s in parts]
    return np.concatenate([c for c, _ in found], axis=1) @ W_o + b_o, np.array([a for _, a in found])


def self_attention(
    weights,
    x,
    mask=None,
    heads=2,
    causal=False,
    rotary=False,
    order=(0, 1, 2),
    earlier=lambda j, i: j <= i,
    number=numbers,
    zeros=True,
    **wrong,
):
    """[y, a]"""
    W_o, b_o, W, b = weights
    outputs, seen = [], []
    for row in range(len(x)):
        counts = np.ones(len(x[row]), int) if mask is None else np.asarray(mask[row], int)
        three = np.split(x[row] @ W + b, 3, axis=1)
        q, k, v = (three[part] for part in order)
        if rotary:
            p = number(counts)
            q, k = (
                np.array(
                    [np.concatenate([turned(y, p[t]) for y in np.split(z[t], heads)]) for t in range(len(z))]
                )
                for z in (q, k)
            )

        def readable(i, counts=counts):
            return [c and (not causal or earlier(j, i)) for j, c in enumerate(counts)]

        y, a = joined(q, k, v, heads, readable, W_o, b_o, **wrong)
        if zeros:
            y, a = y * counts[:, None], a * counts[None, :, None]
        outputs.append(y)
        seen.append(a)
    return [np.array(outputs), np.array(seen)]


def cross_attention(weights, x, memory, memory_mask=None, heads=2, **wrong):
    """[y, a]"""
    W_o, b_o, W_q, b_q, W_m, b_m = weights
    outputs, seen = [], []
    for row in range(len(x)):
        counts = np.ones(len(memory[row]), int) if memory_mask is None else memory_mask[row]
        k, v = np.split(memory[row] @ W_m + b_m, 2, axis=1)
        y, a = joined(x[row] @ W_q + b_q, k, v, heads, lambda i, counts=counts: counts, W_o, b_o, **wrong)
        outputs.append(y * any(counts))
        seen.append(a)
    return [np.array(outputs), np.array(seen)]


#: Arguments of `self_attention` for each way to be wrong, and what the layer must have for it to show.
SELF_MUTANTS = {
    "not scaled": ({"scale": lambda h: 1.0}, {}),
    "scaled by the size": ({"scale": lambda h: h}, {}),
    "heads by turns": ({"part": lambda n, h: slice(n, None, 2)}, {}),
    "the first head twice": ({"part": lambda n, h: slice(0, h)}, {}),
    "queries are keys": ({"order": (1, 0, 2)}, {}),
    "keys are values": ({"order": (0, 2, 1)}, {}),
    "not itself": ({"earlier": lambda j, i: j < i}, {"causal": True}),
    "the step after, too": ({"earlier": lambda j, i: j <= i + 1}, {"causal": True}),
    "later ones": ({"earlier": lambda j, i: j >= i}, {"causal": True}),
    "padding has a number": ({"number": lambda counts: range(len(counts))}, {"rotary": True}),
    "masked steps show": ({"zeros": False}, {}),
}

# ---------------------------------------------------------------------------- the block


def layer_norm(gamma_beta, x):
    gamma, beta = gamma_beta
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


def relu(z):
    return np.maximum(z, 0)


def block(
    weights,
    x,
    mask=None,
    memory=None,
    memory_mask=None,
    normalize="before",
    activation=relu,
    residual=lambda x, z: x + z,
    **options,
):
    """[y] weights: of f, the attention, the cross-attention if any, and the norms."""
    (W_1, b_1, W_2, b_2), attention, weights = weights[:4], weights[4:8], weights[8:]
    cross, norms = (weights[:6], weights[6:]) if memory is not None else (None, weights)
    parts = [lambda x: self_attention(attention, x, mask, **options)[0]]
    if memory is not None:
        parts += [lambda x: cross_attention(cross, x, memory, memory_mask)[0]]
    parts += [lambda z: activation(z @ W_1 + b_1) @ W_2 + b_2]
    for part, norm in zip(parts, zip(norms[::2], norms[1::2]), strict=True):
        if normalize == "before":
            x = residual(x, part(layer_norm(norm, x)))
        else:
            x = layer_norm(norm, residual(x, part(x)))
    return [x if mask is None else x * mask[:, :, None]]


# ---------------------------------------------------------------------------- pooling


def attention_pooling(weights, x, mask=None):
    """[y, A]"""
    W_1, W_2 = weights
    hops = W_2.shape[1]
    y, seen = np.zeros((len(x), hops * x.shape[2])), np.zeros((len(x), hops, x.shape[1]))
    for row in range(len(x)):
        counts = np.ones(x.shape[1], bool) if mask is None else mask[row]
        e = np.array([np.tanh(x_t @ W_1) @ W_2 for x_t in x[row]])
        for hop in range(hops):
            seen[row, hop] = softmax_over(e[:, hop], counts)
        y[row] = np.concatenate([sum(a * x_t for a, x_t in zip(A, x[row])) for A in seen[row]])
    return [y, seen]


def overlap(A, mask):
    """The mean over the rows in which a step counts."""
    found = [np.linalg.norm(a @ a.T - np.eye(len(a))) ** 2 for a, counts in zip(A, mask) if any(counts)]
    return np.mean(found) if found else 0.0
