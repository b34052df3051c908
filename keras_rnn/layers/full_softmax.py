"""The softmax over a whole vocabulary."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.layers.checked import check_rate
from keras_rnn.layers.output_softmax import OutputSoftmax, as_rows
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy


@keras.saving.register_keras_serializable("keras_rnn")
class FullSoftmax(OutputSoftmax):
    """The output layer of a language model.

        z[i]            = h[i] E^T + b
        log p(v | h[i]) = z[i, v] - logsumexp_u z[i, u]             layer(h)
        nll[i]          = -log p(y[i] | h[i])                       layer(h, targets=y)
        total           = sum_i w[i] nll[i]

    With targets the scores are computed in slices of rows: memory does not grow with their number.

    Weights:
        kernel E: `(V, d)`; absent with `tied=True`, where it is the matrix of an embedding.
        bias b: `(V,)`.
        V (d + 1) parameters; tied V.

    Args:
        vocabulary_size: V, a positive integer.
        tied: whether E is handed in at each call, as `embeddings`. Default `False`.
        label_smoothing: eps in [0, 1), the share of a target that is spread over all types: while training
            (1 - eps) nll[i] - eps / V sum_v log p(v | h[i]) takes the place of nll[i] in the total.
            Default 0.0.
        kernel_initializer, bias_initializer: starting values of the weights.

    Call arguments:
        inputs: features h `(batch, time, d)` or any other leading axes.
        targets: integers y in [0, V), of the leading axes of h, or None.
        sample_weight: w of the same axes; 1 each where it is not given.
        embeddings: E of a tied layer.
        training: whether the gradient is computed along with the total, which is faster where it is wanted.

    Returns:
        Without targets log probabilities `(batch, time, V)`, in float32 at least. With targets
        `(total, nll)`: a number with a gradient, and the negative log likelihood of each target,
        `(batch, time)`, without one: it is there to be looked at.

    Raises:
        ValueError: if a shape does not fit, or `embeddings` is missing or too much.

    Source of tying: O. Press, L. Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017; H.
    Inan, K. Khosravi, R. Socher, "Tying Word Vectors and Word Classifiers", ICLR 2017.

    Example:

    >>> layer = FullSoftmax(9)
    >>> h = np.zeros((2, 3, 4), "float32")
    >>> layer(h).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([2, 3, 9]), [(9, 4), (9,)])
    >>> total, nll = layer(h, targets=np.array([[5, 3, 8], [0, 1, 0]]))
    >>> round(float(total), 4), nll.shape  # 6 log 9
    (13.1833, TensorShape([2, 3]))
    """

    def __init__(
        self, vocabulary_size: int, tied: bool = False, label_smoothing: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        check_rate("label_smoothing", label_smoothing)
        self.tied = tied
        self.label_smoothing = label_smoothing

    def negative_log_likelihood(
        self, h: Any, y: Any, w: Any, embeddings: Any, training: bool
    ) -> tuple[Any, Any]:
        return sliced_cross_entropy(
            as_rows(h),
            y,
            w,
            self.matrix(embeddings),
            self.bias,
            smoothing=self.label_smoothing,
            training=bool(training),
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tied": self.tied, "label_smoothing": self.label_smoothing}
