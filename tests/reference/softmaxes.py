"""The softmax output layers from their equations, in float64 NumPy, one row of features at a time.

Each is `oracle(weights, x, ...) -> log probabilities`, the weights in the order of the layer.
"""

from itertools import pairwise

import numpy as np


def log_softmax(z):
    """Of one row of scores."""
    top = z.max()
    return z - (top + np.log(np.exp(z - top).sum()))


def by_row(function, x):
    """`function` of each row of `(..., d)`."""
    x = np.asarray(x, "float64")
    return np.stack([function(h) for h in x.reshape(-1, x.shape[-1])]).reshape(*x.shape[:-1], -1)


def full(weights, x):
    E, b = weights
    return by_row(lambda h: log_softmax(E @ h + b), x)


def mixture(weights, x, experts):
    W_l, b_l, W_p, E, b = weights

    def distribution(h):
        latent = np.tanh(h @ W_l + b_l).reshape(experts, -1)
        pi = np.exp(log_softmax(h @ W_p))
        return sum(pi[k] * np.exp(log_softmax(E @ latent[k] + b)) for k in range(experts))

    return np.log(by_row(distribution, x))


def adaptive(weights, x, cutoffs):
    E_0, b_0, *rest = weights
    clusters = [rest[3 * j : 3 * j + 3] for j in range(len(cutoffs))]

    def row(h):
        q = log_softmax(E_0 @ h + b_0)
        found = list(q[: cutoffs[0]])
        for j, (P, E, b) in enumerate(clusters):
            found += list(q[cutoffs[0] + j] + log_softmax(E @ (h @ P) + b))
        return np.array(found)

    return by_row(row, x)


def likelihoods(h, y, w, E, b=None, log_prior=None):
    """`(total, nll)` of rows `(n, d)`, or of a mixture `(n, K, d)`."""
    b = np.zeros(len(E)) if b is None else b
    nll = []
    for i, target in enumerate(y):
        if log_prior is None:
            nll.append(-log_softmax(E @ h[i] + b)[target])
        else:
            p = [np.exp(log_softmax(E @ h_k + b)[target]) for h_k in h[i]]
            nll.append(-np.log(np.exp(log_prior[i]) @ p))
    return w @ np.array(nll), np.array(nll)


def gradients(h, y, w, E, b=None, log_prior=None, gamma=None, dz=None):
    """Of the total by h, w, E, b and log_prior, those that are there; from its equations.

    `gamma(pi, p)` and `dz(w gamma, softmax, onehot)` stand for those of the equations, for wrong ones.
    """
    gamma = gamma or (lambda pi, p: pi * p / (pi @ p))
    dz = dz or (lambda weight, softmax, onehot: weight * (softmax - onehot))
    experts = h[:, None] if log_prior is None else h
    prior = np.zeros((len(h), 1)) if log_prior is None else log_prior
    d_h, d_E, d_b, d_prior = (np.zeros(x.shape) for x in (experts, E, E[:, 0], prior))
    for i, target in enumerate(y):
        softmax = [np.exp(log_softmax(E @ h_k + (0 if b is None else b))) for h_k in experts[i]]
        shares = gamma(np.exp(prior[i]), np.array([p[target] for p in softmax]))
        for k, share in enumerate(shares):
            d = dz(w[i] * share, softmax[k], np.eye(len(E))[target])
            d_h[i, k] = d @ E
            d_E += np.outer(d, experts[i, k])
            d_b += d
            d_prior[i, k] = -w[i] * share
    _, nll = likelihoods(h, y, w, E, b, log_prior)
    found = [d_h.reshape(h.shape), nll, d_E]
    return found + ([] if b is None else [d_b]) + ([] if log_prior is None else [d_prior])


def _scores_without(part):
    """A full softmax, or mixture, without the bias of its scores."""
    return lambda weights, x, **options: part([*weights[:-1], 0 * weights[-1]], x, **options)


def _normaliser_over(part, axis):
    """Normalised over another axis than that of the types."""

    def wrong(weights, x, **options):
        z = part(weights, x, **options)
        return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))

    return wrong


def _mean_of_logarithms(weights, x, experts):
    """Experts mixed as logarithms."""
    W_l, b_l, W_p, E, b = weights

    def row(h):
        latent = np.tanh(h @ W_l + b_l).reshape(experts, -1)
        return np.exp(log_softmax(h @ W_p)) @ np.stack([log_softmax(E @ l + b) for l in latent])

    return by_row(row, x)


def _softmax_of_the_mean(weights, x, experts):
    """Scores mixed before the softmax, which is one softmax again."""
    W_l, b_l, W_p, E, b = weights

    def row(h):
        latent = np.tanh(h @ W_l + b_l).reshape(experts, -1)
        return log_softmax(E @ (np.exp(log_softmax(h @ W_p)) @ latent) + b)

    return by_row(row, x)


def _on_weights(part, change):
    return lambda weights, x, **options: part(change(list(weights)), x, **options)


def _cluster_without_head(weights, x, cutoffs):
    """A cluster that does not count how likely it is."""
    log_p = adaptive(weights, x, cutoffs)
    E_0, b_0 = weights[:2]
    q = by_row(lambda h: log_softmax(E_0 @ h + b_0), x)
    bounds = [*cutoffs, log_p.shape[-1]]
    for j, (low, high) in enumerate(pairwise(bounds)):
        log_p[..., low:high] -= q[..., cutoffs[0] + j, None]
    return log_p


#: Oracle: name of a mistake -> the oracle with it.
MUTANTS = {
    full: {
        "no bias": _scores_without(full),
        "normalised over time": _normaliser_over(full, -2),
        "wrong sign of the bias": _on_weights(full, lambda w: [w[0], -w[1]]),
    },
    mixture: {
        "no bias": _scores_without(mixture),
        "no latent bias": _on_weights(mixture, lambda w: [w[0], 0 * w[1], *w[2:]]),
        "even prior": _on_weights(mixture, lambda w: [*w[:2], 0 * w[2], *w[3:]]),
        "prior reversed": _on_weights(mixture, lambda w: [*w[:2], w[2][:, ::-1], *w[3:]]),
        "latent vectors by feature": _on_weights(
            mixture,
            lambda w: [
                w[0].reshape(len(w[0]), -1, w[2].shape[1]).swapaxes(1, 2).reshape(w[0].shape),
                *w[1:],
            ],
        ),
        "mean of logarithms": _mean_of_logarithms,
        "softmax of the mean": _softmax_of_the_mean,
    },
    adaptive: {
        "no bias in the head": _on_weights(adaptive, lambda w: [w[0], 0 * w[1], *w[2:]]),
        "no bias in a cluster": _on_weights(adaptive, lambda w: [*w[:-1], 0 * w[-1]]),
        "clusters exchanged in the head": _on_weights(
            adaptive, lambda w: [np.concatenate([w[0][:-2], w[0][:-3:-1]]), *w[1:]]
        ),
        "cluster without its own probability": _cluster_without_head,
    },
}
#: Name of a mistake -> arguments of `gradients` that make it; the first three show without a mixture.
GRADIENT_MUTANTS = {
    "no target": {"dz": lambda weight, softmax, onehot: weight * softmax},
    "no weight": {"dz": lambda weight, softmax, onehot: np.sign(weight) * (softmax - onehot)},
    "wrong sign": {"dz": lambda weight, softmax, onehot: weight * (onehot - softmax)},
    "gamma without the prior": {"gamma": lambda pi, p: p / p.sum()},
    "gamma is the prior": {"gamma": lambda pi, p: pi},
    "gamma not normalised": {"gamma": lambda pi, p: pi * p},
}
