"""The cells of the xLSTM, one time step each, as `cells.py` writes them: without a stabilizer.

Weights in order, the bias left out where there is none (u units, H heads, d features, k key units of a head):

    slstm      W (d, 4u), U (u / H, 4u), b (4u,), columns i f z o
    mlstm      W (d, n), b (n,), n = 2 H k + 2 u + 2 H, columns q k v o i f

What is stored is multiplied by exp(m) before the step and divided by exp(m') after it; between them stand the
equations as the paper first writes them. The parts of a step that a mutant replaces are arguments.
"""

import numpy as np

from tests.reference.cells import doubles, sigmoid
from tests.reference.family_cells import bias, columns


def by_heads(h, U):
    """h U, each head from its own units: U has the rows of one head."""
    rows, u = len(U), h.shape[1]
    product = np.zeros((len(h), 4 * u))
    for gate in range(4):
        for start in range(0, u, rows):
            own = slice(gate * u + start, gate * u + start + rows)
            product[:, own] = h[:, start : start + rows] @ U[:, own]
    return product


def largest(m, log_f, a_i):
    return np.maximum(log_f + m, a_i)


def slstm(
    x,
    states,
    weights,
    act=np.tanh,
    s=sigmoid,
    forget=sigmoid,
    recurrent=by_heads,
    new_c=lambda c, i, f, z, o: f * c + i * z,
    new_n=lambda n, i, f: f * n + i,
    new_m=largest,
    shown=lambda c, n, o: o * c / n,
):
    """c' = f c + exp(a_i) z, n' = f n + exp(a_i), h = o c' / n'"""
    x, h, c, n, m = doubles([x, *states])
    W, U, *rest = doubles(weights)
    a_i, a_f, a_z, a_o = columns(x @ W + recurrent(h, U) + bias(rest, 0, W.shape[1]), 4)
    i, f, z, o = np.exp(a_i), forget(a_f), act(a_z), s(a_o)
    after = np.where(n == 0, a_i, new_m(m, np.log(np.abs(f)), a_i))
    c, n = new_c(np.exp(m) * c, i, f, z, o), new_n(np.exp(m) * n, i, f)
    h = shown(c, n, o)
    return h, [h, np.exp(-after) * c, np.exp(-after) * n, after]


def read(C, n, q, o):
    """o (C q) / max(|n q|, 1) of one head, without a stabilizer."""
    return o * (C @ q) / max(abs(n @ q), 1)


def mlstm(
    x,
    states,
    weights,
    s=sigmoid,
    forget=sigmoid,
    scale=lambda k: 1 / np.sqrt(k),
    outer=np.outer,
    new_C=lambda C, i, f, vk: f * C + i * vk,
    new_n=lambda n, i, f, k: f * n + i * k,
    new_m=largest,
    shown=read,
):
    """C' = f C + exp(a) v k^T, n' = f n + exp(a) k, y = o C' q / max(|n' q|, 1), in each head."""
    x, C, n, m = doubles([x, *states])
    W, *rest = doubles(weights)
    b, heads = bias(rest, 0, W.shape[1]), m.shape[1]
    k_size = n.shape[1] // heads
    v_size = C.shape[1] // n.shape[1]
    sizes = [k_size, k_size, v_size, v_size, 1, 1]
    ends = np.cumsum([heads * size for size in sizes])
    outputs, new = np.zeros((len(x), heads * v_size)), [C.copy(), n.copy(), m.copy()]
    for row in range(len(x)):
        for head in range(heads):
            parts = []
            for block, (end, size) in enumerate(zip(ends, sizes)):
                start = end - heads * size + head * size
                factor = scale(k_size) if block == 1 else 1.0
                own = slice(start, start + size)
                parts.append(factor * (x[row] @ W[:, own]) + b[own])
            q, k, v, o, [a], [a_f] = parts
            i, f, grown = np.exp(a), forget(a_f), np.exp(m[row, head])
            matrix = slice(head * v_size * k_size, (head + 1) * v_size * k_size)
            keys, values = (slice(head * size, (head + 1) * size) for size in (k_size, v_size))
            memory = new_C(grown * C[row, matrix].reshape(v_size, k_size), i, f, outer(v, k))
            normalizer = new_n(grown * n[row, keys], i, f, k)
            after = new_m(m[row, head], np.log(np.abs(f)), a)
            outputs[row, values] = shown(memory, normalizer, q, s(o))
            new[0][row, matrix] = np.exp(-after) * memory.reshape(-1)
            new[1][row, keys], new[2][row, head] = np.exp(-after) * normalizer, after
    return outputs, new
