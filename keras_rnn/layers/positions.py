"""Layers that tell the steps of a sequence where they stand: what attention alone does not see."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.headed_attention import check_sequences
from keras_rnn.layers.sequence_inputs import checked_mask
from keras_rnn.ops.positions import sinusoids, step_numbers


class _Positions(keras.layers.Layer):
    """Abstract: adds to each step the vector of its position, `vectors(positions)`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, inputs_shape: Any) -> None:
        check_sequences(self, inputs_shape)
        self.features = known_features(self, inputs_shape)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            mask = checked_mask(mask, inputs, "mask")
        return self.add(inputs, step_numbers(inputs, mask))

    def add(self, x: Any, positions: Any) -> Any:
        """y of steps whose numbers are given, for decoding: x `(.., d)` and positions `(..)`; pure."""
        x = ops.cast(x, self.compute_dtype)
        return x + ops.cast(self.vectors(positions), x.dtype)

    def compute_output_shape(self, inputs_shape: Any) -> Any:
        return inputs_shape

    def compute_output_spec(self, inputs: Any, *_: Any, **__: Any) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)


@keras.saving.register_keras_serializable("keras_rnn")
class SinusoidalPositions(_Positions):
    """Adds sines and cosines of many wave lengths to the steps of a sequence, of any length.

        y[t]        = x[t] + P[p[t]]
        P[p, 2i]    = sin(p / 10000^(2i / d))
        P[p, 2i+1]  = cos(p / 10000^(2i / d))
        p[t]        = the number of steps before t that count

    Padding on the left, or within, so moves no position. The numbers of P are up to 1, and the x of the paper
    are embeddings times sqrt(d): those of `keras.layers.Embedding` begin much smaller.

    It has no weights.

    Call arguments:
        inputs: x, `(batch, time, d)`.
        mask: `(batch, time)`, nonzero where a step counts. Default: the mask that came with `inputs`, if any.

    Returns:
        y, `(batch, time, d)`.

    Raises:
        ValueError: if the inputs have not three axes.

    Source: A. Vaswani and others, "Attention Is All You Need", NIPS 2017, section 3.5.

    Example:

    >>> layer = SinusoidalPositions()
    >>> np.asarray(layer(np.zeros((1, 2, 2), "float32"))).round(3)[0].tolist()
    [[0.0, 1.0], [0.8410000205039978, 0.5400000214576721]]
    """

    def vectors(self, positions: Any) -> Any:
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        return sinusoids(positions, self.features, dtype)


@keras.saving.register_keras_serializable("keras_rnn")
class LearnedPositions(_Positions):
    """Adds a learned vector to each step of a sequence of up to `limit` steps.

        y[t] = x[t] + E[p[t]]
        p[t] = the number of steps before t that count

    Padding on the left, or within, so moves no position.

    Weights:
        embeddings E: `(limit, d)`.

    Args:
        limit: positive integer, the number of steps, padding included, of the longest sequence.
        embeddings_initializer: starting values of E. Default `"uniform"`.

    Call arguments:
        inputs: x, `(batch, time, d)`.
        mask: `(batch, time)`, nonzero where a step counts. Default: the mask that came with `inputs`, if any.

    Returns:
        y, `(batch, time, d)`.

    Raises:
        ValueError: if a sequence is longer than `limit`. (Where its length is known in a graph of TensorFlow
            only when it runs, `tf.errors.InvalidArgumentError`, with the same words.)

    Source: J. Gehring and others, "Convolutional Sequence to Sequence Learning", ICML 2017, section 3.1.

    Example:

    >>> layer = LearnedPositions(limit=9)
    >>> layer(np.zeros((3, 5, 8))).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([3, 5, 8]), [(9, 8)])
    """

    def __init__(self, limit: int, embeddings_initializer: Any = "uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = checked_size("limit", limit)
        self.embeddings_initializer = initializers.get(embeddings_initializer)

    def build(self, inputs_shape: Any) -> None:
        super().build(inputs_shape)
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.limit, self.features), initializer=self.embeddings_initializer
        )

    def vectors(self, positions: Any) -> Any:
        return ops.take(self.embeddings, positions, axis=0)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        told = (
            f"`{self.name}` reads sequences of at most limit={self.limit} steps; received a longer one. Make "
            "the limit larger, cut the sequence, or take positions that have none: SinusoidalPositions, or "
            "`rotary=True` of SelfAttention."
        )
        time = inputs.shape[1]
        if time is None and keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            check = tf.debugging.assert_less_equal(tf.shape(inputs)[1], self.limit, told)
            with tf.control_dependencies([] if check is None else [check]):
                inputs = tf.identity(inputs)
        elif time is not None and time > self.limit:
            raise ValueError(told)
        return super().call(inputs, mask)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "limit": self.limit,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
        }
