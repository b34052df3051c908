"""modReLU: a rectifier of the modulus, which leaves sign and phase alone."""

from __future__ import annotations

from typing import Any

from keras import ops


def mod_relu(z: Any, b: Any) -> Any:
    """`sign(z) relu(|z| + b)`, elementwise. The gradient at z = 0, where the sign jumps, is 0."""
    return ops.sign(z) * ops.relu(ops.abs(z) + b)


def complex_mod_relu(z: Any, b: Any) -> Any:
    """`(z / |z|) relu(|z| + b)` of complex z. At z = 0, where the phase is unknown, value and gradient are 0.

    Args:
        z: `(..., 2 n)`, the real parts and then the imaginary ones.
        b: `(n,)`.
    """
    unit, r = polar(as_pairs(z))
    return ops.reshape(ops.relu(r + b) * unit, ops.shape(z))


def as_pairs(z: Any) -> Any:
    """`(..., 2 n)` as `(..., 2, n)`: real parts over imaginary ones."""
    return ops.reshape(z, (*ops.shape(z)[:-1], 2, z.shape[-1] // 2))


def polar(pairs: Any) -> tuple[Any, ...]:
    """z / |z|, `(..., 2, n)`, and |z|, `(..., 1, n)`, of pairs `(..., 2, n)`; both 0 at z = 0."""
    square = ops.sum(pairs * pairs, axis=-2, keepdims=True)
    positive = square > 0
    # The root has no gradient at 0: it is taken of something else there.
    r = ops.sqrt(ops.where(positive, square, ops.ones_like(square)))
    return tuple(ops.where(positive, part, ops.zeros_like(part)) for part in (pairs / r, r))
