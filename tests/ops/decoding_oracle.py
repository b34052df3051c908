"""What decoding should find, in float64 NumPy: all hypotheses enumerated, and a beam search in plain loops.

Neither knows states, masks of forbidden ids or an early end: a model is asked for the distribution after a
prefix, and a search runs to its limits.
"""

import numpy as np


def penalty(length, alpha):
    """GNMT's lp, equation 14."""
    return ((5 + length) / 6) ** alpha


class TreeModel:
    """Random distributions and attention after every prefix: the most that a history can matter.

    The prefixes of a row are numbered as a tree, level by level: that of prefix h followed by v is
    number(h) * V + 1 + v, the empty one is 0.
    """

    def __init__(self, seed, rows, V, depth, source=3, forbidden=0.0):
        random = np.random.default_rng(seed)
        nodes = (V**depth - 1) // (V - 1)
        z = 2 * random.normal(size=(rows, nodes, V))
        self.log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
        self.log_p[random.random(self.log_p.shape) < forbidden] = -np.inf
        a = np.exp(2 * random.normal(size=(rows, nodes, source)))
        self.attention = a / a.sum(-1, keepdims=True)
        self.source_mask = random.random((rows, source)) < 0.8
        self.rows, self.V, self.depth, self.nodes = rows, V, depth, nodes

    def number(self, prefix):
        node = 0
        for v in prefix:
            node = node * self.V + 1 + v
        return node

    def after(self, row, prefix):
        return self.log_p[row, self.number(prefix)], self.attention[row, self.number(prefix)]

    def coverage(self, row, hypothesis):
        """cp of a hypothesis at a coverage penalty of 1."""
        total = sum(self.after(row, hypothesis[:t])[1] for t in range(len(hypothesis)))
        return np.log(np.minimum(total, 1))[self.source_mask[row]].sum()


def enumerate_all(model, end, alpha, beta):
    """The scores of all hypotheses of all rows, `(rows, hypotheses)`, and a function from place to ids."""
    V, scores, places = model.V, [], []
    log_p, covered = np.zeros((model.rows, 1)), np.zeros((model.rows, 1, model.source_mask.shape[1]))
    for t in range(model.depth):
        first = (V**t - 1) // (V - 1)
        nodes = slice(first, first + V**t)
        log_p = log_p[:, :, None] + model.log_p[:, nodes]
        covered = covered + model.attention[:, nodes]
        cp = np.where(model.source_mask[:, None], np.log(np.minimum(covered, 1)), 0).sum(-1)
        score = log_p / penalty(t + 1, alpha) + beta * cp[:, :, None]
        if t < model.depth - 1:  # only what ends here; the rest goes on
            score = np.where(np.arange(V) == end, score, -np.inf)
        scores.append(score.reshape(model.rows, -1))
        places += [(t + 1, place) for place in range(V ** (t + 1))]
        log_p = np.where(np.arange(V) == end, -np.inf, log_p).reshape(model.rows, -1)
        covered = np.repeat(covered, V, axis=1)

    def ids(place):
        length, number = places[place]
        return [int(number // V ** (length - 1 - t) % V) for t in range(length)]

    return np.concatenate(scores, axis=1), ids


def repeats(ids, n):
    grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return n > 0 and len(set(grams)) < len(grams)


def search(model, row, end, K, limit, alpha=0.0, beta=0.0, min_length=0, ngram=0):
    """`[(score, log p, ids)]`, all that a beam of K live hypotheses finishes, the best first."""
    live, finished = [(0.0, [])], []
    for t in range(limit):
        grown = []
        for log_p, ids in live:
            for v, step in enumerate(model.after(row, ids)[0]):
                too_short = v == end and t + 1 < min_length
                if step > -np.inf and not too_short and not repeats([*ids, v], ngram):
                    grown.append((log_p + step, [*ids, v]))
        grown.sort(key=lambda hypothesis: -hypothesis[0])
        live = []
        for log_p, ids in grown[: 2 * K]:
            if ids[-1] == end or t + 1 == limit:
                score = log_p / penalty(t + 1, alpha) + (beta * model.coverage(row, ids) if beta else 0)
                finished.append((score, log_p, ids))
            elif len(live) < K:
                live.append((log_p, ids))
    return sorted(finished, key=lambda hypothesis: -hypothesis[0])
