"""Language models that go on remembering, or learning, while they are tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_rnn.datasets.token_stream import TokenStream
from keras_rnn.models import (
    cache_perplexity,
    choose_cache,
    choose_dynamic,
    dynamic_perplexity,
    gradient_statistics,
)

#: How many tokens of the validation split choose a learning rate and a decay: some minutes of a large model.
PART = 5000
SGD_RATES, SGD_DECAYS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5), (0.0, 0.001, 0.003, 0.01)
RMS_RATES, RMS_DECAYS = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4), (0.0, 0.001, 0.002, 0.005, 0.01)
#: Statistics of gradients are those of batches of 100 streams and 5 steps, as in the published code.
STREAMS, SEGMENT = 100, 5

Result = dict[str, Any]
Read = Callable[[str], np.ndarray]


def cache(model: Any, ids: np.ndarray, read: Read, verbose: int) -> Result:
    """A continuous cache whose window, theta and weight are the best of the validation split."""
    [best, *_] = choose_cache(model, read("validation"), verbose=verbose)
    return cache_perplexity(model, ids, **best["settings"], verbose=verbose)


def dynamic_sgd(model: Any, ids: np.ndarray, read: Read, verbose: int) -> Result:
    """Dynamic evaluation by gradient descent."""
    settings = _chosen(model, read("validation"), SGD_RATES, SGD_DECAYS, None, verbose)
    return dynamic_perplexity(model, ids, **settings, verbose=verbose)


def dynamic_rms(model: Any, ids: np.ndarray, read: Read, verbose: int) -> Result:
    """Dynamic evaluation whose steps are divided by the size of the gradients of the training split."""
    stream = TokenStream(read("train"), STREAMS, SEGMENT)
    statistics = gradient_statistics(model, stream, verbose=verbose)
    settings = _chosen(model, read("validation"), RMS_RATES, RMS_DECAYS, statistics, verbose)
    return dynamic_perplexity(model, ids, statistics=statistics, **settings, verbose=verbose)


#: `--method` of `keras-rnn evaluate`.
METHODS: dict[str, Callable[[Any, np.ndarray, Read, int], Result]] = {
    "cache": cache,
    "dynamic-sgd": dynamic_sgd,
    "dynamic-rms": dynamic_rms,
}


def _chosen(
    model: Any,
    ids: np.ndarray,
    rates: tuple[float, ...],
    decays: tuple[float, ...],
    statistics: list[np.ndarray] | None,
    verbose: int,
) -> Result:
    """The best learning rate with a middling decay, and then the best decay with that rate."""

    def best(rates: tuple[float, ...], decays: tuple[float, ...]) -> Result:
        trials = choose_dynamic(model, ids, rates, decays, statistics, part=PART, verbose=verbose)
        return trials[0]["settings"]

    rate = best(rates, (decays[len(decays) // 2],))["learning_rate"]
    return best((rate,), decays)
