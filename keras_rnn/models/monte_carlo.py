"""The perplexity of a language model that keeps its dropout on, averaged over the masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_rnn.datasets.token_stream import TokenStream
from keras_rnn.layers.cell import States
from keras_rnn.layers.checked import checked_size
from keras_rnn.metrics import perplexity_of
from keras_rnn.models.compiled import compiled
from keras_rnn.models.language_model import LanguageModel


def monte_carlo_perplexity(
    model: LanguageModel,
    ids: ArrayLike,
    samples: int = 100,
    batch_size: int = 1,
    steps: int = 100,
    seed: int = 0,
) -> dict[str, Any]:
    """The perplexity of a text under the mean of a model's predictions with dropout.

        p(x[t+1] | x[1] .. x[t]) = 1 / samples sum_k p_k(x[t+1] | x[1] .. x[t])
        nll[t]                   = log samples - logsumexp_k log p_k(x[t+1] | x[1] .. x[t])

    p_k is the model as it is while training, but for its softmax, with masks drawn for each piece of `steps`
    steps. The text is read once for each k, with states of its own, which are carried from piece to piece.

    Args:
        model: a model with dropout; without any all p_k are the same, and slower than `model.perplexity`.
        ids: one row of ids.
        samples: number of readings; the paper takes 1000.
        batch_size: number of streams that the text is cut into, each read from a fresh state on.
        steps: number of steps of a piece, and of what shares locked masks.
        seed: integer, makes the masks reproducible. The model's own random numbers go on where they were.

    Returns:
        `nll`, the mean negative log likelihood in nats, `perplexity`, exp of it, and `tokens`, how many were
        predicted.

    Raises:
        ValueError: if `samples` is no positive integer, an id is not in the vocabulary, or there are fewer
            than two.

    Source: Y. Gal, Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural
    Networks", NIPS 2016, section 5.

    Example:

    >>> model, ids = LanguageModel(9, [LSTM(8)], embedding=4, output_dropout=0.5), np.tile([3, 1, 4], 20)
    >>> monte_carlo_perplexity(model, ids, samples=2)["tokens"]
    59
    """
    samples = checked_size("samples", samples)
    stream = TokenStream(ids, batch_size, steps, keep_tail=True)
    model.prepare(stream)

    def score(tokens: Any, targets: Any, states: States) -> tuple[Any, States]:
        h, states = model.run(tokens, states, training=True)
        _, nll = model.log_likelihoods(h, targets=targets)
        return nll, states

    read = compiled(model, score)
    # JAX takes these as arguments and hands none back: each piece is given its own, on both backends.
    seeds = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
    before, random = [ops.convert_to_numpy(v) for v in seeds], np.random.default_rng(seed)
    log_p: list[Any] = [-np.inf] * len(stream)
    try:
        for _ in range(samples):
            states = model.initial_states(batch_size)
            for k in range(len(stream)):
                for variable in seeds:
                    variable.assign(random.integers(2**31, size=2))
                tokens, targets, _ = stream[k]
                nll, states = read(tokens, targets, states)
                log_p[k] = np.logaddexp(log_p[k], -ops.convert_to_numpy(nll).astype(np.float64))
    finally:
        for variable, value in zip(seeds, before):
            variable.assign(value)
    total = sum(np.sum(stream[k][2] * (np.log(samples) - log_p[k])) for k in range(len(stream)))
    return perplexity_of(float(total), stream.predicted)
