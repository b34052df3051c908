"""Some vectors from a sequence: what attention finds in it."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.headed_attention import check_sequences
from keras_rnn.layers.sequence_inputs import checked_mask
from keras_rnn.ops.affine import project
from keras_rnn.ops.attention import masked_softmax


@keras.saving.register_keras_serializable("keras_rnn")
class AttentionPooling(keras.layers.Layer):
    """Pools a sequence by learned weights over its steps, in several hops that look at different ones.

        A = softmax(tanh(x W_1) W_2) over the steps that count, transposed          (hops, time)
        M = A x                                                                     (hops, d)
        loss += penalty * ||A A^T - I||_F^2                                         the mean over the rows

    The penalty, added while training, is 0 where each hop looks at one step, and no two at the same. A row in
    which no step counts gives zeros, and is not punished.

    Weights:
        hidden_kernel W_1: `(d, units)`.
        hop_kernel W_2: `(units, hops)`.
        In all `units (d + hops)` parameters.

    Differences from the paper: none. Its sequence is what a bidirectional LSTM gives.

    Args:
        units: positive integer, size of the hidden layer that scores a step.
        hops: positive integer, how many weighted means there are. Default 1.
        penalty: number from 0. Default `0.0`.
        kernel_initializer: starting values of W_1 and W_2.

    Call arguments:
        inputs: x, `(batch, time, d)`.
        mask: `(batch, time)`, nonzero where a step counts. Default: the mask that came with `inputs`, if any.
        training: whether the penalty is added.
        return_weights: return A, too.

    Returns:
        The rows of M side by side, `(batch, hops d)`; with `return_weights` a tuple of it and A,
        `(batch, hops, time)`.

    Raises:
        ValueError: if `units` or `hops` is no positive integer, `penalty` is negative, or the inputs have not
            three axes.

    Source: Z. Lin and others, "A Structured Self-Attentive Sentence Embedding", ICLR 2017, equations 5 to 8.

    Example:

    >>> layer = AttentionPooling(4, hops=2)
    >>> y, A = layer(np.zeros((3, 5, 8)), return_weights=True)
    >>> y.shape, A.shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([3, 16]), TensorShape([3, 2, 5]), [(8, 4), (4, 2)])
    """

    def __init__(
        self,
        units: int,
        hops: int = 1,
        penalty: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = checked_size("units", units)
        self.hops = checked_size("hops", hops)
        if not 0 <= penalty < float("inf"):
            raise ValueError(f"`penalty` must be a number of at least 0; received penalty={penalty!r}.")
        self.penalty = penalty
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, inputs_shape: Any, **_: Any) -> None:
        check_sequences(self, inputs_shape)
        features, start = known_features(self, inputs_shape), self.kernel_initializer
        self.hidden_kernel = self.add_weight(
            name="hidden_kernel", shape=(features, self.units), initializer=start
        )
        self.hop_kernel = self.add_weight(name="hop_kernel", shape=(self.units, self.hops), initializer=start)

    def call(
        self, inputs: Any, mask: Any = None, training: bool = False, return_weights: bool = False
    ) -> Any:
        dtype = self.compute_dtype
        wide = "float32" if dtype in ("float16", "bfloat16") else dtype
        x = ops.cast(inputs, dtype)
        mask = None if mask is None else checked_mask(mask, x, "mask")
        W_1, W_2 = (ops.cast(w, dtype) for w in (self.hidden_kernel, self.hop_kernel))
        hidden = ops.cast(ops.tanh(project(x, W_1, None, wide)), dtype)
        e = ops.swapaxes(project(hidden, W_2, None, wide), 1, 2)
        A = masked_softmax(e, None if mask is None else mask[:, None])
        if training and self.penalty:
            self.add_loss(self.penalty * self._overlap(A, mask))
        M = ops.matmul(ops.cast(A, dtype), x)
        y = ops.reshape(M, (ops.shape(M)[0], self.hops * M.shape[-1]))
        return (y, A) if return_weights else y

    def _overlap(self, A: Any, mask: Any) -> Any:
        """||A A^T - I||_F^2, the mean over the rows in which a step counts."""
        apart = ops.matmul(A, ops.swapaxes(A, 1, 2)) - ops.eye(self.hops, dtype=A.dtype)
        overlap = ops.sum(ops.square(apart), axis=(1, 2))
        if mask is None:
            return ops.mean(overlap)
        counts = ops.cast(ops.any(mask, axis=1), A.dtype)
        return ops.sum(overlap * counts) / ops.maximum(ops.sum(counts), 1)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None

    def compute_output_shape(self, inputs_shape: Any, *_: Any, **__: Any) -> tuple[Any, ...]:
        return (inputs_shape[0], self.hops * inputs_shape[-1])

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # With weights there are two outputs: the call is traced.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "hops": self.hops,
            "penalty": self.penalty,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }
