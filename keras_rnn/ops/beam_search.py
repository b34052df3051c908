"""Beam search: the best of many hypotheses for each row, in a loop that ends when none can become better."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_rnn.ops.decoding_step import (
    Hypotheses,
    Step,
    advance,
    as_hypotheses,
    check_integer,
    check_penalties,
    first_ids,
    forbid,
    limits,
    repeat_rows,
)
from keras_rnn.ops.masking import as_mask
from keras_rnn.ops.shrinking_search import run_shrinking

# The logarithm of no attention at all is taken from the least number above 0, -87.3: a score stays finite.
LEAST = float(np.finfo("float32").tiny)


def beam_search(
    step: Step,
    states: Any,
    start: Any,
    end: Any,
    max_length: Any,
    beam_size: Any = 5,
    min_length: Any = 0,
    length_penalty: Any = 0.0,
    coverage_penalty: Any = 0.0,
    n_best: int = 1,
    no_repeat_ngram: int = 0,
    source_mask: Any = None,
    constants: Any = None,
    shrinking: bool = False,
) -> Hypotheses:
    """The best hypotheses that a beam of so many live ones finds, by a score that their length does not rule.

        score(h) = log p(h) / lp(|h|) + cp(h)
        lp(n)    = ((5 + n) / 6)^length_penalty
        cp(h)    = coverage_penalty * sum_i log(min(sum_t a[t, i], 1))

    where a[t, i] is the attention of the step that wrote id t to position i of the source. A hypothesis ends
    with the id `end`, which counts in its length, or when it has `max_length` ids. With K = `beam_size`, from
    one live hypothesis without ids, a step is

        C        = the 2K best of { h v : h live, v an id } by log p
        finished = the n_best best of finished and { h in C : h has ended } by score
        live     = the K best of { h in C : h has not ended } by log p

    What is finished is never continued, nor scored again. A row is done when nothing that is live can enter
    what is finished any more; until then the best score is not known, whatever has ended. Of equal
    hypotheses the earlier one stays. What `-inf` forbids is in no result: see `Hypotheses` for what stands
    there if too few are possible. A beam may be wider than the vocabulary.

    With K = 1 the live hypothesis is that of `greedy`, and the result is the same, or one of a better score:
    an end that is the second best id of a step is looked at, too.

    Args:
        step: a pure function `(y, states) -> (log_p, states)` or `(log_p, states, attention)`, with y
            `(rows,)` int32, the ids that are read; log_p `(rows, V)`, at most 0, never NaN; attention
            `(rows, source)`. It has batch * beam_size rows. With `constants` it is called with these, too, as
            `(y, states, constants)`.
        states: the states before the first id, any nested structure of tensors `(batch, ..)`.
        start: the id that is read first, or one for each row `(batch,)`. It is no part of a hypothesis.
        end: the id that ends a hypothesis.
        max_length: a positive integer, or one for each row `(batch,)`.
        beam_size: a positive integer.
        min_length: `end` is forbidden where it would make a shorter hypothesis.
        length_penalty: 0 ranks by log p; what is above favours longer hypotheses.
        coverage_penalty: a number from 0; what is above favours hypotheses that attend to all of the source.
            Needs `source_mask`.
        n_best: a positive integer, how many hypotheses to return.
        no_repeat_ngram: n forbids an id that would make the same n ids in a row stand twice in a hypothesis.
            0 forbids nothing.
        source_mask: `(batch, source)`, nonzero at the true positions of the source. Asks for the attention,
            which `step` then has to return: it is recorded, and counts in cp where the mask is nonzero.
        constants: what the steps read and never change, such as the memory of an encoder, any nested
            structure of tensors `(batch, ..)`; repeated here for the hypotheses of each row.
        shrinking: whether rows that are done leave the batch, so that the rest is faster; the result is the
            same. Not where XLA compiles; on other backends than TensorFlow, which know all sizes beforehand,
            it changes nothing.

    All numbers but `n_best` and `no_repeat_ngram` may be tensors. On TensorFlow `beam_size` and `max_length`
    may have values that are not known before the run, if XLA does not compile it.

    Returns:
        `Hypotheses`.

    Raises:
        ValueError: if an argument is out of its range, the number of rows cannot be told, `end` is no id, or
            attention is needed and not there.

    Source: Y. Wu and others, "Google's Neural Machine Translation System: Bridging the Gap between Human and
    Machine Translation", arXiv:1609.08144, 2016, section 7 and equation 14. There, what is far below the best
    is pruned as well; here nothing is.

    Example:

    >>> p = np.array([[0.8, 0.1, 0.1], [0.34, 0.33, 0.33], [0.4, 0.5, 0.1]])  # p[y] is of the id after y
    >>> step = lambda y, states: (ops.take(np.log(p), y, axis=0), states)
    >>> found = beam_search(step, (), start=np.array([2]), end=0, max_length=4, beam_size=3, n_best=2)
    >>> np.asarray(found.ids).tolist(), np.asarray(found.lengths).tolist()
    ([[[0, 0, 0, 0], [1, 0, 0, 0]]], [[1, 2]])
    >>> print(np.exp(found.scores).round(4))
    [[0.4  0.17]]
    """
    for name, value, least in (
        ("beam_size", beam_size, 1),
        ("min_length", min_length, 0),
        ("n_best", n_best, 1),
        ("no_repeat_ngram", no_repeat_ngram, 0),
    ):
        check_integer(name, value, least)
    check_penalties(length_penalty, coverage_penalty)
    if not ops.is_tensor(coverage_penalty) and coverage_penalty and source_mask is None:
        raise ValueError(
            "`coverage_penalty` needs the attention; received "
            f"coverage_penalty={coverage_penalty} and no `source_mask`. Give the mask of the source."
        )
    K, N, (limit, T) = beam_size, n_best, limits(max_length)
    start = first_ids(start, states)
    B = ops.shape(start)[0]
    # What the steps read and do not change: one line for each row of the batch, but for the constants.
    fixed = {"limit": limit + ops.zeros((B,), "int32"), "mask": (), "constants": ()}
    if constants is not None:
        fixed["constants"] = repeat_rows(constants, K)
    if source_mask is not None:
        fixed["mask"] = as_mask(source_mask, "source_mask")
        S = ops.shape(fixed["mask"])[1]

    def lp(length: Any) -> Any:
        return ops.power((5 + ops.cast(length, "float32")) / 6, ops.cast(length_penalty, "float32"))

    def cp(covered: Any, mask: Any) -> Any:
        log = ops.where(mask[:, None], ops.log(ops.clip(covered, LEAST, 1.0)), 0.0)
        return ops.cast(coverage_penalty, "float32") * ops.sum(log, axis=-1)

    def may_improve(t: Any, live: Any, finished: Any, fixed: Any) -> Any:
        # A live h of log p = l <= 0 and t ids ends as h' with t + 1 .. limit ids and log p' <= l, since log
        # probabilities are at most 0, and so is cp. Thus score(h') <= l / lp(|h'|), and no more than l over
        # the largest lp. That is the one of an end, since lp rises or falls with the length. (Without `limit`
        # here, as with log p alone, a search would end before longer hypotheses had their chance.) The
        # first live hypothesis has the largest l of its row.
        bound = live["log_p"][:, 0] / ops.maximum(lp(t + 1), lp(fixed["limit"]))
        return (t < T) & (finished["score"][:, -1] < bound)

    def body(t: Any, live: Any, finished: Any, history: Any, fixed: Any) -> Any:
        B = ops.shape(live["log_p"])[0]
        given = () if constants is None else (fixed["constants"],)
        log_p, states, attention = advance(
            lambda y, states: step(y, states, *given), live["y"], live["states"], source_mask is not None
        )
        ids = ops.reshape(live["choices"] // K, (B * K, T))
        log_p = forbid(log_p, ids, t, end, min_length, no_repeat_ngram)
        V = log_p.shape[-1]
        log_p = live["log_p"][..., None] + ops.reshape(log_p, (B, K, V))
        log_p, place = ops.top_k(ops.reshape(log_p, (B, K * V)), K * min(2, V))
        k, y = place // V, place % V
        choices = ops.where(
            ops.arange(T, dtype="int32") == t, (y * K + k)[..., None], _pick(live["choices"], k)
        )
        score, covered = log_p / lp(t + 1), ()
        if source_mask is not None:
            history = ops.scatter_update(history, ops.reshape(t, (1, 1)), attention[None])
            covered = live["covered"] + ops.reshape(attention, (B, K, S))
            score = score + _pick(cp(covered, fixed["mask"]), k)

        has_ended = (y == end) | (t + 1 >= fixed["limit"][:, None])
        candidates = {
            "score": ops.where(has_ended, score, -float("inf")),
            "log_p": log_p,
            "length": ops.zeros_like(y) + t + 1,
            "choices": choices,
        }
        # The earlier ones first, which stay where two are equal.
        finished = tree.map_structure(lambda *two: ops.concatenate(two, axis=1), finished, candidates)
        _, best = ops.top_k(finished["score"], N)
        finished = tree.map_structure(lambda x: _pick(x, best), finished)

        log_p, rest = ops.top_k(ops.where(has_ended, -float("inf"), log_p), K)
        k = _pick(k, rest)
        row = ops.reshape(k + K * ops.arange(B, dtype="int32")[:, None], (B * K,))
        live = {
            "y": ops.reshape(_pick(y, rest), (B * K,)),
            "states": tree.map_structure(lambda x: ops.take(x, row, axis=0), states),
            "log_p": log_p,
            "choices": _pick(choices, rest),
            "covered": tree.map_structure(lambda x: _pick(x, k), covered),
        }
        return t + 1, live, finished, history

    first, history = ops.zeros((B, 1), "float32"), ()
    live = {
        "y": repeat_rows(start, K),
        "states": repeat_rows(states, K),
        "log_p": ops.where(ops.arange(K) == 0, first, -float("inf")),
        "choices": ops.zeros((B, K, T), "int32"),
        "covered": (),
    }
    finished = {
        "score": ops.full((B, N), -float("inf"), "float32"),
        "log_p": ops.zeros((B, N), "float32"),
        "length": ops.zeros((B, N), "int32"),
        "choices": ops.zeros((B, N, T), "int32"),
    }
    if source_mask is not None:
        history = ops.zeros((T, B * K, S), "float32")
        live["covered"] = ops.zeros((B, K, S), "float32")
    state = (ops.zeros((), "int32"), live, finished, history)

    def found(finished: Any, history: Any) -> Hypotheses:
        choices, lengths, scores = (finished[name] for name in ("choices", "length", "score"))
        return as_hypotheses(choices, lengths, scores, finished["log_p"], history, K, end)

    if shrinking and keras.backend.backend() == "tensorflow":
        return run_shrinking(may_improve, body, found, state, fixed, K)
    _, _, finished, history = ops.while_loop(
        lambda t, live, finished, _: ops.any(may_improve(t, live, finished, fixed)),
        lambda t, live, finished, history: body(t, live, finished, history, fixed),
        state,
    )
    return found(finished, history)


def _pick(x: Any, index: Any) -> Any:
    """`x[b, index[b, j]]`, read from all rows in one line: `take_along_axis` costs several times as much."""
    rows, count, *rest = ops.shape(x)
    line = ops.reshape(x, (rows * count, *rest))
    return ops.take(line, index + count * ops.arange(rows, dtype="int32")[:, None], axis=0)
