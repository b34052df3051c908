"""A schedule of a short rise and a long fall."""

from __future__ import annotations

from keras_rnn.optimizers.one_cycle import OneCycle


def SlantedTriangular(maximum: float, steps: int, cut: float = 0.1, ratio: float = 32.0) -> OneCycle:
    """A learning rate that rises in a line for a tenth of the steps, and falls in a line for the others.

        up      = cut * steps
        p       = s / up                             s <= up
                = 1 - (s - up) / (steps - up)        s > up
        rate(s) = maximum * (1 + p (ratio - 1)) / ratio

    It is a `OneCycle` of straight lines which begins and ends at the same rate, maximum / ratio. The paper
    rounds `up` down to a whole step.

    Args:
        maximum: the highest learning rate.
        steps: number of steps, batches times epochs.
        cut: share of the steps in which it rises, between 0 and 1. Default `0.1`.
        ratio: highest learning rate over the lowest. Default `32.0`.

    Returns:
        A `keras_rnn.optimizers.OneCycle`.

    Raises:
        ValueError: if `steps` is not positive, `cut` not between 0 and 1, or `ratio` below 1.

    Source: J. Howard, S. Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018,
    section 3.2, equation 3.

    Example:

    >>> schedule = SlantedTriangular(1.0, steps=20, cut=0.1, ratio=5.0)
    >>> [round(float(schedule(step)), 2) for step in (0, 1, 2, 11, 20)]
    [0.2, 0.6, 1.0, 0.6, 0.2]
    """
    if not 0 < cut < 1:
        raise ValueError(f"`cut` must be between 0 and 1, a share; received cut={cut}.")
    if ratio < 1:
        raise ValueError(f"`ratio` must be at least 1; received ratio={ratio}.")
    return OneCycle(maximum, steps, cut, 1 / ratio, 1 / ratio, "linear")
