"""Feed-forward and log-bilinear language models from their equations, in float64 NumPy, token by token.

Each is `model(weights, ids, ...) -> log probabilities (time, V)` of the token after each of one row of ids,
from the beginning of a text.
"""

from functools import partial

import numpy as np

from tests.reference.softmaxes import log_softmax


def context(matrix, ids, t, order, missing=None):
    """The vectors of x[t], x[t-1], .., x[t-order+2]."""
    missing = np.zeros(matrix.shape[1]) if missing is None else missing
    return [matrix[ids[t - k]] if t >= k else missing for k in range(order - 1)]


def feed_forward(weights, ids, order, direct=False, seen=context, activation=np.tanh):
    C, H, d, UW, b = weights
    units = len(d)
    found = []
    for t in range(len(ids)):
        x = np.concatenate(seen(C, ids, t, order))
        y = b + UW[:, :units] @ activation(d + x @ H)
        found.append(log_softmax(y + UW[:, units:] @ x if direct else y))
    return np.stack(found)


def log_bilinear(weights, ids, order, diagonal=False, seen=context, turned=lambda C: C):
    R, C, b = weights
    found = []
    for t in range(len(ids)):
        q = np.zeros(R.shape[1])
        for r, C_i in zip(seen(R, ids, t, order), C, strict=True):
            q += r * C_i if diagonal else r @ turned(C_i)
        found.append(log_softmax(R @ q + b))
    return np.stack(found)


#: Name of a mistake in what is seen -> `context` with it.
CONTEXTS = {
    "oldest first": lambda *given: context(*given)[::-1],
    "one token too late": lambda matrix, ids, t, order: context(matrix, ids, t - 1, order),
    "the first token before the beginning": lambda matrix, *given: context(matrix, *given, missing=matrix[0]),
    "the last token alone": lambda *given: [context(*given)[0], *map(np.zeros_like, context(*given)[1:])],
}
MUTANTS = {
    "feed-forward": {"no tanh": partial(feed_forward, activation=lambda a: a)},
    "direct": {"no direct connections": feed_forward},
    "log-bilinear": {"matrices transposed": partial(log_bilinear, turned=np.transpose)},
    "diagonal": {},
}
