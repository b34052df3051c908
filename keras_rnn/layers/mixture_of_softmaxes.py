"""Several softmaxes over one vocabulary, mixed."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import dropout_mask
from keras_rnn.layers.checked import check_rate, checked_size, known_features
from keras_rnn.layers.output_softmax import OutputSoftmax, as_rows
from keras_rnn.ops.affine import project
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy


@keras.saving.register_keras_serializable("keras_rnn")
class MixtureOfSoftmaxes(OutputSoftmax):
    """The output layer whose log probabilities, as a matrix, are not bound to the rank d of the features.

        l[i, k]         = tanh(h[i] W_l[k] + b_l[k]) * m            k = 1 .. K
        pi[i]           = softmax(h[i] W_p)
        z[i, k]         = l[i, k] E^T + b
        p(v | h[i])     = sum_k pi[i, k] softmax(z[i, k])[v]        its logarithm: layer(h)
        nll[i]          = -log p(y[i] | h[i])                       layer(h, targets=y)
        total           = sum_i w[i] nll[i]

    m is the mask of dropout while training: one for each sequence and feature of l, the same at all steps.
    The sum over k is taken of logarithms, by logsumexp. With targets the scores are computed in slices of
    rows: memory does not grow with their number.

    Weights:
        latent_kernel W_l: `(d, K e)`, and latent_bias b_l: `(K e,)`, e the size of a latent vector.
        prior_kernel W_p: `(d, K)`.
        kernel E: `(V, e)`; absent with `tied=True`, where it is the matrix of an embedding.
        bias b: `(V,)`.
        K (d e + e + d) + V (e + 1) parameters; tied K (d e + e + d) + V.

    Args:
        vocabulary_size: V, a positive integer.
        experts: K, a positive integer.
        latent_size: e, a positive integer; tied, that of a row of the embedding.
        dropout: share of the latent features that is dropped, in [0, 1). Default `0.0`.
        tied: whether E is handed in at each call, as `embeddings`. Default `False`.
        seed: integer, makes the masks reproducible.
        kernel_initializer, bias_initializer: starting values of the weights.

    Call arguments:
        inputs: features h `(batch, time, d)`, or any other axes of which the first is the batch.
        targets: integers y in [0, V), of the leading axes of h, or None.
        sample_weight: w of the same axes; 1 each where it is not given.
        embeddings: E of a tied layer.
        training: whether latent features are dropped, and the gradient computed along with the total.

    Returns:
        Without targets log probabilities `(batch, time, V)`, in float32 at least. With targets
        `(total, nll)`: a number with a gradient, and the negative log likelihood of each target,
        `(batch, time)`, without one: it is there to be looked at.

    Raises:
        ValueError: if a size is not a positive integer, `dropout` is outside [0, 1), a shape does not fit, or
            `embeddings` is missing or too much.

    Source: Z. Yang, Z. Dai, R. Salakhutdinov, W. W. Cohen, "Breaking the Softmax Bottleneck: A High-Rank RNN
    Language Model", ICLR 2018, section 2.4. As in their experiments, W_l has a bias and W_p none.

    Example:

    >>> layer = MixtureOfSoftmaxes(9, experts=3, latent_size=2)
    >>> h = np.zeros((2, 5, 4), "float32")
    >>> layer(h).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([2, 5, 9]), [(4, 6), (6,), (4, 3), (9, 2), (9,)])
    >>> total, nll = layer(h, targets=np.ones((2, 5), "int32"))
    >>> round(float(total), 3), nll.shape  # 10 log 9
    (21.972, TensorShape([2, 5]))
    """

    def __init__(
        self,
        vocabulary_size: int,
        experts: int,
        latent_size: int,
        dropout: float = 0.0,
        tied: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.experts = checked_size("experts", experts)
        self.latent_size = self.row_size = checked_size("latent_size", latent_size)
        check_rate("dropout", dropout)
        self.dropout = dropout
        self.tied = tied
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        d, width = known_features(self, input_shape), self.experts * self.latent_size
        self.latent_kernel = self.add_matrix("latent_kernel", (d, width))
        self.latent_bias = self.add_bias("latent_bias", width)
        self.prior_kernel = self.add_matrix("prior_kernel", (d, self.experts))
        if not self.tied:
            self.kernel = self.add_matrix("kernel", (self.vocabulary_size, self.latent_size))
        self.bias = self.add_bias("bias", self.vocabulary_size)

    def _experts_of(self, h: Any, training: bool) -> tuple[Any, Any]:
        """Latent vectors `(rows, K, e)` and log prior `(rows, K)`."""
        W, U = (ops.cast(kernel, self.compute_dtype) for kernel in (self.latent_kernel, self.prior_kernel))
        b = ops.cast(self.latent_bias, self.output_dtype)
        latent = ops.tanh(project(h, W, b, self.output_dtype))
        if training and self.dropout:
            axes = (ops.shape(h)[0], *(1,) * (len(h.shape) - 2), latent.shape[-1])
            latent = latent * dropout_mask(axes, self.dropout, self.seed_generator, self.output_dtype)
        latent = ops.reshape(latent, (-1, self.experts, self.latent_size))
        log_prior = ops.log_softmax(project(as_rows(h), U, None, self.output_dtype), axis=-1)
        return ops.cast(latent, self.compute_dtype), log_prior

    def log_probabilities(self, h: Any, embeddings: Any, training: bool) -> Any:
        latent, log_prior = self._experts_of(h, training)
        # One expert after the other: the scores of all would be K times the memory.
        log_p = None
        for k in range(self.experts):
            log_p_k = self.log_softmax(latent[:, k], self.matrix(embeddings), self.bias)
            joint = log_prior[:, k : k + 1] + log_p_k
            log_p = joint if log_p is None else ops.logaddexp(log_p, joint)
        return ops.reshape(log_p, (*ops.shape(h)[:-1], self.vocabulary_size))

    def negative_log_likelihood(
        self, h: Any, y: Any, w: Any, embeddings: Any, training: bool
    ) -> tuple[Any, Any]:
        latent, log_prior = self._experts_of(h, training)
        matrix = self.matrix(embeddings)
        return sliced_cross_entropy(latent, y, w, matrix, self.bias, log_prior, training=bool(training))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "experts": self.experts,
            "latent_size": self.latent_size,
            "dropout": self.dropout,
            "tied": self.tied,
            "seed": self.seed,
        }
