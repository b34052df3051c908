"""Linear recurrences h[t] = a[t] * h[t-1] + b[t], in parallel over time."""

from __future__ import annotations

from typing import Any

from keras import ops, tree

from keras_rnn.ops.custom_gradient import custom_gradient
from keras_rnn.ops.recurrence import scan

# Measured at (4096, 8, 64) on 2 cores: 16 and two levels, or 32 and one, are as fast in a graph, but two to
# six times slower under XLA, which fuses the steps of a chunk and computes the early ones again and again.
CHUNK = 8
LEVELS = 3

#: A real number is a list of one tensor, a complex one a list of its real and its imaginary part.
Parts = list[Any]


def linear_scan(a: Any, b: Any, initial: Any, reverse: bool = False) -> Any:
    """All states of a recurrence that is elementwise and linear in its state.

        h[t] = a[t] * h[t-1] + b[t]        t = 0 .. time - 1, with h[-1] = initial

    Time is cut into chunks of 8 steps, and all chunks are run at once, one position after the other: first
    for the product of a over each chunk, and for its last state had it begun with zero. These two are a
    recurrence over the chunks, 8 times shorter than the first, which is solved in the same way. It gives
    the state with which each chunk begins, and a second run from there gives all states. The work is linear
    in time, every number of steps is legal, and of `time` steps only about `time / 512` are made one after
    the other.

    The gradient is analytic. With g[t] the gradient of the loss by h[t] as an output,

        G[t] = g[t] + a[t+1] * G[t+1]      the same recurrence, from the last step to the first
        db[t] = G[t],    da[t] = G[t] * h[t-1],    dinitial = a[0] * G[0]

    with conj(a) and conj(h) where the numbers are complex. It can be differentiated again.

    Args:
        a: `(time, batch, units)`. Axes may be 1, or absent from the left, where a is the same for all
            steps, rows or units. The product of 512 factors a must not overflow; none does for |a| <= 1.
        b: `(time, batch, units)`.
        initial: `(batch, units)`.
        reverse: run from the last step to the first: `h[t] = a[t] * h[t+1] + b[t]` with `h[time] = initial`.

        For complex numbers each of the three is a pair `(real, imaginary)` of such tensors.

    Returns:
        h, `(time, batch, units)`, or the pair of its real and imaginary parts.

    Raises:
        ValueError: if some of `a`, `b` and `initial` are pairs and others are not.

    Example:

    >>> h = linear_scan(a=np.array([0.5]), b=np.ones((3, 1, 1)), initial=np.zeros((1, 1)))
    >>> np.array(h)[:, 0, 0]
    array([1.  , 1.5 , 1.75])
    """
    pairs = [isinstance(x, (tuple, list)) for x in (a, b, initial)]
    if len(set(pairs)) > 1:
        raise ValueError(
            "`a`, `b` and `initial` must be three tensors, or three pairs (real, imaginary); received "
            f"{', '.join('a pair' if pair else 'a tensor' for pair in pairs)}. Give a real number the "
            "imaginary part `ops.zeros_like(x)`."
        )
    a, b, initial = (
        [ops.convert_to_tensor(part) for part in (x if pairs[0] else [x])] for x in (a, b, initial)
    )
    a = [ops.reshape(x, (*(1,) * (3 - len(x.shape)), *ops.shape(x))) for x in a]
    h = _scan(a, b, initial, reverse)
    return tuple(h) if pairs[0] else h[0]


def linear_step(a: Any, h: Any, b: Any) -> Any:
    """a * h + b, elementwise, for three tensors or for three pairs `(real, imaginary)` of tensors."""
    if not isinstance(a, (tuple, list)):
        return a * h + b
    return tuple(_step(list(a), h, b))


def _step(a: Parts, h: Parts, b: Parts) -> Parts:
    return [product + other for product, other in zip(_times(a, h), b)]


def _times(a: Parts, b: Parts) -> Parts:
    if len(a) == 1:
        return [a[0] * b[0]]
    return [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]


def _conjugate(a: Parts) -> Parts:
    return [a[0], *(-x for x in a[1:])]


def _scan(a: Parts, b: Parts, initial: Parts, reverse: bool) -> Parts:
    """`linear_scan` on parts, with its gradient."""
    n = len(b)

    # All tensors come in as arguments: TensorFlow gives no gradient to those that are found outside.
    @custom_gradient
    def solve(*tensors: Any) -> Any:
        a, b, initial = (list(tensors[k : k + n]) for k in (0, n, 2 * n))
        h = _states(a, b, initial, reverse, LEVELS)

        def gradient(*args: Any, upstream: Any = None) -> Any:
            # JAX hands in one structure of gradients, TensorFlow one argument for each tensor.
            g = tree.flatten(args if upstream is None else upstream)
            conj_a = _conjugate(a)
            following = conj_a
            if a[0].shape[0] != 1:
                none = [ops.zeros(ops.shape(x)[1:], x.dtype) for x in a]
                following = _previous(conj_a, none, not reverse)
            G = _scan(following, g, [ops.zeros_like(x) for x in initial], not reverse)
            da = _times(G, _conjugate(_previous(h, initial, reverse)))
            first = slice(-1, None) if reverse else slice(0, 1)
            dinitial = _times([x[first] for x in conj_a], [x[first] for x in G])
            return *map(_sum_to, da, a), *G, *(ops.sum(x, axis=0) for x in dinitial)

        return (tuple(h) if n > 1 else h[0]), gradient

    return tree.flatten(solve(*a, *b, *initial))


def _states(a: Parts, b: Parts, initial: Parts, reverse: bool, levels: int) -> Parts:
    time = ops.shape(b[0])[0]
    short = isinstance(time, int) and time <= CHUNK
    if short or not levels:
        return _states_in_a_loop(a, b, initial, reverse, short)
    a_at, b_at = _positions(a, time, reverse), _positions(b, time, reverse)
    order = range(CHUNK)[::-1] if reverse else range(CHUNK)

    product, h = a_at[order[0]], b_at[order[0]]
    for p in order[1:]:
        product, h = _times(a_at[p], product), _step(a_at[p], h, b_at[p])
    h = _previous(_states(product, h, initial, reverse, levels - 1), initial, reverse)
    found = {}
    for p in order:
        h = found[p] = _step(a_at[p], h, b_at[p])
    joined = [ops.stack([found[p][k] for p in range(CHUNK)], axis=1) for k in range(len(b))]
    joined = [ops.reshape(x, (-1, *ops.shape(y)[1:])) for x, y in zip(joined, b)]
    return [x[ops.shape(x)[0] - time :] if reverse else x[:time] for x in joined]


def _states_in_a_loop(a: Parts, b: Parts, initial: Parts, reverse: bool, unroll: bool) -> Parts:
    def step(h: Parts, inputs: Any) -> tuple[Parts, Parts]:
        h = _step(inputs.get("a", a), h, inputs["b"])
        return h, h

    inputs = {"b": b} if a[0].shape[0] == 1 else {"a": a, "b": b}
    a = [x[0] for x in a] if "a" not in inputs else a
    return scan(step, initial, inputs, unroll=unroll, reverse=reverse)[1]


def _positions(x: Parts, time: Any, reverse: bool) -> list[Parts]:
    """For each position in a chunk the tensor `(chunks, batch, units)` of what stands there in all chunks."""
    if x[0].shape[0] == 1:
        return [x] * CHUNK
    split = []
    for part in x:
        _, batch, units = ops.shape(part)
        # What is filled up comes last in the order of reading: whatever it is, no state is touched by it.
        # It is one step at least, so that there is a chunk where there is no time.
        fill = ops.zeros((CHUNK - time % CHUNK, batch, units), part.dtype)
        part = ops.concatenate([fill, part] if reverse else [part, fill])
        split.append(ops.unstack(ops.reshape(part, (-1, CHUNK, batch, units)), CHUNK, axis=1))
    return [list(at) for at in zip(*split)]


def _previous(x: Parts, first: Parts, reverse: bool) -> Parts:
    """What stood one step before, in the order of reading; `first` before the first step."""
    if reverse:
        return [ops.concatenate([y, z[None]])[1:] for y, z in zip(x, first)]
    return [ops.concatenate([z[None], y])[:-1] for y, z in zip(x, first)]


def _sum_to(x: Any, like: Any) -> Any:
    """Sums over the axes on which `like` was repeated."""
    axes = [axis for axis in range(3) if like.shape[axis] == 1]
    return ops.sum(x, axis=axes, keepdims=True) if axes else x
