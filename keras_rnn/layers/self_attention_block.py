"""The block that Transformers are stacks of: attention, then a feed-forward network at each step."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations, initializers, ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import check_rate, checked_size, known_features
from keras_rnn.layers.cross_attention import CrossAttention
from keras_rnn.layers.headed_attention import check_sequences
from keras_rnn.layers.self_attention import SelfAttention
from keras_rnn.layers.sequence_inputs import checked_mask
from keras_rnn.ops.affine import project

ORDERS = ("before", "after")


@keras.saving.register_keras_serializable("keras_rnn")
class SelfAttentionBlock(keras.layers.Layer):
    """Self-attention, cross-attention to a memory if there is one, feed-forward network; each is residual.

        normalize="before"                                normalize="after"
        s = x + drop(attention(norm(x)))                  s = norm(x + drop(attention(x)))
        r = s + drop(cross_attention(norm(s), m))         r = norm(s + drop(cross_attention(s, m)))
        y = r + drop(f(norm(r)))                          y = norm(r + drop(f(r)))

        f(z) = activation(z W_1 + b_1) W_2 + b_2

    Without a memory r = s. Each norm is a `keras.layers.LayerNormalization` of its own. A stack of blocks
    that normalize before wants one more behind it. At masked steps y = 0.

    Weights: those of the attention, its norm; of the cross-attention, its norm; of f, its norm.
        feed_forward_kernel W_1: `(d, feed_forward)`, and feed_forward_bias b_1.
        joining_kernel W_2: `(feed_forward, d)`, and joining_bias b_2.

    Args:
        heads: number of heads of each attention, which divides the features d.
        feed_forward: positive integer, size of the hidden layer of f. Default: 4 d.
        activation: the function of the hidden layer. Default `"relu"`.
        normalize: `"before"` or `"after"`. Default `"before"`.
        causal: whether a step reads itself and earlier steps alone. Default `False`.
        rotary: see `keras_rnn.layers.SelfAttention`. Default `False`.
        dropout: share of what each part adds that is dropped while training, in [0, 1). Default `0.0`.
        attention_dropout: share of the attention weights. Default `0.0`.
        kernel_initializer: starting values of all kernels.
        seed: integer, makes the dropout reproducible.

    Call arguments:
        inputs: x, `(batch, time, d)`.
        memory: m, `(batch, source, d_m)`, at all calls or at none.
        memory_mask: `(batch, source)`, nonzero where there is something to read. Default: everywhere.
        mask: `(batch, time)`, nonzero where a step counts. Default: the mask that came with `inputs`, if any.
        training: whether dropout is on.
        return_weights: return the weights of the attention, and of the cross-attention, too.

    Returns:
        y, `(batch, time, d)`; with `return_weights` a tuple of it, the weights `(batch, heads, time, time)`
        and, with a memory, `(batch, heads, time, source)`.

    Raises:
        ValueError: if the features are no multiple of `heads`, `normalize` is neither, a rate is outside
            [0, 1), or the layer was built with a memory and there is none, or the other way round.

    Sources: A. Vaswani and others, "Attention Is All You Need", NIPS 2017, section 3.1 and 3.3 (after); R.
    Xiong and others, "On Layer Normalization in the Transformer Architecture", ICML 2020 (before).

    Example:

    >>> block = SelfAttentionBlock(heads=2, feed_forward=16, causal=True)
    >>> block(np.zeros((3, 5, 8)), memory=np.zeros((3, 7, 6))).shape
    TensorShape([3, 5, 8])
    """

    def __init__(
        self,
        heads: int,
        feed_forward: int | None = None,
        activation: Any = "relu",
        normalize: str = "before",
        causal: bool = False,
        rotary: bool = False,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if normalize not in ORDERS:
            raise ValueError(f"`normalize` must be one of {ORDERS}; received normalize={normalize!r}.")
        check_rate("dropout", dropout)
        check_rate("attention_dropout", attention_dropout)
        self.heads = checked_size("heads", heads)
        self.feed_forward = None if feed_forward is None else checked_size("feed_forward", feed_forward)
        self.activation = activations.get(activation)
        self.normalize = normalize
        self.causal = causal
        self.rotary = rotary
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        own = {
            "dropout": attention_dropout,
            "kernel_initializer": self.kernel_initializer,
            "seed": seed,
            "dtype": self.dtype_policy,
        }
        self.attention = SelfAttention(heads, causal=causal, rotary=rotary, **own, name="attention")
        self.cross_attention = CrossAttention(heads, **own, name="cross_attention")
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name=f"{part}_norm")
            for part in ("attention", "cross_attention", "feed_forward")
        ]
        self.has_memory = False

    def build(self, inputs_shape: Any, memory_shape: Any = None, **_: Any) -> None:
        check_sequences(self, inputs_shape)
        features = known_features(self, inputs_shape)
        self.has_memory = memory_shape is not None
        self.attention.build(inputs_shape)
        if self.has_memory:
            self.cross_attention.build(inputs_shape, memory_shape)
        else:  # nobody calls them; but Keras, before it trains, looks for parts that are not built
            self.cross_attention.built = self.norms[1].built = True
        for norm in self.norms if self.has_memory else self.norms[::2]:
            norm.build(inputs_shape)
        hidden, start = self.feed_forward or 4 * features, self.kernel_initializer
        self.feed_forward_kernel = self.add_weight(
            name="feed_forward_kernel", shape=(features, hidden), initializer=start
        )
        self.feed_forward_bias = self.add_weight(
            name="feed_forward_bias", shape=(hidden,), initializer="zeros"
        )
        self.joining_kernel = self.add_weight(
            name="joining_kernel", shape=(hidden, features), initializer=start
        )
        self.joining_bias = self.add_weight(name="joining_bias", shape=(features,), initializer="zeros")

    def _part(self, x: Any, norm: Any, function: Any, training: bool) -> tuple[Any, list[Any]]:
        """One part, added to its input and normalized; and what else the function gives."""
        before = self.normalize == "before"
        added, *more = function(norm(x) if before else x)
        if training and self.dropout:
            added = keras.random.dropout(added, self.dropout, seed=self.seed_generator)
        return (x + added if before else norm(x + added)), more

    def _feed_forward(self, z: Any) -> tuple[Any]:
        dtype = self.compute_dtype
        weights = (self.feed_forward_kernel, self.feed_forward_bias, self.joining_kernel, self.joining_bias)
        W_1, b_1, W_2, b_2 = (ops.cast(w, dtype) for w in weights)
        return (project(self.activation(project(z, W_1, b_1, dtype)), W_2, b_2, dtype),)

    def _run(self, x: Any, attention: Any, cross_attention: Any, training: bool) -> tuple[Any, ...]:
        """All parts: y, and what else the attentions give."""
        x = ops.cast(x, self.compute_dtype)
        x, found = self._part(x, self.norms[0], attention, training)
        if self.has_memory:
            x, more = self._part(x, self.norms[1], cross_attention, training)
            found = [*found, *more]
        y, _ = self._part(x, self.norms[2], self._feed_forward, training)
        return (y, *found)

    def call(
        self,
        inputs: Any,
        memory: Any = None,
        memory_mask: Any = None,
        mask: Any = None,
        training: bool = False,
        return_weights: bool = False,
        inputs_mask: Any = None,
    ) -> Any:
        # Keras hands the mask of the inputs in by this name where there is a memory beside them.
        mask = inputs_mask if mask is None else mask
        constants = self.get_constants(memory, memory_mask)
        y, *weights = self._run(
            inputs,
            lambda x: (
                self.attention(x, mask=mask, training=training, return_weights=True)
                if return_weights
                else (self.attention(x, mask=mask, training=training),)
            ),
            lambda x: self.cross_attention.read(x, constants, training, return_weights),
            training,
        )
        if mask is not None:
            y = ops.where(checked_mask(mask, inputs, "mask")[:, :, None], y, 0.0)
        return (y, *weights) if return_weights else y

    def get_constants(self, memory: Any = None, memory_mask: Any = None) -> Constants:
        """What all steps share, once for a memory: for `step`."""
        if (memory is not None) != self.has_memory:
            built = "with" if self.has_memory else "without"
            raise ValueError(
                f"`memory` must be given at all calls of `{self.name}` or at none: it was built {built} one."
            )
        return self.cross_attention.get_constants(memory, memory_mask) if self.has_memory else {}

    def first_states(self, batch_size: Any, limit: Any) -> States:
        """What `step` begins with: see `keras_rnn.layers.SelfAttention.first_states`."""
        return self.attention.first_states(batch_size, limit)

    def step(self, x: Any, states: States, constants: Constants) -> tuple[Any, Any, States]:
        """One step of a causal block, for decoding: `(y, weights, states)` from x `(batch, d)`; pure.

        The weights are those of the cross-attention, `(batch, heads, source)`, or None without a memory.
        """

        def cross_attention(x: Any) -> tuple[Any, Any]:
            y, a = self.cross_attention.read(x[:, None], constants, return_weights=True)
            return y[:, 0], a[:, :, 0]

        y, states, *weights = self._run(
            x, lambda x: self.attention.step(x, states), cross_attention, training=False
        )
        return y, weights[0] if weights else None, states

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return previous_mask

    def compute_output_shape(self, inputs_shape: Any, *_: Any, **__: Any) -> Any:
        return inputs_shape

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "feed_forward": self.feed_forward,
            "activation": activations.serialize(self.activation),
            "normalize": self.normalize,
            "causal": self.causal,
            "rotary": self.rotary,
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
        }
