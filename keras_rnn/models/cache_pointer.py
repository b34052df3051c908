"""The continuous cache: a language model points at words it has read, by the states in which it read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_rnn.datasets.batching import check_at_least
from keras_rnn.datasets.token_stream import TokenStream
from keras_rnn.models.compiled import compiled
from keras_rnn.models.language_model import LanguageModel
from keras_rnn.models.trials import best_first

WINDOWS = (500, 2000)
THETAS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5)
WEIGHTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)

#: The score of a position that is not in the cache: finite, for of two infinite ones there is no difference.
NEVER = -1e30


def cache_perplexity(
    model: LanguageModel,
    ids: ArrayLike,
    window: int = 500,
    theta: float = 1.0,
    weight: float = 0.1,
    steps: int = 100,
    verbose: int = 0,
) -> dict[str, Any]:
    """The perplexity of a text under a language model and a cache of what it has just read.

    With h[t] the features that the softmax reads at x[t], and i over the `window` positions before t, as far
    as there are any:

        p_cache(v | t) = sum_{i: x[i+1] = v} exp(theta h[t].h[i]) / sum_i exp(theta h[t].h[i])
        p(v | t)       = (1 - weight) p_model(v | t) + weight p_cache(v | t)

    p[x[t+1]] alone is computed. At the first position the cache is empty: there p = p_model. The text is one
    stream, read from a fresh state on; states and cache are carried from piece to piece, and the length of
    the pieces changes nothing. It takes `window + steps` features in memory, however long the text is.

    Differences from the paper: none. It has a second form, which mixes scores in place of probabilities, and
    is not here.

    Args:
        model: a model that was trained; nothing of it is changed.
        ids: one row of ids.
        window: how many positions the cache holds.
        theta: how much the likeness of features counts, not negative; 0: all positions alike.
        weight: the share of the cache, from 0 and below 1: the paper's lambda.
        steps: number of steps of a piece.
        verbose: 1 shows a progress bar.

    Returns:
        `nll`, the mean negative log likelihood in nats, `perplexity`, exp of it, `tokens`, how many were
        predicted, and `settings`, the arguments `window`, `theta` and `weight`.

    Raises:
        ValueError: if an argument is out of its range, an id is not in the vocabulary, or there are fewer
            than two.

    Source: E. Grave, A. Joulin, N. Usunier, "Improving Neural Language Models with a Continuous Cache", ICLR
    2017, equations 1 to 3. The defaults are those of S. Merity, N. S. Keskar, R. Socher, "Regularizing and
    Optimizing LSTM Language Models", ICLR 2018, for the Penn Treebank.

    Example:

    >>> model, ids = LanguageModel(9, [LSTM(8)], embedding=4), np.tile([3, 1, 4, 1, 5], 20)
    >>> cached = cache_perplexity(model, ids, window=50, weight=0.5)
    >>> cached["perplexity"] < model.perplexity(ids)["perplexity"], cached["tokens"]
    (True, 99)
    """
    [result] = choose_cache(model, ids, [window], [theta], [weight], steps=steps, verbose=verbose)
    return result


def choose_cache(
    model: LanguageModel,
    ids: ArrayLike,
    windows: Sequence[int] = WINDOWS,
    thetas: Sequence[float] = THETAS,
    weights: Sequence[float] = WEIGHTS,
    part: int | None = None,
    steps: int = 100,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """`cache_perplexity` of all combinations of settings, in one pass of the model over the text.

        [best, *_] = choose_cache(model, validation_ids)
        cache_perplexity(model, test_ids, **best["settings"])

    Args:
        model: a model that was trained.
        ids: a text that it was not trained on, such as the validation split.
        windows, thetas, weights: the settings to try.
        part: how many ids are read, from the first on; default all.
        steps, verbose: as in `cache_perplexity`.

    Returns:
        The results, the best first; each as `cache_perplexity` returns it.
    """
    for window in windows:
        check_at_least(1, window=window)
    for theta in thetas:
        if not 0 <= theta < np.inf:
            raise ValueError(f"`theta` must be a number from 0 on; received theta={theta}.")
    for weight in weights:
        if not 0 <= weight < 1:
            raise ValueError(f"`weight` must lie from 0 and below 1; received weight={weight}.")
    stream = TokenStream(np.asanyarray(ids)[:part], 1, steps, keep_tail=True)
    model.prepare(stream)
    read = compiled(model, _reader(model, windows, thetas, weights))
    states, reach = model.initial_states(1), max(windows)
    H = ops.zeros((reach, model.recurrent_layers[-1].output_size), model.softmax.output_dtype)
    Y = ops.full((reach,), -1, "int32")
    totals, progress = 0.0, keras.utils.Progbar(len(stream), verbose=verbose)
    for k in range(len(stream)):
        more, states, H, Y = read(*stream[k], states, H, Y)
        totals = totals + ops.convert_to_numpy(more).astype(np.float64)
        progress.update(k + 1)
    names = ("window", "theta", "weight")
    settings = [dict(zip(names, values)) for values in product(windows, thetas, weights)]
    return best_first(list(zip(settings, np.ravel(totals).tolist())), stream.predicted)


def _reader(
    model: LanguageModel, windows: Sequence[int], thetas: Sequence[float], weights: Sequence[float]
) -> Callable[..., Any]:
    """Reads a piece of `steps` tokens after the `reach` positions before it, the largest window.

    Of these it takes the features H `(reach, units)`, and Y `(reach,)`, the words that came next, -1 where
    there is no position. It returns the sums of the negative log likelihoods,
    `(windows * thetas, weights)`, and states, H and Y for the next piece.
    """
    reach, share = max(windows), np.asarray(weights, "float64")
    log_model_share = np.log1p(-share)
    log_cache_share = np.log(share, out=np.full_like(share, -np.inf), where=share > 0)

    def read(
        tokens: Any, targets: Any, counts: Any, states: Any, H: Any, Y: Any
    ) -> tuple[Any, Any, Any, Any]:
        h, states = model.run(tokens, states)
        _, nll = model.log_likelihoods(h, targets=targets)
        nll, y, h = nll[0], targets[0], ops.cast(h[0], nll.dtype)
        counts = ops.cast(counts, nll.dtype)
        of_model, of_cache = (
            ops.expand_dims(ops.convert_to_tensor(log, nll.dtype), 1)
            for log in (log_model_share, log_cache_share)
        )
        H, Y = ops.concatenate([H, h]), ops.concatenate([Y, y])
        likeness = ops.matmul(h, ops.transpose(H))
        same = ops.equal(ops.expand_dims(y, 1), Y)
        t, i = np.arange(targets.shape[1])[:, None], np.arange(-reach, targets.shape[1])
        totals = []
        for window in windows:
            # Before t, and so known: x[i+1] is x[t] at the latest.
            held = ops.logical_and((i < t) & (i >= t - window), Y >= 0)
            empty = ops.logical_not(ops.any(held, axis=1))
            for theta in thetas:
                scores = ops.where(held, theta * likeness, NEVER)
                log_p_cache = ops.logsumexp(ops.where(same, scores, NEVER), axis=1)
                log_p_cache = log_p_cache - ops.logsumexp(scores, axis=1)
                log_p = ops.logaddexp(of_model - nll, of_cache + log_p_cache)
                log_p = ops.where(empty, -nll, log_p)
                totals.append(-ops.sum(counts * log_p, axis=1))
        return ops.stack(totals), states, H[-reach:], Y[-reach:]

    return read
