"""The matrix exponential by scaling and squaring, in matrix products alone, and its derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.ops.custom_gradient import custom_gradient

#: A matrix alone, or with its derivative in one direction.
Parts = list[Any]

#: Of 1 / k!, k = 0 .. 15, four in a row, and the one that follows each row.
ROWS = np.array([[1 / math.factorial(4 * row + k) for k in range(4)] for row in range(4)])
FOLLOWING = np.array([1 / math.factorial(4 * row + 4) for row in range(4)])
#: The largest norms for which the Taylor polynomials of degree 8, 12 and 16, and their derivatives, have a
#: backward error of half a unit in the last place; and the most squarings that leave a digit right.
LIMITS = {
    "float32": ((0.44508, 1.19671, 2.10759), 20),
    "float64": ((0.0379582, 0.242677, 0.656968), 48),
}


def exponential(a: Any) -> Any:
    """`keras_rnn.ops.matrix_exp`, unchecked: what has no exponential gives NaN."""
    return _with_gradient(
        lambda a: _scale_and_square([a])[0],
        lambda arguments, g: (_derivative(_adjoint(arguments[0]), g),),
    )(a)


def _derivative(a: Any, e: Any) -> Any:
    """L, the derivative of exp at a in the direction e, with its own gradient.

    exp([[a, e], [0, a]]) = [[exp(a), L], [0, exp(a)]], and so the gradient of L is among that of this block.
    """

    def gradient(arguments: Any, g: Any) -> Any:
        n = g.shape[-1]
        d = _derivative(_adjoint(_block(*arguments)), _block(ops.zeros_like(g), g))
        return d[..., :n, :n] + d[..., n:, n:], d[..., :n, n:]

    return _with_gradient(lambda a, e: _scale_and_square([a, e])[1], gradient)(a, e)


def _with_gradient(value: Callable[..., Any], gradient: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The function `value` whose gradient is `gradient(arguments, g)`, and so on for the gradient of that."""
    if keras.backend.backend() == "jax":
        import jax

        # Not `ops.custom_gradient`, whose second derivative goes through `value`.
        function = jax.custom_vjp(value)
        function.defvjp(lambda *arguments: (function(*arguments), arguments), gradient)
        return function
    return custom_gradient(lambda *arguments: (value(*arguments), lambda g: gradient(arguments, g)))


def _block(a: Any, e: Any) -> Any:
    above, below = ops.concatenate([a, e], axis=-1), ops.concatenate([ops.zeros_like(a), a], axis=-1)
    return ops.concatenate([above, below], axis=-2)


def _adjoint(a: Any) -> Any:
    a = ops.swapaxes(a, -1, -2)
    # TensorFlow multiplies gradients of complex functions by the conjugate, JAX does not.
    return ops.conj(a) if keras.backend.backend() == "tensorflow" and is_complex(a) else a


def _scale_and_square(parts: Parts) -> Parts:
    """exp of the first part, and with a second part its derivative in that direction."""
    a, dtype = parts[0], parts[0].dtype
    real = ops.real(a).dtype if is_complex(a) else dtype
    (low, middle, high), most = LIMITS[keras.backend.standardize_dtype(real)]
    p2 = _times(parts, parts)
    p3, p4 = _times(p2, parts), _times(p2, p2)
    norm = ops.maximum(_norm(p3[0]) ** (1 / 3), _norm(p4[0]) ** (1 / 4))
    largest = ops.max(norm)
    rows = 1 + ops.cast(largest > low, "int32") + ops.cast(largest > middle, "int32")
    too_large = ops.logical_or(norm > high * 2.0**most, ops.isnan(norm))
    squarings = ops.ceil(ops.log2(ops.where(too_large, ops.ones_like(norm), norm) / high))
    squarings = ops.cast(ops.clip(squarings, 0, most), "int32")

    scales = ops.take(ops.convert_to_tensor(0.5 ** np.arange(most + 1), real), squarings)
    powers, scale = [[ops.eye(a.shape[-1], dtype=dtype) + ops.zeros_like(a)]], ops.cast(scales, dtype)
    powers[0] += [ops.zeros_like(x) for x in parts[1:]]
    for k, power in enumerate((parts, p2, p3, p4), start=1):
        powers.append([x * scale**k for x in power])
    flat = [ops.reshape(ops.stack([p[k] for p in powers[:4]]), (4, -1)) for k in range(len(parts))]

    def row(k: Any) -> Parts:
        """I / (4k)! + a / (4k+1)! + a^2 / (4k+2)! + a^3 / (4k+3)!"""
        factors = ops.take(ops.convert_to_tensor(ROWS, dtype), [k], axis=0)
        return [ops.reshape(factors @ x, ops.shape(a)) for x in flat]

    following = ops.take(ops.convert_to_tensor(FOLLOWING, dtype), rows)
    first = [x + following * y for x, y in zip(row(rows), powers[4])]

    def down(k: Any, polynomial: Parts) -> Any:
        return k - 1, [x + y for x, y in zip(_times(polynomial, powers[4]), row(k - 1))]

    # The iterations are bounded, for XLA keeps them in lists of fixed size for second derivatives.
    result = ops.while_loop(lambda k, _: k > 0, down, (rows, first), maximum_iterations=3)[1]

    def square(k: Any, found: Parts) -> Any:
        squared = _times(found, found)
        if len(a.shape) > 2:  # each matrix of a batch is squared as often as it was halved
            squared = [ops.where(k < squarings, x, y) for x, y in zip(squared, found)]
        return k + 1, squared

    times = ops.max(squarings)
    start = (ops.zeros_like(times), result)
    result = ops.while_loop(lambda k, _: k < times, square, start, maximum_iterations=most)[1]
    nan = ops.where(too_large, ops.full_like(norm, np.nan), ops.zeros_like(norm))
    return [x + ops.cast(nan, dtype) for x in result]


def _times(x: Parts, y: Parts) -> Parts:
    """The product, and its derivative by the rule of products."""
    # Not `ops.matmul`, which rounds complex128 to complex64.
    product = [x[0] @ y[0]]
    return product if len(x) == 1 else [*product, x[0] @ y[1] + x[1] @ y[0]]


def _norm(a: Any) -> Any:
    """The largest sum of a column, `(..., 1, 1)`."""
    return ops.max(ops.sum(ops.abs(a), axis=-2, keepdims=True), axis=-1, keepdims=True)


def is_complex(a: Any) -> bool:
    """Whether its numbers are complex."""
    return "complex" in keras.backend.standardize_dtype(a.dtype)
