"""Self-attention: each step of a sequence reads all steps."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import States
from keras_rnn.layers.checked import known_features
from keras_rnn.layers.headed_attention import HeadedAttention, check_sequences
from keras_rnn.layers.sequence_inputs import checked_mask
from keras_rnn.ops.positions import rotate, step_numbers


@keras.saving.register_keras_serializable("keras_rnn")
class SelfAttention(HeadedAttention):
    """Each step asks the steps of its own sequence, through several heads.

        q, k, v = x W + b                                          split in three, each in N heads
        a[i, j] = softmax_j(q[i] . k[j] / sqrt(h))                 in each head
        c[i]    = sum_j a[i, j] v[j]
        y[i]    = [c[i] of head 1; ..; c[i] of head N] W_o + b_o

    over the steps j that count and, with `causal`, j <= i. With `rotary`, q[i] and k[j] are turned by angles
    that grow with the positions i and j, of which a[i, j] then sees the distance; without it the order of the
    steps is no matter but for `causal`: add positions to x, as `keras_rnn.layers.SinusoidalPositions` does.

    Masked steps are read by nobody, have y = 0 and weights 0, and no number: positions count the steps that
    count, so that padding on the left, behind or between changes nothing. A row in which no step counts gives
    zeros.

    Weights, with d features:
        output_kernel W_o: `(N h, d)`, and output_bias b_o: `(d,)`.
        kernel W: `(d, 3 N h)`, and bias b: `(3 N h,)`: the columns of q, of k and of v, each head after head.
        In all `4 d N h + 3 N h + d` parameters.

    Args:
        heads: N, a positive integer.
        key_dimension: h, a positive integer. Default: d / N, which must be one.
        causal: whether a step reads itself and earlier steps alone. Default `False`.
        rotary: whether q and k are turned; h is then even. Default `False`.
        dropout: share of the attention weights that is dropped while training, in [0, 1). Default `0.0`.
        kernel_initializer: starting values of W, as one matrix, and of W_o.
        seed: integer, makes the dropout reproducible.

    Call arguments:
        inputs: x, `(batch, time, d)`.
        mask: `(batch, time)`, nonzero where a step counts. Default: the mask that came with `inputs`, if any.
        training: whether weights are dropped.
        return_weights: return a, too.

    Returns:
        y, `(batch, time, d)`; with `return_weights` a tuple of it and a, before dropout,
        `(batch, N, time, time)`.

    Raises:
        ValueError: if the features are no multiple of `heads`, or h is odd with `rotary`, or a shape is none
            of the above.

    Sources: A. Vaswani and others, "Attention Is All You Need", NIPS 2017, section 3.2; for `rotary` see
    `keras_rnn.ops.positions.rotate`. Difference: biases, as most code has them.

    Example:

    >>> layer = SelfAttention(heads=2, causal=True)
    >>> y, a = layer(np.ones((3, 5, 8), "float32"), return_weights=True)
    >>> y.shape, a.shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([3, 5, 8]), TensorShape([3, 2, 5, 5]), [(8, 8), (8,), (8, 24), (24,)])
    >>> np.asarray(a)[0, 0, 1].round(3).tolist()
    [0.5, 0.5, 0.0, 0.0, 0.0]
    """

    def __init__(
        self,
        heads: int,
        key_dimension: int | None = None,
        causal: bool = False,
        rotary: bool = False,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(heads, key_dimension, dropout, kernel_initializer, seed, **kwargs)
        self.causal = causal
        self.rotary = rotary

    def build(self, inputs_shape: Any, **_: Any) -> None:
        check_sequences(self, inputs_shape)
        features = known_features(self, inputs_shape)
        size = self.build_output(features)
        if self.rotary and size // self.heads % 2:
            raise ValueError(
                f"`rotary` turns pairs of features and needs an even `key_dimension`; `{self.name}` has "
                f"key_dimension={size // self.heads}. Change it, or `heads`."
            )
        self.kernel = self.add_weight(
            name="kernel", shape=(features, 3 * size), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(3 * size,), initializer="zeros")

    def _queries_keys_values(self, x: Any, positions: Any) -> list[Any]:
        q, k, v = self.projected(x, self.kernel, self.bias, parts=3)
        return [rotate(q, positions), rotate(k, positions), v] if self.rotary else [q, k, v]

    def call(
        self, inputs: Any, mask: Any = None, training: bool = False, return_weights: bool = False
    ) -> Any:
        if mask is not None:
            mask = checked_mask(mask, inputs, "mask")
        q, k, v = self._queries_keys_values(inputs, step_numbers(inputs, mask))
        y, a = self.attend(q, k, v, mask, self.causal, training, return_weights)
        if mask is not None:
            y = ops.where(mask[:, :, None], y, 0.0)
        if not return_weights:
            return y
        return y, a if mask is None else ops.where(mask[:, None, :, None], a, 0.0)

    def first_states(self, batch_size: Any, limit: Any) -> States:
        """What `step` begins with, before the first step: no keys, no values, position 0.

        Args:
            batch_size: number of rows.
            limit: the most steps that will be taken; what a later one reads is wrong.
        """
        size = self.output_kernel.shape[0] // self.heads
        keys, values = (
            ops.zeros((batch_size, limit, self.heads, size), self.compute_dtype) for _ in range(2)
        )
        return [keys, values, ops.zeros((batch_size,), "int32")]

    def step(self, x: Any, states: States) -> tuple[Any, States]:
        """One step of a causal layer, for decoding: `(y, states)` from x `(batch, d)`; pure.

        The states hold keys and values `(batch, limit, N, h)` of the steps before, and their number
        `(batch,)`. All rows have the same number, and no step is masked.
        """
        keys, values, position = states
        q, k, v = self._queries_keys_values(x, position)
        steps = ops.arange(ops.shape(keys)[1], dtype="int32")
        here = (steps == position[:, None])[:, :, None, None]
        keys, values = ops.where(here, k[:, None], keys), ops.where(here, v[:, None], values)
        y, _ = self.attend(q[:, None], keys, values, steps <= position[:, None])
        return y[:, 0], [keys, values, position + 1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "causal": self.causal, "rotary": self.rotary}
