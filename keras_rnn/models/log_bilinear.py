"""The log-bilinear language model: the next word's vector is a linear function of those before."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.models.context_model import ContextModel
from keras_rnn.ops.affine import project


@keras.saving.register_keras_serializable("keras_rnn")
class LogBilinear(ContextModel):
    """Predicts the vector of the next word; the words whose vectors are near it are likely.

        q[t] = sum_{i=1}^{n-1} r_{w[t+1-i]} C_i             r_w = 0 before the beginning of the text
        log p(w[t+1] = v | w[1] .. w[t]) = log_softmax_v(q[t] . r_v + b_v)

    One matrix R holds the vectors r of the words that are read and of those that are predicted. With
    `diagonal=True` C_i is a diagonal matrix: q[t] = sum_i r_{w[t+1-i]} * c_i.

    It is called, trained, evaluated and saved as a `LanguageModel` is. The state that it carries from batch
    to batch is the n - 2 last ids.

        model = LogBilinear(10_000, order=6, embedding=100)
        model.compile(keras.optimizers.Adam())
        model.fit(TokenStream(ids, 20, 35), validation_data=TokenStream(others, 20, 35), epochs=10)
        model.perplexity(test_ids)

    Parameters, with m the dimension of R: V (m + 1) + (n - 1) m^2; diagonal V (m + 1) + (n - 1) m.

    Difference from the paper of 2007: there q[t] has a bias, too. It is left out, as in that of 2008, which
    also has the diagonal matrices.

    Args:
        vocabulary_size: V, number of ids. There is no padding: every id is a token.
        order: n: the context is n - 1 words. Default 6.
        embedding: m. Default 100.
        diagonal: whether the matrices C_i are diagonal. Default `False`.

    Call arguments:
        inputs: ids `(batch, time)`; or a dict of `tokens` and `targets`, both `(batch, time)`, and perhaps
            `weights` of the targets. Ids are not checked here: see `fit`.
        training: whether the gradient is computed along with the total, which is faster.

    Returns:
        Log probabilities `(batch, time, V)`; or a dict of `total`, the weighted sum of the negative log
        likelihoods, and `nll` `(batch, time)`, each of them, without gradient.

    Raises:
        ValueError: if a size is not a positive integer, or `order` is below 2.

    Sources: A. Mnih, G. Hinton, "Three New Graphical Models for Statistical Language Modelling", ICML 2007,
    section 4; "A Scalable Hierarchical Distributed Language Model", NIPS 2008.

    Example:

    >>> model = LogBilinear(50, order=3, embedding=4)
    >>> model(np.array([[2, 3, 0], [4, 0, 1]])).shape, [tuple(w.shape) for w in model.weights]
    (TensorShape([2, 3, 50]), [(2, 4, 4), (50, 4), (50,)])
    """

    def __init__(
        self,
        vocabulary_size: int,
        order: int = 6,
        embedding: int = 100,
        diagonal: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, order, embedding, **kwargs)
        self.diagonal = diagonal
        self.softmax = FullSoftmax(vocabulary_size, tied=True, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        m = self.embedding.output_dim
        # C_1 first, which is that of the last word.
        self.position_kernel = self.add_weight(
            name="position_kernel",
            shape=(self.order - 1, m) if self.diagonal else (self.order - 1, m, m),
            initializer="glorot_uniform",
        )
        self.embedding.build(None)
        self.softmax.build((None, None, m))

    def features(self, e: list[Any]) -> Any:
        C = ops.cast(self.position_kernel, self.compute_dtype)
        if self.diagonal:
            return sum(r * C[k] for k, r in enumerate(e))
        # All positions in one product.
        return project(
            ops.concatenate(e, axis=-1), ops.reshape(C, (-1, C.shape[-1])), None, self.compute_dtype
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "diagonal": self.diagonal}
