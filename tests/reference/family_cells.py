"""The further cells of the family, one time step each, as `cells.py` writes them.

Weights in order, the bias left out where there is none (u units, p projection units, d features, k window):

    coupled_lstm       W (d, 3u), U (u, 3u), b (3u,), columns i c o
    layer_norm_gru     W (d, 3u), U (u, 3u), gx (3u,), gh (3u,), b (2, 3u), columns z r h
    layer_norm_rnn     W (d, u), U (u, u), g (u,), b (u,)
    mgu                W (d, 2u), U (u, 2u), b (2u,), columns f h
    ind_rnn            W (d, u), U (1, u), b (u,)
    multiplicative_lstm  W (d, 5u), U (u, 5u), b (4u,), columns i f c o m
    projection_lstm    W (d, 4u), U (p, 4u), P (u, p), b (4u,), columns i f c o
    nas                W (d, 8u), U (u, 8u), b (8u,)
    sru                W (d, 3u) or (d, 4u), b (2u,), columns f r c x
    qrnn               W (k, d, 3u), b (3u,), columns z f o
    rg_lru             W (d, 2u) or (d, 3u), b (2u,), L (u,), columns r i x
    echo_state         W (d, u), U (u, u), b (u,)

The parts of a step that a mutant replaces are arguments with the right ones for defaults.
"""

import numpy as np

from tests.reference.cells import doubles, relu, sigmoid
from tests.reference.gated_cells import layer_norm

EPSILON = 1e-3
LEAKY = 0.3


def columns(a, n):
    return np.split(a, n, axis=-1)


def bias(weights, position, shape):
    """The weight at this position, or zeros where there is none."""
    return weights[position] if len(weights) > position else np.zeros(shape)


def coupled_lstm(
    x,
    states,
    weights,
    act=np.tanh,
    s=sigmoid,
    new_c=lambda c, i, g, o: (1 - i) * c + i * g,
    new_h=lambda c, old_c, o, act: o * act(c),
):
    """An LSTM with f = 1 - i."""
    x, h, c = doubles([x, *states])
    W, U, *rest = doubles(weights)
    Wi, Wc, Wo = columns(W, 3)
    Ui, Uc, Uo = columns(U, 3)
    bi, bc, bo = columns(bias(rest, 0, W.shape[1]), 3)

    i = s(x @ Wi + h @ Ui + bi)
    g = act(x @ Wc + h @ Uc + bc)
    o = s(x @ Wo + h @ Uo + bo)
    after = new_c(c, i, g, o)
    h = new_h(after, c, o, act)
    return h, [h, after]


def layer_norm_gru(
    x,
    states,
    weights,
    act=np.tanh,
    s=sigmoid,
    norm=layer_norm,
    norm_gates=layer_norm,
    candidate=lambda x_h, r, h_h, b_h: x_h + r * (h_h + b_h),
    new_h=lambda h, z, g: z * h + (1 - z) * g,
):
    """The GRU of Ba and others with z and 1 - z exchanged: one norm for both gates, one for the candidate."""
    x, h = doubles([x, states[0]])
    W, U, gx, gh, *rest = doubles(weights)
    u = len(U)
    b, b2 = bias(rest, 0, (2, 3 * u))
    gates, last = slice(0, 2 * u), slice(2 * u, 3 * u)

    from_x = norm_gates(x @ W[:, gates], gx[gates], EPSILON) + b[gates]
    from_h = norm_gates(h @ U[:, gates], gh[gates], EPSILON) + b2[gates]
    z, r = columns(s(from_x + from_h), 2)
    x_h = norm(x @ W[:, last], gx[last], EPSILON) + b[last]
    h_h = norm(h @ U[:, last], gh[last], EPSILON)
    h = new_h(h, z, act(candidate(x_h, r, h_h, b2[last])))
    return h, [h]


def layer_norm_rnn(x, states, weights, act=np.tanh, normed=lambda xW, hU, g: layer_norm(xW + hU, g, EPSILON)):
    """h' = act(g / sigma (a - mu) + b), a = x W + h U"""
    x, h = doubles([x, states[0]])
    W, U, g, *rest = doubles(weights)
    h = act(normed(x @ W, h @ U, g) + bias(rest, 0, len(g)))
    return h, [h]


def mgu(
    x,
    states,
    weights,
    act=np.tanh,
    s=sigmoid,
    from_h=lambda f, h, Uh: (f * h) @ Uh,
    new_h=lambda h, f, g: (1 - f) * h + f * g,
):
    """f = s(Wf [h; x]), g = act(Wh [f h; x]), h' = (1 - f) h + f g"""
    x, h = doubles([x, states[0]])
    W, U, *rest = doubles(weights)
    Wf, Wh = columns(W, 2)
    Uf, Uh = columns(U, 2)
    bf, bh = columns(bias(rest, 0, W.shape[1]), 2)

    f = s(x @ Wf + h @ Uf + bf)
    g = act(x @ Wh + from_h(f, h, Uh) + bh)
    h = new_h(h, f, g)
    return h, [h]


def ind_rnn(x, states, weights, act=np.tanh, recurrent=lambda h, u: h @ np.diag(u)):
    """h' = act(W x + u h + b), entry by entry."""
    x, h = doubles([x, states[0]])
    W, U, *rest = doubles(weights)
    h = act(x @ W + recurrent(h, U[0]) + bias(rest, 0, W.shape[1]))
    return h, [h]


def multiplicative_lstm(
    x,
    states,
    weights,
    act=np.tanh,
    s=sigmoid,
    between=lambda x_m, h_m, h: x_m * h_m,
    read=lambda m, h: (m, m, m, m),
    new_c=lambda c, i, f, g, o: f * c + i * g,
    new_h=lambda c, old_c, o, act: o * act(c),
):
    """An LSTM that reads m = (x Wm) (h Um) in the place of h."""
    x, h, c = doubles([x, *states])
    W, U, *rest = doubles(weights)
    Wi, Wf, Wc, Wo, Wm = columns(W, 5)
    Ui, Uf, Uc, Uo, Um = columns(U, 5)
    bi, bf, bc, bo = columns(bias(rest, 0, 4 * len(U)), 4)

    m = between(x @ Wm, h @ Um, h)
    for_i, for_f, for_c, for_o = read(m, h)
    i = s(x @ Wi + for_i @ Ui + bi)
    f = s(x @ Wf + for_f @ Uf + bf)
    g = act(x @ Wc + for_c @ Uc + bc)
    o = s(x @ Wo + for_o @ Uo + bo)
    after = new_c(c, i, f, g, o)
    h = new_h(after, c, o, act)
    return h, [h, after]


def projection_lstm(
    x,
    states,
    weights,
    act=np.tanh,
    s=sigmoid,
    new_c=lambda c, i, f, g, o: f * c + i * g,
    shown=lambda c, old_c, o, act, P: (o * act(c)) @ P,
):
    """An LSTM that shows and reads (o act(c)) P in the place of o act(c)."""
    x, h, c = doubles([x, *states])
    W, U, P, *rest = doubles(weights)
    Wi, Wf, Wc, Wo = columns(W, 4)
    Ui, Uf, Uc, Uo = columns(U, 4)
    bi, bf, bc, bo = columns(bias(rest, 0, W.shape[1]), 4)

    i = s(x @ Wi + h @ Ui + bi)
    f = s(x @ Wf + h @ Uf + bf)
    g = act(x @ Wc + h @ Uc + bc)
    o = s(x @ Wo + h @ Uo + bo)
    after = new_c(c, i, f, g, o)
    h = shown(after, c, o, act, P)
    return h, [h, after]


#: How the tree of the search joins x_k and h_k at its leaves, and what stands above each pair of leaves.
LEAVES = [
    ("sum", sigmoid),
    ("sum", relu),
    ("sum", sigmoid),
    ("product", relu),
    ("sum", np.tanh),
    ("sum", sigmoid),
    ("sum", np.tanh),
    ("sum", sigmoid),
]
PAIRS = [("product", np.tanh), ("sum", np.tanh), ("product", np.tanh), ("sum", sigmoid)]
JOIN = {"sum": np.add, "product": np.multiply}


def nas(
    x,
    states,
    weights,
    leaves=LEAVES,
    pairs=PAIRS,
    inject=lambda first, c: np.tanh(first + c),
    new_c=lambda first, second, third, fourth: first * second,
    new_h=lambda c, third, fourth: np.tanh(c * np.tanh(third + fourth)),
    b_before=True,
):
    """The cell of Zoph and Le as a tree: eight leaves, four pairs, c injected into the first, then two."""
    x, h, c = doubles([x, *states])
    W, U, *rest = doubles(weights)
    b = bias(rest, 0, W.shape[1])
    xs, hs, bs = columns(x @ W, 8), columns(h @ U, 8), columns(b, 8)
    level = []
    for x_k, h_k, b_k, (join, function) in zip(xs, hs, bs, leaves):
        a = JOIN[join](x_k, h_k + b_k) if b_before else JOIN[join](x_k, h_k) + b_k
        level.append(function(a))
    nodes = [f(JOIN[join](level[2 * k], level[2 * k + 1])) for k, (join, f) in enumerate(pairs)]
    nodes[0] = inject(nodes[0], c)
    after = new_c(*nodes)
    h = new_h(after, nodes[2], nodes[3])
    return h, [h, after]


def sru(
    x,
    states,
    weights,
    g=lambda c: c,
    s=sigmoid,
    new_c=lambda c, f, z: f * c + (1 - f) * z,
    shown=lambda c, old_c, r, x, g: r * g(c) + (1 - r) * x,
):
    """c' = f c + (1 - f) x W_c and y = r g(c') + (1 - r) x, or x W_x where x has not u entries."""
    x, c = doubles([x, states[0]])
    W, *rest = doubles(weights)
    u = c.shape[1]
    parts = columns(W, W.shape[1] // u)
    bf, br = columns(bias(rest, 0, 2 * u), 2)

    f, r = s(x @ parts[0] + bf), s(x @ parts[1] + br)
    after = new_c(c, f, x @ parts[2])
    y = shown(after, c, r, x @ parts[3] if len(parts) == 4 else x, g)
    return y, [after]


def qrnn(
    x,
    states,
    weights,
    act=np.tanh,
    s=sigmoid,
    window=lambda x, past: [*past[::-1], x],
    shift=lambda x, past: [x, *past[:-1]],
    new_c=lambda c, f, z: f * c + (1 - f) * z,
    shown=lambda c, old_c, o: o * c,
):
    """c' = f c + (1 - f) z and y = o c', with z, f and o of the last k inputs. The states are c, x_1 .."""
    x, c, *past = doubles([x, *states])
    W, *rest = doubles(weights)
    b = bias(rest, 0, W.shape[2])
    seen = window(x, past)
    a = sum(seen[j] @ W[j] for j in range(len(W))) + b
    z, f, o = columns(a, 3)
    after = new_c(c, s(f), act(z))
    # Copies: a loop may write its results where it reads its states.
    return shown(after, c, s(o)), [after, *map(np.array, shift(x, past) if past else [])]


def rg_lru(
    x,
    states,
    weights,
    s=sigmoid,
    decay=lambda L, r: sigmoid(L) ** (8 * r),
    new_h=lambda h, a, i, v: a * h + np.sqrt(1 - a**2) * i * v,
):
    """h' = a h + sqrt(1 - a^2) i v, a = s(Lambda)^(8 r), v = x, or x W_x where x has not u entries."""
    x, h = doubles([x, states[0]])
    W, *b, L = doubles(weights)
    u = len(L)
    parts = columns(W, W.shape[1] // u)
    br, bi = columns(bias(b, 0, 2 * u), 2)

    r, i = s(x @ parts[0] + br), s(x @ parts[1] + bi)
    h = new_h(h, decay(L, r), i, x @ parts[2] if len(parts) == 3 else x)
    return h, [h]


def echo_state(
    x,
    states,
    weights,
    act=np.tanh,
    new_h=lambda h, n: (1 - LEAKY) * h + LEAKY * n,
    inside=lambda xW, hU, b: xW + hU + b,
):
    """h' = (1 - leaky) h + leaky act(x W + h U + b)"""
    x, h = doubles([x, states[0]])
    W, U, *rest = doubles(weights)
    h = new_h(h, act(inside(x @ W, h @ U, bias(rest, 0, len(U)))))
    return h, [h]
