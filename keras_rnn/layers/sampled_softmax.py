"""A softmax that is trained against a sample of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.output_softmax import OutputSoftmax, as_rows
from keras_rnn.ops.affine import project
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy


@keras.saving.register_keras_serializable("keras_rnn")
class SampledSoftmax(OutputSoftmax):
    """A full softmax whose normaliser is estimated while training, from S types drawn at random.

        z[i]            = h[i] E^T + b
        log p(v | h[i]) = z[i, v] - logsumexp_u z[i, u]             layer(h)
        nll[i]          = -log p(y[i] | h[i])                       layer(h, targets=y)
        total           = sum_i w[i] nll[i]

    and while training, with s_1 .. s_S drawn from Q with replacement, once for all rows of the call:

        Z[i]            = exp z[i, y[i]] + sum over s_k != y[i] of exp z[i, s_k] / (S Q(s_k))
        nll[i]          = log Z[i] - z[i, y[i]]                     layer(h, targets=y, training=True)

    S Q(v) is how often v is expected among the samples, and so Z is right on average: the more samples, the
    closer is the gradient to that of the full softmax. Draws of the target itself are left out, and its own
    score stands as it is; `tf.nn.sampled_softmax_loss` corrects that one too, and draws without replacement.

    Weights:
        kernel E: `(V, d)`. While training, gradients fall on the rows of targets and samples alone.
        bias b: `(V,)`.
        V (d + 1) parameters.

    Args:
        vocabulary_size: V, a positive integer.
        samples: S, a positive integer.
        counts: how often each type is in the training text, V positive numbers: Q is in proportion to them.
            By default Q(v) = log((v + 2) / (v + 1)) / log(V + 1), for ids in the order of frequency, most
            frequent first.
        seed: integer, makes the samples reproducible.
        kernel_initializer, bias_initializer: starting values of the weights.

    Call arguments:
        inputs: features h `(batch, time, d)` or any other leading axes.
        targets: integers y in [0, V), of the leading axes of h, or None.
        sample_weight: w of the same axes; 1 each where it is not given.
        embeddings: None; the matrix is not that of an embedding.
        training: whether the normaliser is estimated.

    Returns:
        Without targets log probabilities `(batch, time, V)`, in float32 at least. With targets
        `(total, nll)`: a number with a gradient, and the negative log likelihood of each target,
        `(batch, time)`, without one: it is there to be looked at. While training both are estimates, too
        low on average.

    Raises:
        ValueError: if a size is not a positive integer, `counts` are not V positive numbers, or a shape does
            not fit.

    Source: Y. Bengio, J.-S. Senécal, "Adaptive Importance Sampling to Accelerate Training of a Neural
    Probabilistic Language Model", IEEE Transactions on Neural Networks 2008, with a fixed Q; S. Jean, K. Cho,
    R. Memisevic, Y. Bengio, "On Using Very Large Target Vocabulary for Neural Machine Translation", ACL 2015.

    Example:

    >>> layer = SampledSoftmax(9, samples=5, seed=1)
    >>> h = np.zeros((2, 3, 4), "float32")
    >>> layer(h).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([2, 3, 9]), [(9, 4), (9,)])
    >>> total, nll = layer(h, targets=np.ones((2, 3), "int32"), training=True)
    >>> total.shape, nll.shape
    (TensorShape([]), TensorShape([2, 3]))
    """

    def __init__(
        self,
        vocabulary_size: int,
        samples: int,
        counts: Sequence[float] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.samples = checked_size("samples", samples)
        self.counts = None if counts is None else np.asarray(counts, "float64").tolist()
        if counts is None:
            v = np.arange(self.vocabulary_size)
            share = np.log((v + 2) / (v + 1))
        else:
            share = np.asarray(counts, "float64")
            if share.shape != (self.vocabulary_size,) or not (np.isfinite(share) & (share > 0)).all():
                raise ValueError(
                    f"`counts` must be {vocabulary_size} positive numbers, one for each type; received "
                    f"{share.size} of them, the smallest {share.min(initial=np.inf)}. Count a type that "
                    "never occurs as one."
                )
        self.log_q = np.log(share / share.sum()).astype("float32")
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def negative_log_likelihood(
        self, h: Any, y: Any, w: Any, embeddings: Any, training: bool
    ) -> tuple[Any, Any]:
        h = as_rows(h)
        if not training:
            return sliced_cross_entropy(h, y, w, self.kernel, self.bias, training=False)
        log_q = ops.convert_to_tensor(self.log_q)
        s = keras.random.categorical(log_q[None], self.samples, seed=self.seed_generator)[0]
        E_y, E_s = (ops.take(self.kernel, ids, axis=0) for ids in (y, s))
        b_y, b_s = (ops.cast(ops.take(self.bias, ids), self.output_dtype) for ids in (y, s))
        z_y = ops.sum(ops.cast(h, self.output_dtype) * ops.cast(E_y, self.output_dtype), axis=-1) + b_y
        b_s = b_s - ops.cast(ops.take(log_q, s) + np.log(self.samples), self.output_dtype)
        z_s = project(h, ops.transpose(ops.cast(E_s, self.compute_dtype)), b_s, self.output_dtype)
        z_s = ops.where(ops.equal(s[None], y[:, None]), -np.inf, z_s)
        nll = ops.logsumexp(ops.concatenate([z_y[:, None], z_s], axis=-1), axis=-1) - z_y
        return ops.sum(w * nll), ops.stop_gradient(nll)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "samples": self.samples,
            "counts": self.counts,
            "seed": self.seed,
        }
