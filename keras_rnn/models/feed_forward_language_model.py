"""The neural probabilistic language model: one hidden layer over the words before."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.models.context_model import ContextModel


@keras.saving.register_keras_serializable("keras_rnn")
class FeedForwardLanguageModel(ContextModel):
    """The distribution of the next word, from the n - 1 words before it, through a hidden layer.

        x[t]   = (C(w[t]), C(w[t-1]), .., C(w[t-n+2]))      rows of an embedding C, one after another;
                                                            0 before the beginning of the text
        y[t]   = b + U tanh(d + H x[t])                     or with direct connections
        y[t]   = b + W x[t] + U tanh(d + H x[t])
        log p(w[t+1] | w[1] .. w[t]) = log_softmax(y[t])

    It is called, trained, evaluated and saved as a `LanguageModel` is. The state that it carries from batch
    to batch is the n - 2 last ids.

        model = FeedForwardLanguageModel(10_000, order=5, embedding=100, units=200)
        model.compile(keras.optimizers.Adam())
        model.fit(TokenStream(ids, 20, 35), validation_data=TokenStream(others, 20, 35), epochs=10)
        model.perplexity(test_ids)

    Parameters, with m the dimension of C, and h units: V (m + h + 1) + h ((n - 1) m + 1), and V (n - 1) m for
    direct connections.

    Args:
        vocabulary_size: V, number of ids. There is no padding: every id is a token.
        order: n: the context is n - 1 words. Default 5.
        embedding: m. Default 100.
        units: h. Default 200.
        direct_connections: whether there is W. U and W are then one matrix, (U, W), of the softmax. Default
            `False`.
        softmax: the output layer, `keras_rnn.layers.FullSoftmax` or another of its kind. Default: that.

    Call arguments:
        inputs: ids `(batch, time)`; or a dict of `tokens` and `targets`, both `(batch, time)`, and perhaps
            `weights` of the targets. Ids are not checked here: see `fit`.
        training: whether the gradient is computed along with the total, which is faster.

    Returns:
        Log probabilities `(batch, time, V)`; or a dict of `total`, the weighted sum of the negative log
        likelihoods, and `nll` `(batch, time)`, each of them, without gradient.

    Raises:
        ValueError: if a size is not a positive integer, `order` is below 2, or `softmax` has another
            vocabulary.

    Source: Y. Bengio, R. Ducharme, P. Vincent, C. Jauvin, "A Neural Probabilistic Language Model", Journal
    of Machine Learning Research 3, 2003, equation 1.

    Example:

    >>> model = FeedForwardLanguageModel(50, order=3, embedding=4, units=8)
    >>> model(np.array([[2, 3, 0], [4, 0, 1]])).shape
    TensorShape([2, 3, 50])
    """

    def __init__(
        self,
        vocabulary_size: int,
        order: int = 5,
        embedding: int = 100,
        units: int = 200,
        direct_connections: bool = False,
        softmax: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, order, embedding, **kwargs)
        self.direct_connections = direct_connections
        self.hidden = keras.layers.Dense(
            checked_size("units", units), activation="tanh", dtype=self.dtype_policy
        )
        self.softmax = FullSoftmax(vocabulary_size, dtype=self.dtype_policy) if softmax is None else softmax
        if self.softmax.vocabulary_size != vocabulary_size:
            raise ValueError(
                f"`softmax` must have vocabulary_size={vocabulary_size}, as the model; received "
                f"vocabulary_size={self.softmax.vocabulary_size}."
            )

    def build(self, input_shape: Any) -> None:
        context = (self.order - 1) * self.embedding.output_dim
        self.embedding.build(None)
        self.hidden.build((None, None, context))
        if not self.softmax.built:  # from a file it is built before the model
            self.softmax.build((None, None, self.hidden.units + self.direct_connections * context))

    def features(self, e: list[Any]) -> Any:
        x = ops.concatenate(e, axis=-1)
        h = self.hidden(x)
        return ops.concatenate([h, x], axis=-1) if self.direct_connections else h

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.hidden.units,
            "direct_connections": self.direct_connections,
            "softmax": keras.saving.serialize_keras_object(self.softmax),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> FeedForwardLanguageModel:
        softmax = keras.saving.deserialize_keras_object(config["softmax"], custom_objects)
        return cls(**{**config, "softmax": softmax})
