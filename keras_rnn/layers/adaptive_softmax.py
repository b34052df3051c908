"""A softmax in two stages: frequent types first, rare ones in clusters with fewer features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
from keras import ops

from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.output_softmax import OutputSoftmax, as_rows
from keras_rnn.ops.sliced_softmax import sliced_cross_entropy


@keras.saving.register_keras_serializable("keras_rnn")
class AdaptiveSoftmax(OutputSoftmax):
    """An output layer that spends little on rare types.

    Ids are in the order of frequency, most frequent first. The cutoffs c_1 < ... < c_n divide them: the head
    has those below c_1, cluster j those from c_j to below c_(j+1), the last up to V. Let d_j = d // factor^j:

        q[i]            = log softmax(h[i] E_0^T + b_0)             c_1 types, then n clusters
        r_j[i]          = log softmax(h[i] P_j E_j^T + b_j)         the types of cluster j
        log p(v | h[i]) = q[i, v]                                   v < c_1           layer(h)
                        = q[i, c_1 + j - 1] + r_j[i, v - c_j]       v in cluster j
        nll[i]          = -log p(y[i] | h[i])                       layer(h, targets=y)
        total           = sum_i w[i] nll[i]

    With targets, a cluster sees only the rows whose target it has (on JAX, where shapes cannot depend on
    targets, all rows), and all is computed in slices of rows.

    Weights:
        head_kernel E_0: `(c_1 + n, d)`, head_bias b_0: `(c_1 + n,)`.
        For each cluster, of s_j types: projection_j P_j: `(d, d_j)`, kernel_j E_j: `(s_j, d_j)`, bias_j b_j:
        `(s_j,)`.
        (c_1 + n) (d + 1) + sum_j (d d_j + s_j (d_j + 1)) parameters.

    Args:
        vocabulary_size: V, a positive integer.
        cutoffs: increasing ids, each in (0, V), at least one.
        factor: by which the features shrink from one cluster to the next, a positive integer. Default 4.
        kernel_initializer, bias_initializer: starting values of the weights.

    Call arguments:
        inputs: features h `(batch, time, d)` or any other leading axes.
        targets: integers y in [0, V), of the leading axes of h, or None.
        sample_weight: w of the same axes; 1 each where it is not given.
        embeddings: None; the matrices are not those of an embedding.
        training: whether the gradient is computed along with the total, which is faster where it is wanted.

    Returns:
        Without targets log probabilities `(batch, time, V)`, in float32 at least. With targets
        `(total, nll)`: a number with a gradient, and the negative log likelihood of each target,
        `(batch, time)`, without one: it is there to be looked at.

    Raises:
        ValueError: if a size is not a positive integer, `cutoffs` do not increase within (0, V), a shape does
            not fit, or, when it is built, if the last cluster is left without a feature.

    Source: E. Grave, A. Joulin, M. Cissé, D. Grangier, H. Jégou, "Efficient softmax approximation for GPUs",
    ICML 2017. `torch.nn.AdaptiveLogSoftmaxWithLoss` is the same with b_0 = b_j = 0 and its `div_value` as
    the factor.

    Example:

    >>> layer = AdaptiveSoftmax(20, cutoffs=[4, 10])
    >>> h = np.zeros((2, 5, 16), "float32")
    >>> layer(h).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([2, 5, 20]),
     [(6, 16), (6,), (16, 4), (6, 4), (6,), (16, 1), (10, 1), (10,)])
    >>> total, nll = layer(h, targets=np.full((2, 5), 7))
    >>> round(float(total), 3), nll.shape  # 10 (log 6 + log 6)
    (35.835, TensorShape([2, 5]))
    """

    def __init__(self, vocabulary_size: int, cutoffs: Sequence[int], factor: int = 4, **kwargs: Any) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.factor = checked_size("factor", factor)
        self.cutoffs = [checked_size("cutoffs", cutoff) for cutoff in cutoffs]
        bounds = [*self.cutoffs, self.vocabulary_size]
        if len(bounds) < 2 or any(low >= high for low, high in pairwise(bounds)):
            raise ValueError(
                f"`cutoffs` must be increasing ids below vocabulary_size={vocabulary_size}, at least one; "
                f"received cutoffs={cutoffs!r}. For none use FullSoftmax."
            )
        #: First id, and first that is not in it, of each cluster.
        self.clusters = list(pairwise(bounds))
        # On TensorFlow the number of rows that a cluster sees depends on the targets.
        self.supports_jit = keras.backend.backend() != "tensorflow"

    def build(self, input_shape: Any) -> None:
        d = known_features(self, input_shape)
        if d < self.factor ** len(self.clusters):
            raise ValueError(
                f"`inputs` must have at least factor ** clusters = {self.factor ** len(self.clusters)} "
                f"features; received shape {tuple(input_shape)}. Use fewer cutoffs, or a smaller factor."
            )
        head = self.cutoffs[0] + len(self.clusters)
        self.head_kernel = self.add_matrix("head_kernel", (head, d))
        self.head_bias = self.add_bias("head_bias", head)
        self.cluster_weights = []
        for j, (low, high) in enumerate(self.clusters, start=1):
            d_j = d // self.factor**j
            projection = self.add_matrix(f"projection_{j}", (d, d_j))
            kernel = self.add_matrix(f"kernel_{j}", (high - low, d_j))
            self.cluster_weights.append((projection, kernel, self.add_bias(f"bias_{j}", high - low)))

    def _projected(self, h: Any, projection: Any) -> Any:
        return ops.matmul(h, ops.cast(projection, self.compute_dtype))

    def log_probabilities(self, h: Any, embeddings: Any, training: bool) -> Any:
        q = self.log_softmax(h, self.head_kernel, self.head_bias)
        first = self.cutoffs[0]
        parts = [q[..., :first]]
        for j, (projection, kernel, bias) in enumerate(self.cluster_weights):
            r = self.log_softmax(self._projected(h, projection), kernel, bias)
            parts.append(q[..., first + j : first + j + 1] + r)
        return ops.concatenate(parts, axis=-1)

    def negative_log_likelihood(
        self, h: Any, y: Any, w: Any, embeddings: Any, training: bool
    ) -> tuple[Any, Any]:
        h, training = as_rows(h), bool(training)
        cluster = sum(ops.cast(y >= cutoff, "int32") for cutoff in self.cutoffs)
        in_head = ops.where(cluster == 0, y, self.cutoffs[0] + cluster - 1)
        total, nll = sliced_cross_entropy(h, in_head, w, self.head_kernel, self.head_bias, training=training)
        for j, (low, _) in enumerate(self.clusters, start=1):
            more, nll_j = self._of_cluster(j, h, y - low, w, cluster == j, training)
            total, nll = total + more, nll + nll_j
        return total, nll

    def _of_cluster(self, j: int, h: Any, y: Any, w: Any, inside: Any, training: bool) -> tuple[Any, Any]:
        """What cluster j adds to `(total, nll)`: nothing for rows that are not inside."""
        projection, kernel, bias = self.cluster_weights[j - 1]
        if keras.backend.backend() == "tensorflow":
            (rows,) = ops.nonzero(inside)
            x, y, w = (ops.take(x, rows, axis=0) for x in (h, y, w))
            x = self._projected(x, projection)
            total, nll = sliced_cross_entropy(x, y, w, kernel, bias, training=training)
            return total, ops.scatter(ops.expand_dims(rows, -1), nll, ops.shape(inside))
        x, y, w = self._projected(h, projection), ops.where(inside, y, 0), ops.where(inside, w, 0)
        total, nll = sliced_cross_entropy(x, y, w, kernel, bias, training=training)
        return total, ops.where(inside, nll, 0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cutoffs": self.cutoffs, "factor": self.factor}
