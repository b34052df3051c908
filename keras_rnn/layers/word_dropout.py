"""Dropout on word ids."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.checked import check_rate


@keras.saving.register_keras_serializable("keras_rnn")
class WordDropout(keras.layers.Layer):
    """While training, puts the id of an unknown word in the place of words drawn at random.

        y[t] = unknown_id where u[t] < rate and x[t] is not padding, else x[t];    u uniform in [0, 1)

    The model learns to do without any single word, and the unknown word, which training text hardly
    holds, gets a trained embedding. Padding (id 0) stays padding.

    Args:
        rate: share of the words, in [0, 1).
        unknown_id: what takes their place. Default 1.
        seed: integer, makes the choice reproducible.

    Call arguments:
        inputs: integer ids `(batch, time)`.
        training: whether words are dropped.

    Returns:
        Ids of the same shape.

    Raises:
        ValueError: if `rate` is outside [0, 1).

    Source: M. Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text Classification",
    ACL 2015, section 3.1. Difference: there the word is left out, here its place is kept.

    Example:

    >>> WordDropout(0.5, seed=1)(np.array([[5, 6, 7, 8, 0, 0]]), training=True)
    <tf.Tensor: shape=(1, 6), dtype=int64, numpy=array([[5, 1, 7, 1, 0, 0]])>
    """

    def __init__(self, rate: float, unknown_id: int = 1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_rate("rate", rate)
        self.rate = rate
        self.unknown_id = unknown_id
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or not self.rate:
            return inputs
        dropped = keras.random.uniform(ops.shape(inputs), seed=self.seed_generator) < self.rate
        return ops.where(ops.logical_and(dropped, ops.not_equal(inputs, 0)), self.unknown_id, inputs)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "unknown_id": self.unknown_id,
            "seed": self.seed,
        }
