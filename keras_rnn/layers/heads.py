"""The last layer of a model: the parameters of a distribution of the output, given the sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.checked import checked_size


class _Head(keras.layers.Layer):
    """Abstract: a dense layer, and then the parameters of a distribution, in float32 at least."""

    parameters_per_output = 1

    def __init__(self, outputs: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outputs = outputs = checked_size("outputs", outputs)
        self.dense = keras.layers.Dense(outputs * self.parameters_per_output, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        self.dense.build(input_shape)

    def scores(self, inputs: Any) -> Any:
        return ops.cast(self.dense(inputs), self.output_dtype)

    @property
    def output_dtype(self) -> str:
        return "float32" if self.compute_dtype in ("float16", "bfloat16") else self.compute_dtype

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.output_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape[:-1], self.outputs * self.parameters_per_output)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "outputs": self.outputs}


@keras.saving.register_keras_serializable("keras_rnn")
class BernoulliHead(_Head):
    """Yes or no: p(y = 1 | x) = sigmoid(x W + b), for each of `outputs` independent questions.

    Maximum likelihood is binary cross entropy.

    Args:
        outputs: number of questions. Default 1.

    Returns:
        Probabilities `(batch, outputs)`.

    Example:

    >>> head = BernoulliHead()
    >>> head(np.zeros((2, 3))).shape, [tuple(w.shape) for w in head.weights]
    (TensorShape([2, 1]), [(3, 1), (1,)])
    """

    def call(self, inputs: Any) -> Any:
        return ops.sigmoid(self.scores(inputs))


@keras.saving.register_keras_serializable("keras_rnn")
class CategoricalHead(_Head):
    """One of several classes: p(y = k | x) = softmax(x W + b)[k].

    Maximum likelihood is sparse categorical cross entropy.

    Args:
        outputs: number of classes.

    Returns:
        Probabilities `(batch, outputs)`, each row of sum 1.

    Example:

    >>> head = CategoricalHead(4)
    >>> head(np.zeros((2, 3))).shape, [tuple(w.shape) for w in head.weights]
    (TensorShape([2, 4]), [(3, 4), (4,)])
    """

    def call(self, inputs: Any) -> Any:
        return ops.softmax(self.scores(inputs), axis=-1)


@keras.saving.register_keras_serializable("keras_rnn")
class GaussianHead(_Head):
    """Real numbers: p(y | x) = N(y; m, v) with m = x W_m + b_m and v = softplus(x W_v + b_v) + 1e-6.

    Maximum likelihood is `keras_rnn.losses.GaussianNegativeLogLikelihood`, the mean squared error weighted
    by a variance that the model states for each input. The 1e-6 keeps one exactly fitted number from a
    loss without lower bound.

    Args:
        outputs: how many numbers, independent given x. Default 1.

    Returns:
        `(batch, 2 * outputs)`: the means, then the variances.

    Example:

    >>> head = GaussianHead()
    >>> head(np.zeros((2, 3))).shape, [tuple(w.shape) for w in head.weights]
    (TensorShape([2, 2]), [(3, 2), (2,)])
    """

    parameters_per_output = 2

    def call(self, inputs: Any) -> Any:
        mean, score = ops.split(self.scores(inputs), 2, axis=-1)
        return ops.concatenate([mean, ops.softplus(score) + 1e-6], axis=-1)
