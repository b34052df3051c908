"""Training inputs of a decoder that are in part its own words."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.text import PADDING


def mixed_inputs(target: Any, log_p: Any, rate: Any, seed: Any) -> Any:
    """What a decoder reads while training, where it is to learn from its own mistakes, too.

        r[t] ~ Bernoulli(rate),  y'[t] ~ p( . | y[0] .. y[t-1], x)
        input[t] = y'[t] where r[t] = 1 and 0 < t, else y[t]

    The words y' are drawn behind the true words and not behind drawn ones, so that two passes over all steps
    at once do what would otherwise take a loop over the softmax (Duckworth, Neelakantan, Goodrich, Kaiser,
    Bengio 2019, with one pass of sampling).

    Args:
        target: ids y `(batch, time)`, with start and end.
        log_p: `(batch, time - 1, vocabulary)`, of y[1] .. y[time - 1].
        rate: a number in [0, 1].
        seed: a `keras.random.SeedGenerator`.

    Returns:
        Ids `(batch, time - 1)`; padding stays.

    Sources: S. Bengio, O. Vinyals, N. Jaitly, N. Shazeer, "Scheduled Sampling for Sequence Prediction with
    Recurrent Neural Networks", NIPS 2015; D. Duckworth and others, "Parallel Scheduled Sampling", 2019.
    """
    batch, time, size = ops.shape(log_p)
    drawn = keras.random.categorical(ops.reshape(log_p, (-1, size)), 1, dtype="int32", seed=seed)
    drawn = ops.cast(ops.reshape(drawn, (batch, time)), target.dtype)[:, :-1]
    true = target[:, 1:-1]
    chosen = keras.random.uniform(ops.shape(true), seed=seed) < rate
    own = ops.where(ops.logical_and(chosen, ops.not_equal(true, PADDING)), drawn, true)
    return ops.concatenate([target[:, :1], own], axis=1)
