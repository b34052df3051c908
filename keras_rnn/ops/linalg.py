"""Maps onto the orthogonal group: matrix exponential, Cayley transform, products of reflections."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.ops.exponential import exponential, is_complex


def matrix_exp(a: Any) -> Any:
    """The matrix exponential, with its exact gradient.

        exp(a) = I + a + a a / 2! + a a a / 3! + ..

    It is made of matrix products alone, so it compiles under XLA. With a scaled by 2^-s it is a Taylor
    polynomial of degree 8, 12 or 16 in four powers of a (Paterson and Stockmeyer 1973), squared s times:

        exp(a) = T(a / 2^s)^(2^s)

    The degree and s are chosen while it is computed, from the 1-norms of the third and the fourth power,
    max(|a^3|^(1/3), |a^4|^(1/4)), which for a large random matrix is much below |a| (Al-Mohy and Higham
    2009); s for each matrix of a batch by itself. It takes 4 products for a small matrix and 6 + s for a
    large one.

    The gradient is the derivative L of exp at the conjugate transpose of a, in the direction of what comes
    in, by the same polynomial and squarings, in which each product X Y has the derivative X dY + dX Y. It
    can be differentiated again.

    The relative error is about the rounding of the dtype times the norm of a: no method does better, as the
    exponential magnifies errors of a as much.

    Args:
        a: `(..., n, n)`, of dtype float32, float64, complex64 or complex128.

    Returns:
        A tensor of the shape and dtype of `a`.

    Raises:
        TypeError: if `a` has another dtype.
        ValueError: if its last two axes are not equal; if it is not finite, or so large that the exponential
            overflows, or that no digit would be right (a norm of 2e6 in float32, 1e14 in float64). In a
            TensorFlow graph this is a `tf.errors.InvalidArgumentError` while it runs. XLA and `jax.jit`
            cannot raise: there such a matrix is NaN as a whole.

    Example:

    >>> np.round(np.array(matrix_exp(np.array([[0.0, np.pi / 2], [-np.pi / 2, 0.0]]))), 6) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    a = _checked(a)
    return _all_finite(
        exponential(a),
        a,
        "`a` must be finite, and its norm such that exp(a) does not overflow and keeps a right digit",
    )


def cayley(a: Any) -> Any:
    """The Cayley transform, with its exact gradient.

        cayley(a) = (I - a/2)^-1 (I + a/2)

    It agrees with exp(a) up to the second order, and takes a skew-symmetric a to an orthogonal matrix
    without the eigenvalue -1, a skew-Hermitian one to a unitary matrix. For them I - a/2 is never singular.

    As (I - a/2)^-1 (I + a/2) = 2 (I - a/2)^-1 - I, one inverse is all it takes, forward and back.

    Args:
        a: `(..., n, n)`, of dtype float32, float64, complex64 or complex128. (TensorFlow's XLA inverts real
            matrices alone.)

    Returns:
        A tensor of the shape and dtype of `a`.

    Raises:
        TypeError: if `a` has another dtype.
        ValueError: if its last two axes are not equal, or if it is not finite; in graphs as in `matrix_exp`.

    Example:

    >>> np.array(cayley(np.array([[0.0, 2.0], [-2.0, 0.0]])))
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    a = _checked(a)
    identity = ops.eye(a.shape[-1], dtype=a.dtype)
    return _all_finite(2 * ops.inv(identity - a / 2) - identity, a, "`a` must be finite, and I - a/2 regular")


def householder(v: Any) -> Any:
    """The product of the reflections along the columns of v, in compact form, with its exact gradient.

        H_i = I - 2 v_i v_i^T / |v_i|^2
        householder(v) = H_1 H_2 .. H_k = I - U S^-1 U^T,    U = columns v_i / |v_i|,
                                                             S = I/2 + strictly upper part of U^T U

    in four matrix products in place of k updates. A column of zeros stands for the identity. The determinant
    is -1 for an odd number of other columns, and else 1. Every orthogonal n by n matrix is such a product,
    of n reflections at most.

    Args:
        v: `(..., n, k)`, k at most n, of dtype float32 or float64.

    Returns:
        `(..., n, n)`, orthogonal.

    Raises:
        TypeError: if `v` has another dtype, a complex one among them.
        ValueError: if `v` has more columns than rows, or if it is not finite; in graphs as in `matrix_exp`.

    Source: R. Schreiber, C. Van Loan, "A Storage-Efficient WY Representation for Products of Householder
    Transformations", SIAM J. Sci. Stat. Comput. 10 (1989); the inverse of S is that of Joffrain et al. 2006.

    Example:

    >>> np.array(householder(np.array([[1.0], [0.0]])))
    array([[-1.,  0.],
           [ 0.,  1.]])
    """
    v = _checked(v, "v", dtypes=("float32", "float64"), square=False)
    n, k = v.shape[-2:]
    if k > n:
        raise ValueError(
            f"`v` must have at most as many columns as rows, for n reflections reach every orthogonal n by n "
            f"matrix; received shape {tuple(v.shape)}. Transpose it, or leave columns out."
        )
    largest = ops.max(ops.abs(v), axis=-2, keepdims=True)  # scaled by it first, no square overflows
    some = largest > 0
    scaled = v / ops.where(some, largest, ops.ones_like(largest))
    square = ops.sum(scaled * scaled, axis=-2, keepdims=True)
    U = scaled * ops.where(some, ops.rsqrt(ops.where(some, square, 1)), 0)
    transposed = ops.swapaxes(U, -1, -2)
    S = ops.triu(transposed @ U, 1) + ops.eye(k, dtype=v.dtype) / 2
    Q = ops.eye(n, dtype=v.dtype) - U @ ops.solve_triangular(S, transposed)
    return _all_finite(Q, v, "`v` must be finite")


def real_form(R: Any, S: Any) -> Any:
    """R + i S as a real matrix of twice the size, [[R, S], [-S, R]]; of arrays an array.

    Rows that hold real parts and then imaginary ones, multiplied by it from the right, are multiplied by
    R + i S.
    """
    numpy = np if isinstance(R, np.ndarray) else ops
    return numpy.concatenate([numpy.concatenate([R, S], axis=1), numpy.concatenate([-S, R], axis=1)], axis=0)


# ---------------------------------------------------------------------------- checks


def _checked(
    a: Any,
    name: str = "a",
    dtypes: tuple[str, ...] = ("float32", "float64", "complex64", "complex128"),
    square: bool = True,
) -> Any:
    a = ops.convert_to_tensor(a)
    dtype = keras.backend.standardize_dtype(a.dtype)
    if dtype not in dtypes:
        raise TypeError(
            f"`{name}` must be of dtype {', '.join(dtypes)}; received dtype {dtype}. Cast it to one of them."
        )
    shape = tuple(a.shape)
    if len(shape) < 2 or (square and shape[-1] != shape[-2]) or None in shape[-2:]:
        wanted = "(..., n, n), square" if square else "(..., n, k)"
        raise ValueError(f"`{name}` must have a known shape {wanted}; received shape {shape}.")
    return a


def is_traced(tensor: Any) -> bool:
    """Whether it stands for a value in a graph, or under a transformation of JAX, and has none itself."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.is_symbolic_tensor(tensor)
    if keras.backend.backend() == "jax":
        import jax

        return isinstance(tensor, jax.core.Tracer)
    return False


def _all_finite(result: Any, given: Any, demand: str) -> Any:
    """The result, which is checked where one can raise an error."""
    if is_traced(result):
        if keras.backend.backend() != "tensorflow":
            return result
        import tensorflow as tf

        magnitude = ops.abs(result) if is_complex(result) else result
        with tf.control_dependencies([tf.debugging.check_numerics(magnitude, f"{demand}.")]):
            return tf.identity(result)
    if not np.all(np.isfinite(ops.convert_to_numpy(result))):
        largest = float(np.max(np.abs(ops.convert_to_numpy(given)), initial=0.0))
        raise ValueError(
            f"{demand}; received shape {tuple(given.shape)}, the largest entry {largest:g}, of dtype "
            f"{keras.backend.standardize_dtype(given.dtype)}. Scale it down, or find what made it so large."
        )
    return result
