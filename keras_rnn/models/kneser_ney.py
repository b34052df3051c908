"""The n-gram language model that recurrent ones are measured against: modified Kneser-Ney smoothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from keras_rnn.datasets.batching import check_at_least


class KneserNey:
    """An n-gram language model with interpolated Kneser-Ney smoothing, modified by Chen and Goodman.

    With h the k - 1 tokens before w, and h' these without the first:

        p_k(w | h) = (a(h w) - D(a(h w))) / sum_v a(h v) + gamma(h) p_{k-1}(w | h'),    k = order .. 1
        gamma(h)   = sum_v D(a(h v)) / sum_v a(h v)
        p_0(w)     = 1 / V

    If nothing was ever seen after h, p_k(w | h) = p_{k-1}(w | h').

    a(h w) is how often the n-gram h w stands in the text, if k is the model's order or h begins a line;
    otherwise it is the n-gram's continuation count, the number of different tokens before it. Each order has
    its own discounts. With n_j the number of its n-grams with a = j:

        Y = n_1 / (n_1 + 2 n_2)
        D(0) = 0,    D(j) = j - (j + 1) Y n_{j+1} / n_j  for j = 1, 2, 3,    D(a) = D(3) for a > 3

    or, with `discounts=1`, D(a) = Y for all a > 0: Kneser-Ney smoothing as it was before the modification.

    Each line begins with a start symbol of its own, which stands in contexts and is never predicted. All
    tokens are predicted, the end of the line among them, and only from tokens of their own line. No n-gram
    is cut off, however rare.

    The report leaves open what becomes of n-grams that begin a line, before which nothing ever stands: here
    they keep their plain counts in all orders.

    It is NumPy alone, without Keras: a million tokens are counted in about a second.

    Args:
        vocabulary_size: V, the number of ids.
        end: the id that ends a line.
        order: tokens in the longest n-gram. Default `5`.
        discounts: discounts of each order, 3 or 1. Default `3`.

    Raises:
        ValueError: if an argument is none of the above.

    Source: S. F. Chen, J. Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling",
    Harvard University TR-10-98, 1998; R. Kneser, H. Ney, "Improved Backing-off for M-gram Language Modeling",
    ICASSP 1995.

    Example:

    >>> ids = [1, 2, 0, 1, 3, 0, 1, 2, 2, 0, 3, 1, 0, 4, 1, 2, 0]  # five lines
    >>> model = KneserNey(vocabulary_size=5, end=0, order=2, discounts=1).fit(ids)
    >>> model.distribution([3, 1]).round(3)  # of the token behind 3 1
    array([0.164, 0.164, 0.509, 0.109, 0.055])
    """

    def __init__(self, vocabulary_size: int, end: int, order: int = 5, discounts: int = 3) -> None:
        check_at_least(1, vocabulary_size=vocabulary_size, order=order)
        if not 0 <= end < vocabulary_size:
            raise ValueError(
                f"`end` must be one of the ids 0..{vocabulary_size - 1}; received end={end}. Every line of "
                "the text ends with it."
            )
        if discounts not in (1, 3):
            raise ValueError(
                f"`discounts` must be 3 (modified Kneser-Ney) or 1; received discounts={discounts}."
            )
        self.vocabulary_size = vocabulary_size
        self.end = end
        self.order = order
        self.discounts = discounts
        # Of each order: the keys of its n-grams, ascending; (a - D) / sum a of each; gamma of each context.
        self._tables: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    # An n-gram's number is its place among the sorted keys of its order, and its key is made of the number
    # of its context and its last word: an n-gram of any order is one integer.

    def fit(self, ids: ArrayLike) -> KneserNey:
        """Counts the n-grams of a text.

        Args:
            ids: the text, one row of ids in which `end` stands at the end of each line.

        Returns:
            The model itself.

        Raises:
            TypeError: if `ids` are not integers.
            ValueError: if `ids` are not one row of ids of the vocabulary, or hold too little text to estimate
                the discounts.
        """
        words = self._with_starts(ids)
        place = np.arange(len(words))
        depth = place - np.maximum.accumulate(np.where(words == self.vocabulary_size, place, 0))
        number = np.zeros_like(words)  # of the n-gram that ends at each place; first of the empty one
        grams = [(number[:1], np.ones(1, np.int64))]
        for k in range(1, self.order + 1):
            place = np.flatnonzero(depth >= k - 1)
            keys, first, rank, counts = np.unique(
                self._keys(number[place - 1], words[place]),
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            # Each n-gram is one continuation of its own end, the n-gram without the first token.
            shorter = grams[-1][1]
            continuations = np.bincount(number[place[first]], minlength=len(shorter))
            shorter[:] = np.where(continuations > 0, continuations, shorter)
            grams.append((keys, counts))
            number = np.full_like(words, -1)
            number[place] = rank
        unigrams, counts = grams[1]
        counts[unigrams == self.vocabulary_size] = 0  # the start symbol is never predicted
        self._tables = [
            self._table(k, *grams[k], contexts=len(grams[k - 1][0])) for k in range(1, self.order + 1)
        ]
        return self

    def _table(
        self, k: int, keys: np.ndarray, a: np.ndarray, contexts: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        D = self._discounts(k, a)[np.minimum(a, 3)]
        h = keys // (self.vocabulary_size + 1)
        total = np.bincount(h, a, minlength=contexts)
        gamma = np.ones(contexts + 1)  # 1 for a context without successor, and at -1 for one never seen
        np.divide(np.bincount(h, D, minlength=contexts), total, out=gamma[:-1], where=total > 0)
        return keys, (a - D) / total[h], gamma

    def _discounts(self, k: int, a: np.ndarray) -> np.ndarray:
        """D(0) .. D(3) of the n-grams of order k."""
        n = np.bincount(a, minlength=5)[:5]
        j = np.arange(1, 4)
        with np.errstate(divide="ignore", invalid="ignore"):
            Y = n[1] / (n[1] + 2 * n[2])
            D = j - (j + 1) * Y * n[j + 1] / n[j] if self.discounts == 3 else np.full(3, Y)
        if not (D > 0).all():
            raise ValueError(
                f"`ids` must hold enough rare {k}-grams to estimate their discounts; received n_1 .. n_4 = "
                f"{n[1:].tolist()}, which give D = {D.round(3).tolist()}. Take more text, larger units than "
                "characters, a lower `order`, or `discounts=1`."
            )
        return np.append(0.0, D)

    def log_probabilities(self, ids: ArrayLike) -> np.ndarray:
        """The natural logarithm of each token's probability, after the tokens before it in its line.

        Args:
            ids: one row of ids, which begins with the beginning of a line.

        Returns:
            `(len(ids),)` float64.

        Raises:
            RuntimeError: before `fit`.
            TypeError, ValueError: if `ids` are not one row of ids of the vocabulary.
        """
        words = self._with_starts(ids)
        return np.log(self._probabilities(words)[words < self.vocabulary_size])

    def distribution(self, context: ArrayLike) -> np.ndarray:
        """The probability of every id as the next one.

        `log_probabilities(ids)[i]` is the logarithm of `distribution(ids[:i])[ids[i]]`.

        Args:
            context: the ids before, from the beginning of a line; none at the beginning of the text.

        Returns:
            `(vocabulary_size,)` float64, with the sum 1.

        Raises:
            RuntimeError: before `fit`.
            TypeError, ValueError: if `context` is not one row of ids of the vocabulary.
        """
        next_word = np.arange(self.vocabulary_size)[:, None]
        # Any token in the next one's place, so that a start symbol stands behind a context that ends a line.
        history = self._with_starts([*np.asarray(context), self.end])[:-1][-self.order :]
        rows = np.broadcast_to(history, (self.vocabulary_size, len(history)))
        return self._probabilities(np.concatenate([rows, next_word], axis=1))[:, -1]

    def perplexity(self, ids: ArrayLike) -> float:
        """exp of the mean of -`log_probabilities(ids)`: every token counts, the ends of the lines too."""
        return perplexity(self.log_probabilities(ids))

    def _probabilities(self, words: np.ndarray) -> np.ndarray:
        """p of each word after those before it on the last axis, start symbols among them."""
        if not self._tables:
            raise RuntimeError("The model has counted no text. Call `fit` first.")
        p = np.full(words.shape, 1 / self.vocabulary_size)
        context = np.zeros_like(words)
        for keys, discounted, gamma in self._tables:
            key = self._keys(context, words)
            rank = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
            seen = keys[rank] == key
            p = np.where(seen, discounted[rank], 0.0) + gamma[context] * p
            context = np.full_like(words, -1)
            context[..., 1:] = np.where(seen, rank, -1)[..., :-1]
        return p

    def _keys(self, context: np.ndarray, word: np.ndarray) -> np.ndarray:
        """The integers of n-grams: negative, and so equal to none that was seen, for the context -1."""
        return context * (self.vocabulary_size + 1) + word

    def _with_starts(self, ids: ArrayLike) -> np.ndarray:
        """The ids, with the start symbol, V, before each line."""
        ids = np.asarray(ids)
        if ids.size and ids.dtype.kind not in "iu":
            raise TypeError(f"`ids` must be integers; received an array of dtype {ids.dtype}.")
        if ids.ndim != 1:
            raise ValueError(f"`ids` must be one row; received an array of shape {ids.shape}.")
        outside = (ids < 0) | (ids >= self.vocabulary_size)
        if outside.any():
            place = np.argmax(outside)
            raise ValueError(
                f"`ids` must lie in 0..{self.vocabulary_size - 1}; received {ids[place]} at position "
                f"{place}. Give words outside the vocabulary the id of its unknown word."
            )
        begins = np.flatnonzero(np.append(True, ids[:-1] == self.end)[: len(ids)])
        return np.insert(ids.astype(np.int64), begins, self.vocabulary_size)


def perplexity(log_probabilities: np.ndarray) -> float:
    """exp of the mean of the negative log-probabilities.

    >>> perplexity(np.log([0.5, 0.125]))
    4.0
    """
    if not len(log_probabilities):
        raise ValueError("`ids` must hold at least one id; received none.")
    return float(np.exp(-np.mean(log_probabilities)))
