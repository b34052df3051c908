"""Attention of several heads: all at once, or with the weights to be seen.

    e[i, j] = q[i] . k[j] / sqrt(h)
    a[i]    = softmax(e[i]) over the positions j that query i may read
    c[i]    = sum_j a[i, j] v[j]

in each head. A query that may read nothing gets some mean of the values: whoever asks makes zeros of that.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from keras_rnn.ops.attention import NEVER, masked_softmax


def fused_attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False) -> Any:
    """c, by the one operation that Keras has for it, which is fast on its accelerators.

    Args:
        q: queries `(batch, time, heads, h)`.
        k: keys `(batch, source, heads, h)`.
        v: values `(batch, source, heads, d)`.
        mask: booleans `(batch, source)`, true where there is something to read; or None.
        causal: whether query i reads the positions j <= i alone; source is then time.

    Returns:
        `(batch, time, heads, d)`.
    """
    # q is smaller than e. And Keras would round a scale of float64 to float32.
    q, mask = q / math.sqrt(q.shape[-1]), None if mask is None else mask[:, None, None, :]
    return ops.dot_product_attention(q, k, v, mask=mask, scale=1.0, is_causal=causal)


def head_weights(q: Any, k: Any, mask: Any = None, causal: bool = False) -> Any:
    """a, `(batch, heads, time, source)`, in float32 at least; arguments as of `fused_attention`."""
    dtype = keras.backend.standardize_dtype(q.dtype)
    dtype = "float32" if dtype in ("float16", "bfloat16") else dtype
    q = q / math.sqrt(q.shape[-1])
    e = ops.cast(ops.matmul(ops.transpose(q, (0, 2, 1, 3)), ops.transpose(k, (0, 2, 3, 1))), dtype)
    # Added to the scores: cheaper than a choice for each of them.
    if mask is not None:
        e = e + ops.cast(ops.where(mask, 0.0, NEVER), dtype)[:, None, None, :]
    if causal:
        steps = ops.arange(ops.shape(q)[1])
        e = e + ops.cast(ops.where(steps[:, None] >= steps, 0.0, NEVER), dtype)
    return masked_softmax(e)


def read_heads(a: Any, v: Any) -> Any:
    """c, `(batch, time, heads, d)`, of weights a, in the dtype of v."""
    c = ops.matmul(ops.cast(a, v.dtype), ops.transpose(v, (0, 2, 1, 3)))
    return ops.transpose(c, (0, 2, 1, 3))
