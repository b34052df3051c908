"""The softmax over a whole vocabulary, trained toward words that are like the target, too."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.layers.output_softmax import OutputSoftmax, as_rows
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy


@keras.saving.register_keras_serializable("keras_rnn")
class AugmentedSoftmax(OutputSoftmax):
    """The output layer whose training loss knows which words are alike.

        z[i]            = h[i] E^T + b
        log p(v | h[i]) = z[i, v] - logsumexp_u z[i, u]                     layer(h)
        nll[i]          = -log p(y[i] | h[i])                               layer(h, targets=y)
        t[i]            = softmax(E[y[i]] E^T / tau)
        total           = sum_i w[i] (nll[i] + alpha tau KL(t[i] || softmax(z[i] / tau)))

    The second part of the total is there while training alone; nll is always
    without it. With targets the scores are computed in slices of rows: memory does not grow with their
    number.

    Weights:
        kernel E: `(V, d)`; absent with `tied=True`, where it is the matrix of an embedding.
        bias b: `(V,)`.
        V (d + 1) parameters; tied V.

    Differences from the paper: alpha tau is its alpha, which it sets to a number times tau, too. t is taken
    for a constant, as other targets are: no gradient moves E toward making t easy. (The paper does not say.)
    Its untied models take t from the embedding of the inputs; here t and z always have the same matrix.

    Args:
        vocabulary_size: V, a positive integer.
        alpha: number, not negative; 0 makes a `FullSoftmax`. Default 0.5.
        temperature: tau, a positive number. Default 10.0.
        tied: whether E is handed in at each call, as `embeddings`. Default `False`.
        kernel_initializer, bias_initializer: starting values of the weights.

    Call arguments:
        inputs: features h `(batch, time, d)` or any other leading axes.
        targets: integers y in [0, V), of the leading axes of h, or None.
        sample_weight: w of the same axes; 1 each where it is not given.
        embeddings: E of a tied layer.
        training: whether the total is the augmented one.

    Returns:
        Without targets log probabilities `(batch, time, V)`, in float32 at least. With targets
        `(total, nll)`: a number with a gradient, and the negative log likelihood of each target,
        `(batch, time)`, without one: it is there to be looked at.

    Raises:
        ValueError: if `alpha` or `temperature` is no such number, a shape does not fit, or `embeddings` is
            missing or too much.

    Source: H. Inan, K. Khosravi, R. Socher, "Tying Word Vectors and Word Classifiers: A Loss Framework for
    Language Modeling", ICLR 2017, section 3.

    Example:

    >>> layer = AugmentedSoftmax(9, tied=True)
    >>> h, E, y = np.zeros((2, 3, 4)), np.eye(9, 4), np.array([[5, 3, 8], [0, 1, 0]])
    >>> layer(h, embeddings=E).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([2, 3, 9]), [(9,)])
    >>> total, nll = layer(h, targets=y, embeddings=E, training=True)
    >>> bool(total > 6 * np.log(9)), nll.shape
    (True, TensorShape([2, 3]))
    """

    def __init__(
        self,
        vocabulary_size: int,
        alpha: float = 0.5,
        temperature: float = 10.0,
        tied: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        if not alpha >= 0:
            raise ValueError(f"`alpha` must be a number and not negative; received alpha={alpha!r}.")
        if not temperature > 0:
            raise ValueError(
                f"`temperature` must be a positive number; received temperature={temperature!r}."
            )
        self.alpha = alpha
        self.temperature = temperature
        self.tied = tied

    def negative_log_likelihood(
        self, h: Any, y: Any, w: Any, embeddings: Any, training: bool
    ) -> tuple[Any, Any]:
        return sliced_cross_entropy(
            as_rows(h),
            y,
            w,
            self.matrix(embeddings),
            self.bias,
            augmentation=(self.alpha, self.temperature),
            training=bool(training),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "temperature": self.temperature,
            "tied": self.tied,
        }
