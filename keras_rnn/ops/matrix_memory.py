"""A memory of matrices under exponential gates: one step, or a chunk of steps at once."""

from __future__ import annotations

from typing import Any

from keras import ops


def memory_step(q: Any, k: Any, v: Any, a: Any, log_f: Any, M: Any, m: Any) -> tuple[Any, Any, Any]:
    """One step of a memory that stores v under the key k and is read with q.

        m' = max(log f + m, a)                   stabilizer
        M' = exp(log f + m - m') M + exp(a - m') [v; 1] k^T
        y  = C' q / max(|n' q|, exp(-m'))        M' = [C'; n']

    M exp(m) is what the same equations have without m: the input gate is exp(a), and the bound is 1. The last
    row n of M adds up the keys, with the weights that the values have in the rows C above it.

    Args:
        q, k: `(batch, heads, key)`, query and key.
        v: `(batch, heads, value)`.
        a, log_f: `(batch, heads)`, logarithms of input and forget gate.
        M: `(batch, heads, value + 1, key)`.
        m: `(batch, heads)`.

    Returns:
        `(y, M', m')`, with y `(batch, heads, value)`.
    """
    kept = log_f + m
    m = ops.maximum(kept, a)
    f, i = (ops.exp(weight - m)[..., None, None] for weight in (kept, a))
    M = f * M + i * _with_one(v)[..., None] * k[..., None, :]
    return _read(ops.squeeze(ops.matmul(M, q[..., None]), -1), m), M, m


def memory_chunk(
    q: Any, k: Any, v: Any, a: Any, log_f: Any, M: Any, m: Any, starts: Any = None, fresh: Any = None
) -> tuple[Any, Any, Any]:
    """As many steps of `memory_step`, as products of matrices. With F[t] = log f[0] + .. + log f[t],

        D[t,s] = F[t] - F[s] + a[s]              s <= t, the weight of what came in at s, as a logarithm
        m[t]   = max(F[t] + m, max over s of D[t,s])
        y[t]   = (sum over s of exp(D[t,s] - m[t]) (q[t] k[s]) v[s] + exp(F[t] + m - m[t]) C q[t]) / ..

    and the divisor and the last M likewise. A step with a = -inf, log f = 0 and k = v = 0 holds M and m.

    Args:
        q, k: `(batch, heads, time, key)`.
        v: `(batch, heads, time, value)`.
        a, log_f: `(batch, heads, time)`.
        M, m: as `memory_step` takes them.
        starts: `(batch, 1, time)` booleans, true where M and m are set to `fresh` before the step, or None.
        fresh: the pair `(M, m)` that a start puts in.

    Returns:
        `(y, M', m')`: y of all steps, `(batch, heads, time, value)`, the others after the last.
    """
    v, before = _with_one(v), ops.matmul(q, ops.swapaxes(M, -1, -2))
    m = m[..., None]
    t = ops.arange(q.shape[-2])
    sees = t[:, None] >= t
    if starts is not None:
        count = ops.cumsum(ops.cast(starts, "int32"), axis=-1)
        sees = ops.logical_and(sees, count[..., :, None] == count[..., None, :])
        anew = count > 0
        m = ops.where(anew, fresh[1][..., None], m)
        before = ops.where(anew[..., None], ops.matmul(q, ops.swapaxes(fresh[0], -1, -2)), before)
        M = ops.where(anew[..., -1:, None], fresh[0], M)
    # Summed up as seen: the steps before a start do not belong to F. F[t] - F[s] is a sum of its own, and no
    # difference, which would lose the digits of what comes in after a gate that is shut.
    kept = ops.sum(ops.where(sees, log_f[..., None, :], 0), axis=-1) + m
    later = ops.cumsum(ops.where(t[:, None] > t, log_f[..., :, None], 0), axis=-2)
    D = ops.where(sees, later + a[..., None, :], -float("inf"))
    m = ops.maximum(kept, ops.max(D, axis=-1, initial=-float("inf")))
    weights, kept = ops.exp(D - m[..., None]), ops.exp(kept - m)[..., None]
    y = ops.matmul(weights * ops.matmul(q, ops.swapaxes(k, -1, -2)), v) + kept * before
    M = kept[..., -1:, :] * M + ops.matmul(ops.swapaxes(weights[..., -1, :, None] * v, -1, -2), k)
    return _read(y, m), M, m[..., -1]


def _with_one(v: Any) -> Any:
    """[v; 1]: the one sums the weighted keys up."""
    return ops.concatenate([v, ops.ones_like(v[..., :1])], axis=-1)


def _read(y: Any, m: Any) -> Any:
    """C q / max(|n q|, exp(-m)) from [C; n] q."""
    y, n = ops.split(y, [y.shape[-1] - 1], axis=-1)
    # Beyond 40 exp(-m), or what is divided by it, is below the last bit of numbers of 64 bits; and exp(-m)
    # neither overflows nor is 0, where q = 0 would make it 0 / 0.
    return y / ops.maximum(ops.abs(n), ops.exp(ops.clip(-m, -40.0, 40.0))[..., None])
