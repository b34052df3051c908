"""Greedy decoding and sampling: one hypothesis for each row, in a loop that ends when all have ended.

`beam_search` has a file of its own, and stands here, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_rnn.ops.beam_search import beam_search
from keras_rnn.ops.decoding_step import (
    Hypotheses,
    Step,
    advance,
    as_hypotheses,
    check_integer,
    first_ids,
    forbid,
    limits,
)
from keras_rnn.ops.masking import as_mask
from keras_rnn.ops.sampling import check_sampling, sample_logits

__all__ = ["beam_search", "greedy", "sample"]


def greedy(
    step: Step,
    states: Any,
    start: Any,
    end: Any,
    max_length: Any,
    min_length: Any = 0,
    no_repeat_ngram: int = 0,
    source_mask: Any = None,
) -> Hypotheses:
    """The most probable id after the other, the lower one first where two are equal.

        y[t] = argmax_v p(v | y[0] .. y[t-1])        t = 0 .. ; y[-1] = start

    Args:
        step, states, start, end, max_length, min_length, no_repeat_ngram, source_mask: as of
            `keras_rnn.ops.beam_search`.

    Returns:
        `Hypotheses` with `n_best` = 1. Scores are log probabilities.

    Raises:
        ValueError: as `beam_search`.

    Example:

    >>> p = np.array([[0.8, 0.1, 0.1], [0.34, 0.33, 0.33], [0.4, 0.5, 0.1]])  # p[y] is of the id after y
    >>> step = lambda y, states: (ops.take(np.log(p), y, axis=0), states)
    >>> found = greedy(step, (), start=np.array([2]), end=0, max_length=4)
    >>> np.asarray(found.ids).tolist(), np.asarray(found.lengths).tolist()
    ([[[1, 0, 0, 0]]], [[2]])
    >>> print(np.exp(found.log_p).round(4))  # less than the 0.4 of ending at once
    [[0.17]]
    """
    return _write(
        lambda _, log_p: ops.argmax(log_p, axis=-1),
        *(step, states, start, end, max_length, min_length, no_repeat_ngram, source_mask),
    )


def sample(
    step: Step,
    states: Any,
    start: Any,
    end: Any,
    max_length: Any,
    u: Any,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    min_length: Any = 0,
    no_repeat_ngram: int = 0,
    source_mask: Any = None,
) -> Hypotheses:
    """Each id is drawn, by uniform numbers that are given.

        y[t] ~ q(. | y[0] .. y[t-1])        t = 0 .. ; y[-1] = start; q as in `keras_rnn.ops.sample_logits`

    Args:
        u: `(steps, batch)`, each in [0, 1); `steps` is `max_length` at least. u[t] draws y[t].
        temperature, top_k, top_p: see `keras_rnn.ops.sample_logits`.
        step, states, start, end, max_length, min_length, no_repeat_ngram, source_mask: as of
            `keras_rnn.ops.beam_search`. For several samples of a row repeat it with `repeat_rows`.

    Returns:
        `Hypotheses` with `n_best` = 1. Scores are log probabilities by p, the distribution of the model.

    Raises:
        ValueError: as `beam_search`, as `sample_logits`, or if `u` has too few steps.

    Example:

    >>> p = np.array([[0.8, 0.1, 0.1], [0.34, 0.33, 0.33], [0.4, 0.5, 0.1]])
    >>> step = lambda y, states: (ops.take(np.log(p), y, axis=0), states)
    >>> u = np.array([[0.3, 0.4], [0.3, 0.5], [0.3, 0.1]])
    >>> found = sample(step, (), start=np.array([2, 2]), end=0, max_length=3, u=u)
    >>> np.asarray(found.ids).tolist(), np.asarray(found.lengths).tolist()
    ([[[1, 0, 0]], [[1, 1, 0]]], [[2], [3]])
    """
    check_sampling(temperature, top_k, top_p)
    u, (_, steps) = ops.convert_to_tensor(u), limits(max_length)
    if isinstance(steps, int) and isinstance(u.shape[0], int) and u.shape[0] < steps:
        raise ValueError(
            f"`u` must have a step for each of {steps} ids; received {u.shape[0]} steps. Draw it with shape "
            "(max_length, batch)."
        )

    def drawn(t: Any, log_p: Any) -> Any:
        # Nothing can be drawn where all is forbidden; what is drawn there has probability 0 nevertheless.
        nothing = ops.max(log_p, axis=-1, keepdims=True) == -float("inf")
        return sample_logits(ops.where(nothing, 0.0, log_p), u[t], temperature, top_k, top_p)

    return _write(drawn, *(step, states, start, end, max_length, min_length, no_repeat_ngram, source_mask))


def _write(
    choose: Callable[[Any, Any], Any],
    step: Step,
    states: Any,
    start: Any,
    end: Any,
    max_length: Any,
    min_length: Any,
    no_repeat_ngram: int,
    source_mask: Any,
) -> Hypotheses:
    """One id after the other, `y[t] = choose(t, log_p)`, until all rows have ended or cannot go on.

    A row that has ended is read and written further, since the others are; its length is what counts.
    """
    check_integer("min_length", min_length, 0)
    check_integer("no_repeat_ngram", no_repeat_ngram, 0)
    start, (limit, T) = first_ids(start, states), limits(max_length)
    rows = ops.shape(start)[0]
    history: Any = ()
    if source_mask is not None:
        history = ops.zeros((T, rows, ops.shape(as_mask(source_mask, "source_mask"))[1]))

    def body(t: Any, y: Any, states: Any, ids: Any, lengths: Any, total: Any, done: Any, history: Any) -> Any:
        log_p, states, attention = advance(step, y, states, with_attention=source_mask is not None)
        log_p = forbid(log_p, ids, t, end, min_length, no_repeat_ngram)
        y = ops.cast(choose(t, log_p), "int32")
        total = ops.where(done, total, total + ops.take_along_axis(log_p, y[:, None], axis=-1)[:, 0])
        ids = ops.where(ops.arange(T, dtype="int32") == t, y[:, None], ids)
        if source_mask is not None:
            history = ops.scatter_update(history, ops.reshape(t, (1, 1)), attention[None])
        lengths = ops.where(done, lengths, t + 1)
        done = done | (y == end) | (t + 1 >= limit) | (total == -float("inf"))
        return t + 1, y, states, ids, lengths, total, done, history

    nothing = ops.zeros_like(start)
    _, _, _, ids, lengths, total, _, history = ops.while_loop(
        lambda t, *carry: (t < T) & ops.logical_not(ops.all(carry[-2])),
        body,
        (
            ops.zeros((), "int32"),
            start,
            states,
            ops.zeros((rows, T), "int32"),
            nothing,
            ops.cast(nothing, "float32"),
            ops.cast(nothing, "bool"),
            history,
        ),
    )
    score = total[:, None]
    return as_hypotheses(ids[:, None], lengths[:, None], score, score, history, beam_size=1, end=end)
