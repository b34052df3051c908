"""The negative log likelihood of a large softmax, in slices of rows, whose number costs no memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_rnn.ops.custom_gradient import custom_gradient
from keras_rnn.ops.recurrence import scan

#: Rows of scores that are in memory at a time.
SLICE_ROWS = 1024


def sliced_cross_entropy(
    h: Any,
    targets: Any,
    weights: Any,
    matrix: Any,
    bias: Any = None,
    log_prior: Any = None,
    log_rest: Any = None,
    augmentation: tuple[float, float] | None = None,
    smoothing: float = 0.0,
    slice_rows: int = SLICE_ROWS,
    training: bool = True,
) -> tuple[Any, Any]:
    """The weighted negative log likelihood of targets, of one softmax or a mixture of them.

        z[i]   = h[i] E^T + b
        nll[i] = logsumexp_v z[i, v] - z[i, y[i]]
        total  = sum_i w[i] nll[i]

    and of a mixture of K with the prior pi:

        log p_k[i] = z[i, k, y[i]] - logsumexp_v z[i, k, v]        z[i, k] = h[i, k] E^T + b
        nll[i]     = -log(rest[i] + sum_k exp(log pi[i, k] + log p_k[i]))

    where rest is what something else adds to the likelihood of the target. With `augmentation` (alpha, tau)
    the total of a training is another one, while nll is not (Inan 2017):

        total = sum_i w[i] (nll[i] + alpha tau KL(t[i] || softmax(z[i] / tau)))
        t[i]  = softmax(E[y[i]] E^T / tau)                          taken for a constant

    and so it is with `smoothing` eps, which spreads a share of the target over all types (Szegedy 2016):

        total = sum_i w[i] ((1 - eps) nll[i] - eps / V sum_v log p(v))

    The total is one number, and so its gradient can be had slice by slice on the way forward, while the
    scores of the slice are there; back, it is multiplied by the gradient that comes in. With
    gamma[i, k] the share of expert k in the likelihood (1 where there is one), gamma[i, 0] that of the rest:

        dz[i, k]       = w[i] gamma[i, k] (softmax z[i, k] - onehot y[i])
        dz[i]         += w[i] alpha (softmax(z[i] / tau) - t[i])
        dz[i]         += w[i] eps (onehot y[i] - 1 / V)
        dh, dE, db     = dz E, dz^T h, sum dz
        dlog pi[i, k]  = -w[i] gamma[i, k]
        dlog rest[i]   = -w[i] gamma[i, 0]

    These are three matrix products in all. Products have the dtype of h, all else has 32 bits at least. There
    is no second derivative.

    Args:
        h: `(rows, d)`, or `(rows, K, d)` of a mixture.
        targets: integers y `(rows,)`, each in [0, V).
        weights: w `(rows,)`.
        matrix: E `(V, d)`.
        bias: b `(V,)`, or None.
        log_prior: log pi `(rows, K)` of a mixture, or None.
        log_rest: log rest `(rows,)` of a mixture, or None for 0.
        augmentation: alpha and tau, or None; not for a mixture.
        smoothing: eps, from 0 and below 1; not for a mixture.
        slice_rows: how many rows of V scores are in memory at a time, at most.
        training: whether the gradient is computed on the way forward. Without, nothing but the likelihoods
            is; a gradient that is asked for all the same makes the scores again.

    Returns:
        `(total, nll)`: a number with a gradient by all but the targets, and `(rows,)` without, to look at.
    """
    given = {"h": h, "w": weights, "E": matrix, "b": bias, "log_prior": log_prior, "log_rest": log_rest}
    extra = _Extra(augmentation, smoothing) if training and (augmentation or smoothing) else None
    # Not the variables themselves: TensorFlow takes those for captured ones.
    named = {
        name: value.value if isinstance(value, keras.Variable) else ops.convert_to_tensor(value)
        for name, value in given.items()
        if value is not None
    }
    y = ops.cast(targets, "int32")
    # A mixture has as many rows of scores for each of its rows as it has softmaxes.
    slice_rows = max(1, slice_rows // (1 if log_prior is None else named["h"].shape[1]))

    @custom_gradient
    def run(*values: Any) -> Any:
        own = dict(zip(named, values))
        nll, at_once = _over_slices(own, y, slice_rows, training, extra)
        total = ops.sum(ops.cast(own["w"], nll.dtype) * at_once.get("w", nll))

        def gradient(*upstream: Any) -> Any:
            # TensorFlow hands over the gradients of total and nll one by one, JAX as one tuple.
            d_total = (upstream[0] if isinstance(upstream[0], (tuple, list)) else upstream)[0]
            found = at_once if training else _over_slices(own, y, slice_rows, True)[1]
            return tuple(ops.cast(d_total * found[name], own[name].dtype) for name in own)

        return (total, nll), gradient

    total, nll = run(*named.values())
    return total, ops.stop_gradient(nll)


class _Extra(NamedTuple):
    """What a training adds to the negative log likelihood."""

    augmentation: tuple[float, float] | None
    smoothing: float


def _over_slices(
    own: dict[str, Any], y: Any, slice_rows: int, gradients: bool, extra: _Extra | None = None
) -> tuple[Any, dict[str, Any]]:
    """The likelihood of each row and the gradients of the total, slice by slice."""
    h, E, b = own["h"], own["E"], own.get("b")
    dtype = keras.backend.standardize_dtype(h.dtype)
    dtype = "float32" if dtype in ("float16", "bfloat16") else dtype
    E = ops.cast(E, h.dtype)
    b = None if b is None else ops.cast(b, dtype)
    by_row = {"h": h, "y": y, "w": ops.cast(own["w"], dtype)}
    for name in ("log_prior", "log_rest"):
        if name in own:
            by_row[name] = ops.cast(own[name], dtype)

    n = h.shape[0] if isinstance(h.shape[0], int) else ops.shape(h)[0]
    if isinstance(n, int) and 0 < n <= slice_rows:
        nll, of_rows, sums = _slice(by_row, E, b, dtype, gradients, extra)
        return nll, {**of_rows, **sums}

    # The rows are divided evenly, and so padded by less than there are slices; none at all make one slice.
    slices = _quotient(n, slice_rows)
    rows = _quotient(n, slices)

    def cut(x: Any) -> Any:
        padding = ops.zeros((slices * rows - n, *x.shape[1:]), x.dtype)
        return ops.reshape(ops.concatenate([x, padding]), (slices, rows, *x.shape[1:]))

    def join(x: Any) -> Any:
        return ops.reshape(x, (slices * rows, *x.shape[2:]))[:n]

    def step(sums: dict[str, Any], x: dict[str, Any]) -> tuple[Any, Any]:
        nll, of_rows, more = _slice(x, E, b, dtype, gradients, extra)
        return {name: sums[name] + more[name] for name in sums}, (nll, of_rows)

    sums = {"E": ops.zeros(E.shape, dtype)} if gradients else {}
    if gradients and b is not None:
        sums["b"] = ops.zeros(b.shape, dtype)
    sums, (nll, of_rows) = scan(step, sums, {name: cut(x) for name, x in by_row.items()}, slices)
    return join(nll), {**{name: join(d) for name, d in of_rows.items()}, **sums}


def _quotient(n: Any, k: Any) -> Any:
    """n / k, rounded up, and at least 1."""
    quotient = (n + k - 1) // k
    return max(quotient, 1) if isinstance(quotient, int) else ops.maximum(quotient, 1)


def _slice(
    x: dict[str, Any], E: Any, b: Any, dtype: str, gradients: bool, extra: _Extra | None
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """`(nll, gradients by what has rows, gradients by E and b)` of some rows."""
    h = ops.reshape(x["h"], (-1, E.shape[1]))
    z = ops.cast(ops.matmul(h, ops.transpose(E)), dtype)
    z = z if b is None else z + b
    w, of_rows = x["w"], {}
    if "log_prior" in x:
        K = x["h"].shape[1]
        loss, residual = _cross_entropy(z, ops.repeat(x["y"], K))
        joint = x["log_prior"] - ops.reshape(loss, (-1, K))
        if "log_rest" in x:
            joint = ops.concatenate([joint, ops.expand_dims(x["log_rest"], 1)], axis=1)
        nll = -ops.logsumexp(joint, axis=-1)
        w = ops.expand_dims(w, 1) * ops.softmax(joint, axis=-1)
        if "log_rest" in x:
            of_rows["log_rest"] = -w[:, K]
        w = w[:, :K]
        of_rows["log_prior"] = -w
    else:
        nll, residual = _cross_entropy(z, x["y"])
    if not gradients:
        return nll, {}, {}
    of_rows["w"] = nll
    if extra is not None and extra.augmentation:
        loss, more = _divergence(z, x["y"], E, *extra.augmentation)
        of_rows["w"], residual = of_rows["w"] + loss, residual + more
    if extra is not None and extra.smoothing:
        loss, more = _smoothed(z, x["y"], extra.smoothing)
        of_rows["w"], residual = of_rows["w"] + loss, residual + more
    # Rows are weighted where they are short, not where they have V entries.
    w = ops.reshape(w, (-1, 1))
    short = ops.cast(residual, h.dtype)
    d_h = w * ops.cast(ops.matmul(short, E), dtype)
    of_rows["h"] = ops.reshape(d_h, ops.shape(x["h"]))
    weighted = ops.cast(w * ops.cast(h, dtype), h.dtype)
    sums = {"E": ops.cast(ops.matmul(ops.transpose(short), weighted), dtype)}
    if b is not None:
        sums["b"] = ops.squeeze(ops.matmul(ops.transpose(w), residual), 0)
    return nll, of_rows, sums


def _cross_entropy(z: Any, y: Any) -> tuple[Any, Any]:
    """`logsumexp z - z[y]` and its gradient `softmax z - onehot y`, of each row."""
    p = ops.softmax(z, axis=-1)
    y = ops.expand_dims(y, 1)
    # The largest p is 1 / sum exp(z - max z), and no smaller than 1 / V: two passes less over the scores.
    normaliser = ops.max(z, axis=-1) - ops.log(ops.max(p, axis=-1))
    loss = normaliser - ops.squeeze(ops.take_along_axis(z, y, axis=-1), 1)
    rows = ops.expand_dims(ops.arange(ops.shape(z)[0], dtype=y.dtype), 1)
    return loss, ops.scatter_update(p, ops.concatenate([rows, y], axis=1), ops.expm1(-loss))


def _divergence(z: Any, y: Any, E: Any, alpha: float, tau: float) -> tuple[Any, Any]:
    """`alpha tau KL(t || softmax(z / tau))` and its gradient by z, of each row; t is a constant."""
    similarity = ops.cast(ops.matmul(ops.take(E, y, axis=0), ops.transpose(E)), z.dtype)
    log_t, log_q = ops.log_softmax(similarity / tau), ops.log_softmax(z / tau)
    t = ops.exp(log_t)
    return alpha * tau * ops.sum(t * (log_t - log_q), axis=-1), alpha * (ops.exp(log_q) - t)


def _smoothed(z: Any, y: Any, eps: float) -> tuple[Any, Any]:
    """`eps (z[y] - mean z)` and its gradient by z, of each row."""
    onehot = ops.one_hot(y, z.shape[-1], dtype=z.dtype)
    own = ops.squeeze(ops.take_along_axis(z, ops.expand_dims(y, 1), axis=-1), 1)
    return eps * (own - ops.mean(z, axis=-1)), eps * (onehot - 1 / z.shape[-1])
