"""Layer normalization of the last axis, and its adjoint."""

from __future__ import annotations

from typing import Any

from keras import ops


def normalized(a: Any, epsilon: float) -> tuple[Any, Any]:
    """n = (a - mean(a)) * scale over the last axis, and scale = 1 / sqrt(var(a) + epsilon)."""
    a = a - ops.mean(a, axis=-1, keepdims=True)
    scale = ops.rsqrt(ops.mean(a * a, axis=-1, keepdims=True) + epsilon)
    return a * scale, scale


def normalized_gradient(n: Any, scale: Any, dn: Any) -> Any:
    """The gradient by a of what `normalized` has made `(n, scale)` of, with dn that by n."""
    along = ops.mean(n * dn, axis=-1, keepdims=True)
    return scale * (dn - ops.mean(dn, axis=-1, keepdims=True) - n * along)


def layer_norm(a: Any, gain: Any, epsilon: float) -> Any:
    """gain * (a - mean(a)) / sqrt(var(a) + epsilon), over the last axis."""
    return gain * normalized(a, epsilon)[0]
