"""From the last states of one network to the first of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import activations, initializers, ops

from keras_rnn.layers.checked import checked_size
from keras_rnn.ops.affine import project


@keras.saving.register_keras_serializable("keras_rnn")
class Bridge(keras.layers.Layer):
    """Makes the first states of a decoder from the last ones of an encoder, whatever their number and size.

        s[k] = activation([e[1]; e[2]; ..] W[k] + b[k])

    Weights:
        kernel W: `(sum of the sizes of e, sum of the sizes of s)`, one block of columns for each s[k].
        bias b: `(sum of the sizes of s,)`.

    Args:
        state_sizes: the number of units of each s[k].
        activation: default `"tanh"`, in the range of a hidden state.
        kernel_initializer: starting values of W.

    Call arguments:
        states: a list of e, each `(batch, size)`.

    Returns:
        A list of s, each `(batch, state_sizes[k])`, in float32 at least.

    Source: D. Bahdanau, K. Cho, Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and
    Translate", ICLR 2015, appendix A.2.2, where it reads the last state of the backward encoder alone.

    Example:

    >>> bridge = Bridge([3, 3])
    >>> [s.shape for s in bridge([np.zeros((2, 4)), np.zeros((2, 5))])], bridge.count_params()
    ([TensorShape([2, 3]), TensorShape([2, 3])], 60)
    """

    def __init__(
        self,
        state_sizes: Sequence[int],
        activation: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.state_sizes = [checked_size("state_sizes", size) for size in state_sizes]
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)

    def build(self, states_shape: Any) -> None:
        shape = (sum(shape[-1] for shape in states_shape), sum(self.state_sizes))
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=shape[1:], initializer="zeros")

    def call(self, states: Any) -> Any:
        dtype = "float32" if self.compute_dtype in ("float16", "bfloat16") else self.compute_dtype
        e = ops.concatenate([ops.cast(state, self.compute_dtype) for state in states], axis=-1)
        W, b = ops.cast(self.kernel, self.compute_dtype), ops.cast(self.bias, dtype)
        s = self.activation(project(e, W, b, dtype))
        ends = [sum(self.state_sizes[: k + 1]) for k in range(len(self.state_sizes) - 1)]
        return ops.split(s, ends, axis=-1) if ends else [s]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "state_sizes": self.state_sizes,
            "activation": activations.serialize(self.activation),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }
