"""Cross-attention: each step of a sequence reads a memory, through several heads."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.attention import check_rows
from keras_rnn.layers.cell import Constants
from keras_rnn.layers.checked import known_features
from keras_rnn.layers.headed_attention import HeadedAttention, check_sequences
from keras_rnn.layers.sequence_inputs import checked_mask


@keras.saving.register_keras_serializable("keras_rnn")
class CrossAttention(HeadedAttention):
    """Each step of one sequence asks the vectors of another, through several heads.

        q       = x W_q + b_q                                      in N heads
        k, v    = m W_m + b_m                                      split in two, each in N heads
        a[i, j] = softmax_j(q[i] . k[j] / sqrt(h))                 in each head, over the unmasked j
        c[i]    = sum_j a[i, j] v[j]
        y[i]    = [c[i] of head 1; ..; c[i] of head N] W_o + b_o

    What does not depend on x is computed once for a memory, in `get_constants`; `read` is then a pure
    function, for all steps or one by one. Where a memory has nothing to read, weights and y are 0.

    Weights, with d features and d_m of the memory:
        output_kernel W_o: `(N h, d)`, and output_bias b_o: `(d,)`.
        query_kernel W_q: `(d, N h)`, and query_bias b_q: `(N h,)`.
        memory_kernel W_m: `(d_m, 2 N h)`, and memory_bias b_m: `(2 N h,)`: the columns of k, then of v.
        In all `2 (d + d_m) N h + 3 N h + d` parameters.

    Args:
        heads: N, a positive integer.
        key_dimension: h, a positive integer. Default: d / N, which must be one.
        dropout: share of the attention weights that is dropped while training, in [0, 1). Default `0.0`.
        kernel_initializer: starting values of W_q, W_m, as one matrix, and W_o.
        seed: integer, makes the dropout reproducible.

    Call arguments:
        inputs: x, `(batch, time, d)`.
        memory: m, `(batch, source, d_m)`.
        memory_mask: `(batch, source)`, nonzero where there is something to read. Default: everywhere.
        training: whether weights are dropped.
        return_weights: return a, too.

    Returns:
        y, `(batch, time, d)`; with `return_weights` a tuple of it and a, before dropout,
        `(batch, N, time, source)`.

    Raises:
        ValueError: if the features are no multiple of `heads`, or a shape is none of the above.

    Source: A. Vaswani and others, "Attention Is All You Need", NIPS 2017, section 3.2. Difference: biases, as
    most code has them.

    Example:

    >>> layer = CrossAttention(heads=2)
    >>> y, a = layer(np.zeros((3, 5, 8)), np.zeros((3, 7, 6)), return_weights=True)
    >>> y.shape, a.shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([3, 5, 8]), TensorShape([3, 2, 5, 7]), [(8, 8), (8,), (8, 8), (8,), (6, 16), (16,)])
    """

    def build(self, inputs_shape: Any, memory_shape: Any, **_: Any) -> None:
        check_sequences(self, inputs_shape)
        features, of_memory = (
            known_features(self, shape, what)
            for shape, what in ((inputs_shape, "inputs"), (memory_shape, "memory"))
        )
        size = self.build_output(features)
        start = self.kernel_initializer
        self.query_kernel = self.add_weight(name="query_kernel", shape=(features, size), initializer=start)
        self.query_bias = self.add_weight(name="query_bias", shape=(size,), initializer="zeros")
        self.memory_kernel = self.add_weight(
            name="memory_kernel", shape=(of_memory, 2 * size), initializer=start
        )
        self.memory_bias = self.add_weight(name="memory_bias", shape=(2 * size,), initializer="zeros")

    def get_constants(self, memory: Any, memory_mask: Any = None) -> Constants:
        """What all steps share: keys and values of the memory, and its mask."""
        if len(memory.shape) != 3:
            raise ValueError(
                f"The `memory` of `{self.name}` must have shape (batch, source, d); received shape "
                f"{tuple(memory.shape)}."
            )
        k, v = self.projected(memory, self.memory_kernel, self.memory_bias, parts=2)
        constants = {"keys_rows": k, "values_rows": v}
        if memory_mask is not None:
            constants["memory_mask"] = checked_mask(memory_mask, memory, "memory_mask")
        return constants

    def read(
        self, x: Any, constants: Constants, training: bool = False, return_weights: bool = False
    ) -> tuple[Any, Any]:
        """y, and a where it is asked for, of x `(batch, time, d)`; pure but for dropout."""
        [q] = self.projected(x, self.query_kernel, self.query_bias)
        k, v = constants["keys_rows"], constants["values_rows"]
        mask = constants.get("memory_mask")
        y, a = self.attend(q, k, v, mask, training=training, return_weights=return_weights)
        if mask is not None:
            some = ops.any(mask, axis=1)
            y = ops.where(some[:, None, None], y, 0.0)
            a = ops.where(some[:, None, None, None], a, 0.0) if return_weights else None
        return y, a

    def call(
        self,
        inputs: Any,
        memory: Any,
        memory_mask: Any = None,
        training: bool = False,
        return_weights: bool = False,
    ) -> Any:
        constants = self.get_constants(memory, memory_mask)
        check_rows(memory, inputs, "inputs")
        y, a = self.read(inputs, constants, training, return_weights)
        return (y, a) if return_weights else y
