"""The affine map of many rows, with the gradient of its bias as a product."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.ops.custom_gradient import custom_gradient


def affine(rows: Any, matrix: Any, bias: Any) -> Any:
    """`rows @ matrix + bias`.

    TensorFlow joins product and sum in one operation if they stand side by side, and sums over rows four
    times slower than a product with ones does.

    Args:
        rows: `(rows, m)`.
        matrix: `(m, n)`.
        bias: `(n,)`.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.matmul(rows, matrix) + bias

    @custom_gradient
    def map_rows(rows: Any, matrix: Any, bias: Any) -> Any:
        def gradient(d: Any) -> Any:
            d_rows = ops.matmul(d, ops.transpose(matrix))
            return d_rows, ops.matmul(ops.transpose(rows), d), sum_of_rows(d)

        return ops.matmul(rows, matrix) + bias, gradient

    return map_rows(rows, matrix, bias)


def project(inputs: Any, matrix: Any, bias: Any, dtype: str) -> Any:
    """`inputs @ matrix (+ bias)` over all leading axes: the product in the dtype of inputs, then `dtype`.

    Args:
        inputs: `(..., m)`, of the dtype of `matrix`.
        matrix: `(m, n)`.
        bias: `(n,)` in `dtype`, or None.
        dtype: of the result, `(..., n)`.
    """
    # As one product of two matrices: with three axes TensorFlow takes a slower way, back even more so.
    rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
    if bias is not None and keras.backend.standardize_dtype(inputs.dtype) == dtype:
        product = affine(rows, matrix, bias)
    else:
        product = ops.cast(ops.matmul(rows, matrix), dtype)
        product = product if bias is None else product + bias
    return ops.reshape(product, (*ops.shape(inputs)[:-1], product.shape[-1]))


def sum_of_rows(rows: Any) -> Any:
    """The sum over the rows of `(rows, n)`, as a product."""
    ones = ops.ones((1, ops.shape(rows)[0]), rows.dtype)
    return ops.squeeze(ops.matmul(ones, rows), 0)
