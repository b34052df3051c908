"""A language model that learns from what it is tested on, by hand: float64, token by token.

The model is an embedding, one tanh layer and a softmax, with the weights E, W, U, b, K, c.
"""

import numpy as np


def read(weights, tokens, targets, h):
    """The likelihood of each target, the gradients of their mean, and the last state: token by token."""
    E, W, U, b, K, c = weights
    nll, kept, n = [], [], len(tokens)
    for token, target in zip(tokens, targets):
        before, h = h, np.tanh(E[token] @ W + h @ U + b)
        z = K @ h + c
        p = np.exp(z - z.max())
        p /= p.sum()
        nll.append(-np.log(p[target]))
        p[target] -= 1
        kept.append((token, before, h, p / n))
    dE, dW, dU, db, dK, dc = (np.zeros_like(w) for w in weights)
    d_after = np.zeros_like(h)
    for token, before, now, dz in reversed(kept):
        dK += np.outer(dz, now)
        dc += dz
        da = (K.T @ dz + d_after) * (1 - now**2)
        dW += np.outer(E[token], da)
        dU += np.outer(before, da)
        db += da
        dE[token] += W @ da
        d_after = U @ da
    return nll, [dE, dW, dU, db, dK, dc], h


def statistics(weights, ids, rows, steps, batches):
    """The root of the mean square of each weight's gradients of the rows' mean, over the batches."""
    width, states = (len(ids) - 1) // rows, [np.zeros(len(weights[3]))] * rows
    squares = [0.0] * 6
    for k in range(batches):
        found = []
        for row in range(rows):
            place = np.arange(k * steps, min(k * steps + steps, width)) + row * width
            _, gradients, states[row] = read(weights, ids[place], ids[place + 1], states[row])
            found.append(gradients)
        squares = [s + np.mean(g, axis=0) ** 2 for s, g in zip(squares, zip(*found))]
    return [np.sqrt(s / batches) for s in squares]


def likelihoods(
    trained,
    ids,
    learning_rate,
    decay,
    rms=None,
    epsilon=2e-5,
    steps=5,
    mean=lambda rms: np.mean([np.mean(r) for r in rms]),
    clip=1.0,
    learn_first=False,
    carry=True,
    scale=1.0,
):
    """-log p of each id but the first; the last arguments make it wrong."""
    weights, h, nll = trained, np.zeros(len(trained[3])), []
    for k in range(0, len(ids) - 1, steps):
        tokens, targets = ids[:-1][k : k + steps], ids[1:][k : k + steps]
        found, gradients, last = read(weights, tokens, targets, h)
        if rms is None:
            steps_down = [learning_rate * scale * g for g in gradients]
            pulls = [decay] * 6
        else:
            steps_down = [learning_rate * scale * g / (r + epsilon) for g, r in zip(gradients, rms)]
            pulls = [np.minimum(decay * r / mean(rms), clip) for r in rms]
        weights = [w - down + r * (far - w) for w, down, r, far in zip(weights, steps_down, pulls, trained)]
        nll += read(weights, tokens, targets, h)[0] if learn_first else found
        h = last if carry else np.zeros_like(h)
    return np.array(nll)
