"""Many-to-one: a sequence in, the parameters of a distribution out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.layers.bidirectional import Bidirectional
from keras_rnn.layers.heads import BernoulliHead, CategoricalHead, GaussianHead
from keras_rnn.layers.sequence_inputs import takes
from keras_rnn.layers.sequence_pooling import SequencePooling
from keras_rnn.layers.word_dropout import WordDropout
from keras_rnn.models.labels import check_labels, loss_of, metrics_of
from keras_rnn.models.text_model import TextModel
from keras_rnn.text import WordTokenizer

HEADS = {"bernoulli": BernoulliHead, "categorical": CategoricalHead, "gaussian": GaussianHead}


@keras.saving.register_keras_serializable("keras_rnn")
class SequenceClassifier(TextModel):
    """Embedding, a stack of recurrent layers, pooling over time, and a head.

        e[t] = E[id[t]]                          embedding, with dropout of words and of features
        h    = layer_n(... layer_1(e))           each masked where id[t] = 0
        s    = pool(h[1] .. h[time])             last, mean, max, concatenated; normalized if asked for
        p(y | sequence) = head(dropout(s))       Bernoulli, categorical or Gaussian

    The core maps integer ids to the parameters of the distribution; with a `tokenizer` the model also takes
    raw text in `fit`, `evaluate`, `predict` and `export`. Without `vocabulary_size` the core reads features
    `(batch, time, features)` in place of ids.

    Args:
        layers: the recurrent layers, lowest first; each returns its whole sequence
            (`return_sequences=True`). Others, such as `SelfAttentionBlock`, may be among them.
        vocabulary_size: number of ids, padding (0) and the unknown word (1) included. `None` for features.
        embedding_dimension: number of features of an embedded word.
        word_dropout: share of the words that training replaces by the unknown word.
        embedding_dropout: share of the embedding's features that training drops, the same in all steps of a
            sequence.
        pooling: one of `"last"`, `"mean"`, `"max"`, or a list of them. Default `"last"`. Over a
            `Bidirectional` the last step of the half that was read backwards is the first one. Or a layer
            that gives one vector, such as `AttentionPooling`.
        normalize: whether each pooled feature is normalized by its mean and variance in the batch, with
            `keras.layers.BatchNormalization`: states of a language model have large means, common to all
            texts. Default `False`.
        dropout: share of the pooled features that training drops.
        head: `"bernoulli"`, `"categorical"` or `"gaussian"`. Default `"bernoulli"`.
        outputs: questions, classes or numbers, as the head says. Default 1.
        seed: integer, makes the dropout reproducible.
        tokenizer: a `keras_rnn.text.WordTokenizer`, whose size is then the `vocabulary_size`.

    Call arguments:
        inputs: ids `(batch, time)`, or features `(batch, time, features)`.
        mask: `(batch, time)`, nonzero where a step counts. Default: where the id is not 0;
            with features, all.

    Returns:
        What the head returns: probabilities `(batch, outputs)`, or means and variances
        `(batch, 2 * outputs)`.

    Raises:
        ValueError: if a layer does not return its sequence, the head is unknown, or the size of the
            vocabulary is not that of the tokenizer.

    `compile()` without arguments takes Adam, the negative log-likelihood of the head (maximum likelihood),
    and accuracy or the squared error of the mean.

    Example:

    >>> lstm = LSTM(8, return_sequences=True)
    >>> model = SequenceClassifier([lstm], vocabulary_size=50, embedding_dimension=4)
    >>> model(np.array([[2, 3, 0], [4, 0, 0]])).shape
    TensorShape([2, 1])
    """

    def __init__(
        self,
        layers: Sequence[Any],
        vocabulary_size: int | None = None,
        embedding_dimension: int = 64,
        word_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        pooling: Any = "last",
        normalize: bool = False,
        dropout: float = 0.0,
        head: str = "bernoulli",
        outputs: int = 1,
        seed: int | None = None,
        tokenizer: WordTokenizer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, **kwargs)
        if tokenizer is not None:
            if vocabulary_size not in (None, tokenizer.vocabulary_size):
                raise ValueError(
                    f"`vocabulary_size` must be that of the tokenizer, {tokenizer.vocabulary_size}; "
                    f"received vocabulary_size={vocabulary_size}. Leave it out."
                )
            vocabulary_size = tokenizer.vocabulary_size
        if head not in HEADS:
            raise ValueError(f"`head` must be one of {sorted(HEADS)}; received head={head!r}.")
        for layer in layers:
            if not getattr(layer, "return_sequences", True):
                raise ValueError(
                    f"Each of `layers` must return its sequence, the pooling makes it one vector; received "
                    f"{layer.name} with return_sequences=False. Set return_sequences=True."
                )
        self._config = {
            "vocabulary_size": vocabulary_size,
            "embedding_dimension": embedding_dimension,
            "word_dropout": word_dropout,
            "embedding_dropout": embedding_dropout,
            "pooling": pooling,
            "normalize": normalize,
            "dropout": dropout,
            "head": head,
            "outputs": outputs,
            "seed": seed,
        }
        self.reads_ids = vocabulary_size is not None
        if self.reads_ids:
            self.word_dropout = WordDropout(word_dropout, seed=seed)
            self.embedding = keras.layers.Embedding(vocabulary_size, embedding_dimension)
        self.embedding_dropout = keras.layers.SpatialDropout1D(embedding_dropout, seed=seed)
        self.recurrent_layers = list(layers)
        backwards_half = bool(layers) and _concatenates_directions(layers[-1])
        self.pooling = pooling
        if not isinstance(pooling, keras.layers.Layer):
            self.pooling = SequencePooling(pooling, bidirectional=backwards_half)
        # The mean over the last batches, and not over the last thousand: a training may have a few dozen.
        # The states of a language model vary little from text to text: Keras's epsilon, 1e-3, outweighs that.
        norm = partial(keras.layers.BatchNormalization, momentum=0.9, epsilon=1e-5)
        self.normalization = norm() if normalize else None
        self.dropout = keras.layers.Dropout(dropout, seed=seed)
        self.head = HEADS[head](outputs)

    def build(self, input_shape: Any) -> None:
        if self.reads_ids:
            self.embedding.build(input_shape)
            input_shape = self.embedding.compute_output_shape(input_shape)
        normalization = [] if self.normalization is None else [self.normalization]
        for layer in (*self.recurrent_layers, self.pooling, *normalization):
            if not layer.built:
                layer.build(input_shape)
                layer.built = True
            input_shape = layer.compute_output_shape(input_shape)
        self.head.build(input_shape)
        self.head.built = True
        self.built = True

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        if self.reads_ids:
            mask = ops.not_equal(inputs, 0) if mask is None else mask
            inputs = self.embedding(self.word_dropout(inputs, training=training))
        return self.read(inputs, mask, training)

    def read(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        """What the model makes of the vectors of the words, or of features, `(batch, time, features)`."""
        return self.decide(self.hidden_states(inputs, mask, training), mask, training)

    def hidden_states(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        """What the last of the layers makes of the same, `(batch, time, units)`."""
        x = self.embedding_dropout(inputs, training=training)
        for layer in self.recurrent_layers:
            # A normalization takes no mask: what it makes of padding is pooled by nobody.
            x = layer(x, **({"mask": mask} if takes(layer, "mask") else {}), training=training)
        return x

    def decide(self, states: Any, mask: Any = None, training: bool = False) -> Any:
        """What pooling and head make of the states."""
        s = self.pooling(states, mask=mask)
        if self.normalization is not None:
            s = self.normalization(s, training=training)
        return self.head(self.dropout(s, training=training))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None  # time is gone

    def compute_output_shape(self, input_shape: Any, **_: Any) -> Any:
        return self.head.compute_output_shape((input_shape[0], None))

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`; `loss` and `metrics` default to those of the head's distribution."""
        head = self._config["head"]
        loss = loss_of(head) if loss is None else loss
        metrics = metrics_of(head) if metrics is None else metrics
        super().compile(optimizer, loss, metrics=metrics, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        # Keras leaves a model uncompiled after loading when `compile` is its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def check_targets(self, y: np.ndarray) -> None:
        check_labels(y, self._config["head"], self._config["outputs"])

    def prepare_targets(self, y: Any) -> np.ndarray:
        y = super().prepare_targets(y)
        if self._config["head"] == "categorical":
            return y.reshape(-1).astype(np.int32)
        # Keras compares targets and outputs shape by shape: (batch,) becomes (batch, 1).
        return y.reshape(len(y), -1).astype(np.float32)

    def serve(self, outputs: Any) -> dict[str, Any]:
        head = self._config["head"]
        if head == "gaussian":
            mean, variance = ops.split(outputs, 2, axis=-1)
            return {"mean": mean, "variance": variance}
        if head == "categorical":
            return {"probability": outputs, "label": ops.argmax(outputs, axis=-1)}
        if self._config["outputs"] == 1:
            outputs = outputs[:, 0]
        return {"probability": outputs, "label": ops.cast(outputs > 0.5, "int32")}

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), **self._config}
        config["layers"] = [keras.saving.serialize_keras_object(layer) for layer in self.recurrent_layers]
        if config["pooling"] is self.pooling:
            config["pooling"] = keras.saving.serialize_keras_object(self.pooling)
        if self.tokenizer is not None:
            config["tokenizer"] = self.tokenizer.get_config()
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> SequenceClassifier:
        made = partial(keras.saving.deserialize_keras_object, custom_objects=custom_objects)
        config["layers"] = [made(layer) for layer in config["layers"]]
        if isinstance(config["pooling"], dict):
            config["pooling"] = made(config["pooling"])
        if "tokenizer" in config:
            config["tokenizer"] = WordTokenizer(**config["tokenizer"])
        return cls(**config)


def _concatenates_directions(layer: Any) -> bool:
    return isinstance(layer, (Bidirectional, keras.layers.Bidirectional)) and layer.merge_mode == "concat"
