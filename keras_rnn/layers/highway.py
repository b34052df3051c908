"""A layer that learns how much of its input it lets pass."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import activations, initializers, ops

from keras_rnn.layers.checked import known_features
from keras_rnn.ops.affine import project


@keras.saving.register_keras_serializable("keras_rnn")
class Highway(keras.layers.Layer):
    """A dense layer beside the unchanged input, and a gate that says how much of which.

        a = activation(x W_h + b_h)         candidate
        t = sigmoid(x W_t + b_t)            transform gate
        y = a * t + x * (1 - t)

    Weights (the two blocks of columns stand in the order h, t):
        kernel W: `(features, 2 * features)`.
        bias b: `(2 * features,)`.
        In all `2 * features * (features + 1)` parameters.

    Differences from the paper: none with respect to its experiments, which couple the carry gate to the
    transform gate, c = 1 - t.

    Args:
        transform_bias: number at which b_t starts; a negative one lets the layer begin as one that hands on
            its input. Default -2.0.
        activation: the function of the candidate. Default `"tanh"`.
        kernel_initializer: starting values of W.

    Call arguments:
        inputs: x `(batch, features)`, or any other leading axes.

    Returns:
        y, of the shape of x.

    Raises:
        ValueError: if `transform_bias` is no finite number, or the features are not known.

    Source: R. K. Srivastava, K. Greff, J. Schmidhuber, "Highway Networks", 2015, equations 2 and 3.

    Example:

    >>> layer = Highway()
    >>> layer(np.zeros((2, 5, 3))).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([2, 5, 3]), [(3, 6), (6,)])
    """

    def __init__(
        self,
        transform_bias: float = -2.0,
        activation: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(transform_bias, (int, float)) or not math.isfinite(transform_bias):
            raise ValueError(
                f"`transform_bias` must be a finite number; received transform_bias={transform_bias!r}."
            )
        self.transform_bias = float(transform_bias)
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        features = known_features(self, input_shape)
        self.kernel = self.add_weight(
            name="kernel", shape=(features, 2 * features), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(2 * features,), initializer=self._initial_bias)

    def _initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        half = (shape[0] // 2,)
        return ops.concatenate([ops.zeros(half, dtype), ops.full(half, self.transform_bias, dtype)])

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        x = ops.cast(inputs, dtype)
        z = project(x, ops.cast(self.kernel, dtype), ops.cast(self.bias, dtype), dtype)
        a, t = ops.split(z, 2, axis=-1)
        a, t = self.activation(a), ops.sigmoid(t)
        return a * t + x * (1 - t)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "transform_bias": self.transform_bias,
            "activation": activations.serialize(self.activation),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }
