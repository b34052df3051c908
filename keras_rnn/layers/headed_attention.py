"""What self-attention and cross-attention share: heads, and the product that joins them."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.checked import check_rate, checked_size
from keras_rnn.ops.affine import project
from keras_rnn.ops.head_attention import fused_attention, head_weights, read_heads


class HeadedAttention(keras.layers.Layer):
    """Abstract: N heads with queries, keys and values of h features each, whose contexts are joined.

        y[i] = [c[i] of head 1; ..; c[i] of head N] W_o + b_o

    Without dropout, and where no weights are asked for, all heads are one operation on backends that have it
    (`keras.ops.dot_product_attention`); a test holds it equal to the plain products.

    A subclass makes queries, keys and values, and gives `build`, which calls `build_output`.

    Args:
        heads, key_dimension, dropout, kernel_initializer, seed: see `keras_rnn.layers.SelfAttention`.
    """

    def __init__(
        self,
        heads: int,
        key_dimension: int | None = None,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads = checked_size("heads", heads)
        self.key_dimension = None if key_dimension is None else checked_size("key_dimension", key_dimension)
        check_rate("dropout", dropout)
        self.dropout = dropout
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build_output(self, features: int) -> int:
        """Makes W_o and b_o, of the size of the inputs; the size of all heads together."""
        if self.key_dimension is None and features % self.heads:
            raise ValueError(
                f"The features of the inputs of `{self.name}` must be a multiple of `heads`; received "
                f"{features} features, heads={self.heads}. Change one of them, or give `key_dimension`."
            )
        size = self.heads * (self.key_dimension or features // self.heads)
        self.output_kernel = self.add_weight(
            name="output_kernel", shape=(size, features), initializer=self.kernel_initializer
        )
        self.output_bias = self.add_weight(name="output_bias", shape=(features,), initializer="zeros")
        return size

    def projected(self, x: Any, kernel: Any, bias: Any, parts: int = 1) -> list[Any]:
        """x W + b, `(.., parts N h)`, as that many tensors `(.., N, h)`."""
        dtype = self.compute_dtype
        z = project(ops.cast(x, dtype), ops.cast(kernel, dtype), ops.cast(bias, dtype), dtype)
        found = ops.split(z, parts, axis=-1) if parts > 1 else [z]
        size = found[0].shape[-1] // self.heads
        return [ops.reshape(part, (*ops.shape(part)[:-1], self.heads, size)) for part in found]

    def attend(
        self,
        q: Any,
        k: Any,
        v: Any,
        mask: Any = None,
        causal: bool = False,
        training: bool = False,
        return_weights: bool = False,
    ) -> tuple[Any, Any]:
        """y, and the weights before dropout `(batch, N, time, source)`, or None where there are none to show.

        Arguments as of `keras_rnn.ops.head_attention.fused_attention`.
        """
        drops = bool(training and self.dropout)
        a = None
        # On TensorFlow the operation of Keras is the same products, and slower; on JAX it has no 64 bits.
        fuses = keras.backend.backend() != "tensorflow" and self.compute_dtype != "float64"
        if fuses and not drops and not return_weights:
            c = fused_attention(q, k, v, mask, causal)
        else:
            a = used = head_weights(q, k, mask, causal)
            if drops:
                used = keras.random.dropout(a, self.dropout, seed=self.seed_generator)
            c = read_heads(used, v)
        c = ops.reshape(c, (*ops.shape(c)[:-2], self.output_kernel.shape[0]))
        W, b = (ops.cast(w, self.compute_dtype) for w in (self.output_kernel, self.output_bias))
        return project(c, W, b, self.compute_dtype), a

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return previous_mask

    def compute_output_shape(self, inputs_shape: Any, *_: Any, **__: Any) -> Any:
        return inputs_shape

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # With weights there are two outputs: the call is traced.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "key_dimension": self.key_dimension,
            "dropout": self.dropout,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
        }


def check_sequences(layer: Any, shape: Any) -> None:
    """Raises ValueError unless a shape is one of sequences."""
    if len(shape) != 3:
        raise ValueError(
            f"`{layer.name}` reads sequences of shape (batch, time, features); received shape {tuple(shape)}."
        )
