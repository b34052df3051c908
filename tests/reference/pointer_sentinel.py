"""The mixture of vocabulary and pointer, one step at a time, in float64 NumPy; and wrong versions of it."""

import numpy as np


def pointer_sentinel_with(
    query=np.tanh,
    scale=lambda n: 1.0,
    key=lambda h, i: h[i],
    word=lambda x, i: x[i],
    seen=lambda t, L: range(max(0, t - L + 1), t + 1),
    mix=lambda g, p, a: (g * p, a),
):
    """A mixture with other parts; `mix` gives the two summands from the gate, p of the vocabulary and a."""

    def probabilities(h, x, p_vocabulary, W, b, s, L):
        """`(time, V)` of one row and the gates, from h `(time, n)`, words x and p `(time, V)`."""
        found, gates = [], []
        for t in range(len(h)):
            q = query(h[t] @ W + b)
            places = [i for i in seen(t, L) if i >= 0]
            z = scale(len(q)) * np.array([*(q @ key(h, i) for i in places), q @ s])
            shares = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
            of_vocabulary, of_pointer = mix(shares[-1], p_vocabulary[t], shares[:-1])
            p = of_vocabulary.copy()
            for i, share in zip(places, of_pointer):
                p[word(x, i)] += share
            found.append(p)
            gates.append(shares[-1])
        return np.array(found), np.array(gates)

    return probabilities


pointer_sentinel = pointer_sentinel_with()

MUTANTS = {
    # The query is affine.
    "query_without_tanh": pointer_sentinel_with(query=lambda a: a),
    # Scores are divided by the root of their number of terms, as elsewhere.
    "scaled_scores": pointer_sentinel_with(scale=lambda n: n**-0.5),
    # The current word cannot be pointed at.
    "current_word_out_of_sight": pointer_sentinel_with(seen=lambda t, L: range(max(0, t - L), t)),
    # One word more, and one less.
    "window_of_one_more": pointer_sentinel_with(seen=lambda t, L: range(max(0, t - L), t + 1)),
    "window_of_one_less": pointer_sentinel_with(seen=lambda t, L: range(max(0, t - L + 2), t + 1)),
    # As the cache does it: the features before a word point at it.
    "features_before_the_word": pointer_sentinel_with(key=lambda h, i: h[max(0, i - 1)]),
    # The word before is pointed at.
    "word_before": pointer_sentinel_with(word=lambda x, i: x[max(0, i - 1)]),
    # The gate is the share of the pointer.
    "gate_inverted": pointer_sentinel_with(mix=lambda g, p, a: ((1 - g) * p, a / a.sum() * g)),
    # The vocabulary has all and the pointer is added.
    "vocabulary_whole": pointer_sentinel_with(mix=lambda g, p, a: (p, a)),
}
