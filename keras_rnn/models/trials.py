"""What a text costs a model under several settings of its evaluation, the best first."""

from __future__ import annotations

import math
from typing import Any

from keras_rnn.metrics import perplexity_of


def best_first(totals: list[tuple[dict[str, Any], float]], tokens: int) -> list[dict[str, Any]]:
    """The results of all settings, in the order of their perplexities; those that are no number come last.

    Args:
        totals: pairs of settings and the sum of the negative log likelihoods under them.
        tokens: how many tokens were predicted.

    Returns:
        Of each, `nll`, the mean in nats, `perplexity`, exp of it, `tokens` and `settings`.

    Example:

    >>> [best, _] = best_first([({"weight": 0.1}, 30.0), ({"weight": 0.2}, 20.0)], tokens=10)
    >>> best["nll"], best["settings"]
    (2.0, {'weight': 0.2})
    """
    results = [{**perplexity_of(total, tokens), "settings": settings} for settings, total in totals]
    return sorted(results, key=lambda result: math.inf if math.isnan(result["nll"]) else result["nll"])
