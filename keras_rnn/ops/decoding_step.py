"""What greedy decoding, sampling and beam search share: the beginning, one step of a model, the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree

Step = Callable[..., tuple[Any, ...]]


class Hypotheses(NamedTuple):
    """Finished sequences of ids for each row, the best first.

    A hypothesis that does not exist, since all others are forbidden or fewer than `n_best` are possible, has
    length 0 and score `-inf`.

    Attributes:
        ids: `(batch, n_best, max_length)` int32; behind a hypothesis the id `end`.
        lengths: `(batch, n_best)` int32. The `end` that ends a hypothesis counts.
        scores: `(batch, n_best)` float32, descending.
        log_p: `(batch, n_best)` float32, the log probability of all ids of the hypothesis.
        attention: `(batch, n_best, max_length, source)` float32, what each id was written by; behind a
            hypothesis zeros. Or None.
    """

    ids: Any
    lengths: Any
    scores: Any
    log_p: Any
    attention: Any


def as_hypotheses(
    choices: Any, lengths: Any, scores: Any, log_p: Any, history: Any, beam_size: Any, end: Any
) -> Hypotheses:
    """What a loop has written, without what stands behind an end and what is not possible.

    Args:
        choices: `(batch, n_best, max_length)`, id * beam_size + k for each step, k the live hypothesis that
            was continued there.
        lengths, scores, log_p: `(batch, n_best)`; a score of `-inf` says that there is no such hypothesis.
        history: `(max_length, batch * beam_size, source)`, the attention of all live hypotheses; or `()`.
        beam_size: how many live hypotheses each row has.
        end: the id that ends a hypothesis.
    """
    exists = scores > -float("inf")
    lengths = ops.where(exists, lengths, 0)
    batch, _, max_length = ops.shape(choices)
    t = ops.arange(max_length, dtype="int32")
    counts = t < lengths[..., None]
    attention = None
    if not isinstance(history, tuple):
        source = ops.shape(history)[-1]
        row = ops.arange(batch, dtype="int32")[:, None, None] * beam_size + choices % beam_size
        line = ops.reshape(history, (max_length * batch * beam_size, source))
        attention = ops.take(line, t * batch * beam_size + row, axis=0)
        attention = ops.where(counts[..., None], attention, 0.0)
    return Hypotheses(
        ids=ops.where(counts, choices // beam_size, ops.cast(end, "int32")),
        lengths=lengths,
        scores=scores,
        log_p=ops.where(exists, log_p, -float("inf")),
        attention=attention,
    )


def repeat_rows(structure: Any, beam_size: Any) -> Any:
    """Row b becomes the rows b * beam_size .. (b + 1) * beam_size - 1, in every tensor of a structure.

    So the hypotheses of a beam search stand. It repeats states and `constants` itself; what `step` reads from
    elsewhere has to be repeated before.

    Args:
        structure: any nested structure of tensors with rows first.
        beam_size: an integer.

    Example:

    >>> np.asarray(repeat_rows(np.array([[1, 2], [3, 4]]), 2)).tolist()
    [[1, 2], [1, 2], [3, 4], [3, 4]]
    """
    return tree.map_structure(lambda x: ops.repeat(x, beam_size, axis=0), structure)


def first_ids(start: Any, states: Any) -> Any:
    """The ids that are read first, `(batch,)`, from one for all or one for each."""
    start, leaves = ops.cast(start, "int32"), tree.flatten(states)
    if len(start.shape) == 1:
        return start
    if not leaves:
        raise ValueError(
            "`start` must be (batch,) where `states` are empty; received one id, which does not tell the "
            "number of rows. Repeat it for each row."
        )
    return start + ops.zeros((ops.shape(leaves[0])[0],), "int32")


def limits(max_length: Any) -> tuple[Any, Any]:
    """`max_length` as `(1,)` or `(batch,)` int32, and the largest: an integer where it is known."""
    if ops.is_tensor(max_length):
        limit = ops.cast(max_length, "int32")
        return ops.reshape(limit, (-1,)), ops.max(limit, initial=0)
    lengths = np.ravel(max_length)
    if (len(lengths) and lengths.dtype.kind not in "iu") or (lengths < 1).any():
        raise ValueError(
            f"`max_length` must be a positive integer, or one for each row; received max_length={max_length}."
        )
    return ops.convert_to_tensor(lengths, "int32"), int(lengths.max(initial=0))


def check_integer(name: str, value: Any, least: int) -> None:
    """Refuses what is not an integer from `least`; the value of a tensor is not looked at."""
    if not ops.is_tensor(value) and not (hasattr(value, "__index__") and value >= least):
        raise ValueError(f"`{name}` must be an integer from {least}; received {name}={value}.")


def check_penalties(length_penalty: Any, coverage_penalty: Any) -> None:
    """Refuses what is no number or, of coverage, negative; the value of a tensor is not looked at."""
    if not ops.is_tensor(length_penalty) and not np.isfinite(length_penalty):
        raise ValueError(
            f"`length_penalty` must be a finite number; received length_penalty={length_penalty}."
        )
    if not ops.is_tensor(coverage_penalty) and not 0 <= coverage_penalty < float("inf"):
        raise ValueError(
            "`coverage_penalty` must be a finite number from 0; received "
            f"coverage_penalty={coverage_penalty}."
        )


def advance(step: Step, y: Any, states: Any, with_attention: bool) -> tuple[Any, Any, Any]:
    """One step of a model, checked: `(log_p, states, attention)`, the attention `()` if none is asked for.

    Numbers are added up in float32, whatever the model computes in.
    """
    log_p, new_states, *attention = step(y, states)
    if with_attention and not attention:
        raise ValueError(
            "`step` must return (log_p, states, attention) where `source_mask` is given; received no "
            "attention. Return it, or leave `source_mask` out."
        )
    # A loop wants the structure and the shapes that it began with.
    new_states = tree.pack_sequence_as(states, tree.flatten(new_states))
    if keras.backend.backend() == "tensorflow":
        tree.map_structure(lambda new, old: new.set_shape(old.shape), new_states, states)
    return ops.cast(log_p, "float32"), new_states, ops.cast(attention[0], "float32") if with_attention else ()


def forbid(log_p: Any, ids: Any, t: Any, end: Any, min_length: Any, no_repeat_ngram: int) -> Any:
    """Log probabilities with `-inf` for the ids that may not follow.

        end             where t + 1 < min_length
        v               where y[t-n+1] .. y[t-1] v is y[p-n+1] .. y[p] for a p < t, n = no_repeat_ngram

    Args:
        log_p: `(rows, V)`.
        ids: `(rows, max_length)`, of which `t` are written.
        t: how many ids stand before this one.
        end, min_length, no_repeat_ngram: see `keras_rnn.ops.beam_search`.
    """
    rows, V = ops.shape(log_p)
    if not ops.is_tensor(end) and not 0 <= end < V:
        raise ValueError(f"`end` must be an id from 0 to {V - 1}; received end={end}.")
    if not no_repeat_ngram and not ops.is_tensor(min_length) and min_length <= 1:
        return log_p  # what is written has an id at least
    forbidden = (ops.arange(V, dtype="int32") == end) & (t + 1 < min_length)
    if no_repeat_ngram:
        n, length = no_repeat_ngram, ops.shape(ids)[1]
        # Before the first id stands one that is none. The earlier n-gram meets it first, and is then unlike.
        padded = ops.pad(ids, ((0, 0), (n - 1, 0)), constant_values=-1)
        seen = ops.arange(length, dtype="int32") < t
        for back in range(1, n):
            earlier = padded[:, n - 1 - back :][:, :length]
            seen = seen & (earlier == ops.take(padded, t + n - 1 - back, axis=1)[:, None])
        seen = ops.broadcast_to(seen, ops.shape(ids))
        row = ops.broadcast_to(ops.arange(rows, dtype="int32")[:, None], ops.shape(ids))
        counts = ops.scatter(ops.stack([row, ids], axis=-1), ops.cast(seen, "int32"), (rows, V))
        forbidden = forbidden | (counts > 0)
    return ops.where(forbidden, -float("inf"), log_p)
