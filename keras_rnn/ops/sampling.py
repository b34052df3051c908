"""The choice of a next id from a distribution: greedy, at a temperature, from the first k, from a mass."""

from __future__ import annotations

import math
from typing import Any

from keras import ops


def sample_logits(log_p: Any, u: Any, temperature: Any = 1.0, top_k: Any = 0, top_p: Any = 1.0) -> Any:
    """One id for each row of log probabilities, by uniform numbers that are given.

        q(v) = p(v)^(1 / temperature), normalized
        1.  the ids by decreasing p, the lower id first where two are equal: v_1 .. v_V
        2.  of these the first `top_k`; q is normalized again
        3.  of these the fewest first ones whose mass is `top_p` at least; q is normalized again
        id = v_r  where  q(v_1) + .. + q(v_(r-1)) <= u < q(v_1) + .. + q(v_r)

    With temperature 0 the id is v_1, whatever u. An id with probability 0 is never drawn. Sums are taken in
    the dtype of `log_p`: in float32 a mass is exact to about 1e-7.

    Randomness is data, as dropout masks are: the same numbers draw the same ids in a loop, in pieces of one
    and outside of it, and from a uniform u the ids are distributed as q.

    Args:
        log_p: `(batch, V)` log probabilities, or scores that differ from them by a number for each row.
            `-inf` forbids an id, but not all of a row.
        u: `(batch,)`, each in [0, 1).
        temperature: a number from 0; below 1 it favours what is probable.
        top_k: an integer; 0 and numbers above V stand for V.
        top_p: a number above 0 and at most 1, which keeps all.

    All but `log_p` may be tensors: no value is looked at while a graph is made.

    Returns:
        `(batch,)` int32.

    Raises:
        ValueError: if `temperature`, `top_k` or `top_p`, where they are no tensors, are out of their range.

    Source of step 3: A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi, "The Curious Case of Neural Text
    Degeneration", ICLR 2020.

    Example:

    >>> log_p = np.log([[0.125, 0.5, 0.125, 0.25]] * 4)
    >>> u = np.array([0.1, 0.6, 0.8, 0.9])
    >>> [np.asarray(sample_logits(log_p, u, top_k=k)).tolist() for k in (0, 3, 2)]
    [[1, 3, 0, 2], [1, 3, 3, 0], [1, 1, 3, 3]]
    >>> np.asarray(sample_logits(log_p, u, temperature=0)).tolist()
    [1, 1, 1, 1]
    """
    check_sampling(temperature, top_k, top_p)
    log_p = ops.convert_to_tensor(log_p)
    u, temperature, top_p = (ops.cast(value, log_p.dtype) for value in (u, temperature, top_p))
    V = log_p.shape[-1]
    sorted_log_p, ids = ops.top_k(log_p, V)  # the lower id first among equals, on every backend
    # Greedy is the first one alone; and no division by its temperature.
    k = ops.where(temperature > 0, ops.where(ops.cast(top_k, "int32") > 0, top_k, V), 1)
    temperature = ops.where(temperature > 0, temperature, 1)
    z = (sorted_log_p - sorted_log_p[:, :1]) / temperature
    q = ops.softmax(ops.where(ops.arange(V) < k, z, -float("inf")), axis=-1)
    mass = ops.cumsum(q, axis=-1)
    # The sum may round to 1 before the last: a mass of 1 is all there is.
    kept = (q > 0) & ((mass - q < top_p) | (top_p >= 1))
    left = ops.max(ops.where(kept, mass, 0), axis=-1)
    rank = ops.sum(ops.cast(mass <= (u * left)[:, None], "int32"), axis=-1)
    # On some devices a sum of zeros more is not the same sum.
    rank = ops.minimum(rank, ops.sum(ops.cast(kept, "int32"), axis=-1) - 1)
    return ops.cast(ops.take_along_axis(ids, rank[:, None], axis=-1)[:, 0], "int32")


def check_sampling(temperature: Any, top_k: Any, top_p: Any) -> None:
    """Refuses settings that are out of their range; the value of a tensor is not looked at.

    Raises:
        ValueError: names the setting.
    """
    if not ops.is_tensor(temperature) and not (temperature >= 0 and math.isfinite(temperature)):
        raise ValueError(
            f"`temperature` must be a finite number from 0; received temperature={temperature}. "
            "0 always takes the most probable id."
        )
    if not ops.is_tensor(top_k) and not (hasattr(top_k, "__index__") and top_k >= 0):
        raise ValueError(f"`top_k` must be an integer from 0, which keeps all; received top_k={top_k}.")
    if not ops.is_tensor(top_p) and not 0 < top_p <= 1:
        raise ValueError(
            f"`top_p` must lie above 0 and be at most 1, which keeps all; received top_p={top_p}."
        )
