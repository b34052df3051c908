"""Dropout on the rows of an embedding: a word type is there for the whole batch, or nowhere in it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import dropout_mask
from keras_rnn.layers.checked import check_rate


@keras.saving.register_keras_serializable("keras_rnn")
class EmbeddingDropout(keras.layers.Layer):
    """An embedding that, while training, forgets word types drawn at random.

        m[v] = 0 with probability rate, else 1 / (1 - rate)        for each word type v, once per call
        y[t] = m[x[t]] * E[x[t]]

    Every occurrence of a dropped type in the batch is zero: the equations of dropout on the rows of the
    matrix E, written as a gather of m by the ids, so that no second matrix is made.

    The layer stands where the embedding stood, in a `keras.Sequential` too. In reverse it is the embedding,
    without dropout, so that one layer holds the matrix wherever it is used, and is saved with its model:

        embedding = EmbeddingDropout(TiedEmbedding(10_000, 400), 0.1)
        x = embedding(ids)
        scores = embedding(h, reverse=True)

    Args:
        embedding: the layer that has E: a `keras.layers.Embedding`, a `TiedEmbedding`, or another layer on
            ids with the attribute `input_dim`, the number of word types.
        rate: share of the word types that is dropped, in [0, 1).
        seed: integer, makes the choice reproducible.

    Call arguments:
        inputs: integer ids `(batch, time)`; in reverse what the embedding takes.
        reverse: whether vectors become scores, if the embedding can do that. Default: False.
        training: whether word types are dropped.

    Returns:
        What the embedding gives, `(batch, time, output_dim)` or scores, with its mask.

    Raises:
        TypeError: if `embedding` is no layer with an `input_dim`.
        ValueError: if `rate` is outside [0, 1).

    Source: Y. Gal, Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural
    Networks", NIPS 2016, section 4.2; S. Merity, N. S. Keskar, R. Socher, "Regularizing and Optimizing LSTM
    Language Models", ICLR 2018, section 4.3. As in both, one mask serves the whole batch.

    Example:

    >>> layer = EmbeddingDropout(keras.layers.Embedding(6, 2, embeddings_initializer="ones"), 0.5, seed=1)
    >>> layer(np.array([[1, 2, 3, 1, 2, 3]]), training=True)[0, :, 0]
    <tf.Tensor: shape=(6,), dtype=float32, numpy=array([0., 2., 0., 0., 2., 0.], dtype=float32)>
    >>> [tuple(w.shape) for w in layer.weights]
    [(6, 2)]
    """

    def __init__(self, embedding: Any, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        if not isinstance(embedding, keras.layers.Layer) or not hasattr(embedding, "input_dim"):
            raise TypeError(
                "`embedding` must be a layer with the attribute `input_dim`, such as a "
                f"keras.layers.Embedding; received embedding={embedding!r}."
            )
        check_rate("rate", rate)
        # autocast would round ids that come as floats.
        super().__init__(**{"dtype": embedding.dtype_policy, "autocast": False, **kwargs})
        self.embedding = embedding
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if not self.embedding.built:
            self.embedding.build(input_shape)
            self.embedding.built = True

    def call(self, inputs: Any, reverse: bool = False, training: bool = False) -> Any:
        if reverse:
            return self.embedding(inputs, reverse=True)
        embedded = self.embedding(inputs)
        if not training or not self.rate:
            return embedded
        dtype = keras.backend.standardize_dtype(embedded.dtype)
        kept = dropout_mask((self.embedding.input_dim,), self.rate, self.seed_generator, dtype)
        return embedded * ops.expand_dims(ops.take(kept, ops.cast(inputs, "int32"), axis=0), -1)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = self.embedding.compute_mask(inputs, previous_mask)
        if mask is None and isinstance(self.embedding, keras.layers.ReversibleEmbedding):
            # That one marks what it returns, which is lost in the product, and gives scores no mask.
            of_ids = not keras.backend.is_float_dtype(keras.backend.standardize_dtype(inputs.dtype))
            return ops.not_equal(inputs, 0) if of_ids and self.embedding.mask_zero else None
        return mask

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        how = {"reverse": True} if reverse else {}
        return tuple(self.embedding.compute_output_shape(input_shape, **how))

    def compute_output_spec(self, inputs: Any, reverse: bool = False, training: bool = False) -> Any:
        return self.embedding.compute_output_spec(inputs, **({"reverse": True} if reverse else {}))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "embedding": keras.saving.serialize_keras_object(self.embedding),
            "rate": self.rate,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> EmbeddingDropout:
        embedding = keras.saving.deserialize_keras_object(config["embedding"], custom_objects)
        return cls(**{**config, "embedding": embedding})
