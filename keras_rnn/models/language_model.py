"""A recurrent language model: the distribution of the next token, given all before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_rnn.layers.activation_regularization import (
    ActivationRegularization,
    TemporalActivationRegularization,
)
from keras_rnn.layers.cell import States
from keras_rnn.layers.checked import check_rate
from keras_rnn.layers.embedding_dropout import EmbeddingDropout
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.models.checked_layers import check_softmax, checked_layers
from keras_rnn.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable("keras_rnn")
class LanguageModel(GenerativeModel):
    """Embedding, a stack of recurrent layers, and a softmax over the vocabulary.

        h_0[t] = E[x[t]] * m_0                     with dropout of word types, and of features
        h_k    = layer_k(h_(k-1)) * m_k            k = 1 .. n; r is what is multiplied by m_n
        log p(x[t+1] | x[1] .. x[t]) = log_softmax(h_n[t] W^T + b)         tied: W = E
        penalties: alpha * mean(h_n^2) + beta * mean((r[t+1] - r[t])^2)
        with skip connections r is the sum of what all layers put out

    Called with ids alone it begins with fresh states and gives log probabilities. Called with a dict it gives
    what a training needs, and carries the states of its layers from call to call: back-propagation is
    truncated where a batch begins. `run` is the pure function under both.

        model = LanguageModel(10_000, [LSTM(200), LSTM(200)], hidden_dropout=0.2)
        model.compile(keras.optimizers.SGD(1.0, global_clipnorm=5.0))
        model.fit(TokenStream(ids, 20, 35), validation_data=TokenStream(others, 20, 35), epochs=13)
        model.perplexity(test_ids)

    Parameters, with an embedding of dimension d, LSTM layers of n_1 .. n_L units on n_0 = d features, and V
    words: V d + sum_k 4 n_k (n_(k-1) + n_k + 1) + V n_L + V; tied without V n_L. (The LSTMs of cuDNN and
    PyTorch have two biases, 4 n_k more, of which only the sum matters.)

    Args:
        vocabulary_size: V, number of ids. There is no padding: every id is a token.
        layers: the recurrent layers, lowest first, each a `keras_rnn.layers.Recurrent`, such as `LSTM`. The
            model sets their `return_sequences` and `return_state`, and holds the states itself.
        embedding: dimension of E; or a layer from ids `(batch, time)` to `(batch, time, features)`.
        tie_embeddings: whether the softmax uses E for its matrix.
        softmax: the output layer, `keras_rnn.layers.FullSoftmax` or another of its kind. Default: that.
        input_dropout: share of the features of h_0 that training drops.
        hidden_dropout: share of the features between two layers.
        output_dropout: share of the features of h_n.
        locked: one dropout mask for all steps of a row (Gal, Merity); `False`: another for each (Zaremba).
        embedding_dropout: share of the word types that training drops.
        activation_regularization: alpha.
        temporal_activation_regularization: beta.
        sum_over_steps: the loss is the sum over the steps of a batch, in place of the mean: the scale that
            Zaremba's learning rates and clipping belong to.
        initializer_range: E and W begin uniform in [-initializer_range, initializer_range].
        skip_connections: whether the softmax reads the sum of all layers, of equal units (Melis 2018).
        seed: integer, makes the dropout reproducible.
        vocabulary: the `keras_rnn.datasets.Vocabulary` of the ids, to `generate` text.

    Call arguments:
        inputs: ids `(batch, time)`; or a dict of `tokens` and `targets`, both `(batch, time)`, and perhaps
            `weights` of the targets. Ids are not checked here: see `fit`.
        training: whether dropout is on and the penalties are added.

    Returns:
        Log probabilities `(batch, time, V)`; or a dict of `total`, the weighted sum of the negative log
        likelihoods, and `nll` `(batch, time)`, each of them, without gradient.

    Raises:
        TypeError: if one of `layers` is no `Recurrent`.
        ValueError: if there is none, one reads backwards or is stateful itself, if a rate is outside [0, 1),
            if `softmax` has another vocabulary or is not tied as the model is, if embeddings are tied and
            the last layer has other units than they have, or if layers are summed and have different units.

    Sources: W. Zaremba, I. Sutskever, O. Vinyals, "Recurrent Neural Network Regularization", 2014; S. Merity,
    N. S. Keskar, R. Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018; G. Melis, C. Dyer,
    P. Blunsom, "On the State of the Art of Evaluation in Neural Language Models", ICLR 2018 (the sum).

    Example:

    >>> model = LanguageModel(50, [LSTM(8), LSTM(4)], embedding=4, tie_embeddings=True)
    >>> model(np.array([[2, 3, 0], [4, 0, 1]])).shape
    TensorShape([2, 3, 50])
    """

    def __init__(
        self,
        vocabulary_size: int,
        layers: Sequence[Recurrent],
        embedding: Any = 200,
        tie_embeddings: bool = False,
        softmax: Any = None,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        output_dropout: float = 0.0,
        locked: bool = True,
        embedding_dropout: float = 0.0,
        activation_regularization: float = 0.0,
        temporal_activation_regularization: float = 0.0,
        sum_over_steps: bool = False,
        initializer_range: float = 0.1,
        skip_connections: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, sum_over_steps, **kwargs)
        self._config: dict[str, Any] = {
            "vocabulary_size": vocabulary_size,
            "tie_embeddings": tie_embeddings,
            "input_dropout": input_dropout,
            "hidden_dropout": hidden_dropout,
            "output_dropout": output_dropout,
            "locked": locked,
            "embedding_dropout": embedding_dropout,
            "activation_regularization": activation_regularization,
            "temporal_activation_regularization": temporal_activation_regularization,
            "sum_over_steps": sum_over_steps,
            "initializer_range": initializer_range,
            "skip_connections": skip_connections,
            "seed": seed,
        }
        for name in ("input_dropout", "hidden_dropout", "output_dropout"):
            check_rate(name, self._config[name])
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.recurrent_layers = checked_layers(layers, skip_connections)
        own = {"dtype": self.dtype_policy}
        start = keras.initializers.RandomUniform(-initializer_range, initializer_range)
        if not isinstance(embedding, keras.layers.Layer):
            embedding = keras.layers.Embedding(vocabulary_size, embedding, start, **own)
        self.embedding = embedding
        self.lookup = EmbeddingDropout(embedding, embedding_dropout, seed) if embedding_dropout else embedding
        if softmax is None:
            # An initializer of its own: the same one would make W = E where they have the same shape.
            start = start.clone()
            softmax = FullSoftmax(vocabulary_size, tied=tie_embeddings, kernel_initializer=start, **own)
        self.softmax = softmax
        units, dimension = self.recurrent_layers[-1].output_size, getattr(embedding, "output_dim", None)
        check_softmax(softmax, vocabulary_size, tie_embeddings, units, dimension)
        alpha, beta = activation_regularization, temporal_activation_regularization
        self.size_penalty = ActivationRegularization(alpha, **own) if alpha else None
        self.change_penalty = TemporalActivationRegularization(beta, **own) if beta else None

    def build(self, input_shape: Any) -> None:
        shape = input_shape["tokens"] if isinstance(input_shape, dict) else input_shape
        _build(self.lookup, shape)
        shape = self.lookup.compute_output_shape(shape)
        for layer in self.recurrent_layers:
            _build(layer, shape)
            shape = (*shape[:-1], layer.output_size)
        for part in filter(None, (self.softmax, self.size_penalty, self.change_penalty)):
            _build(part, shape)

    def initial_states(self, batch_size: Any) -> States:
        return [state for layer in self.recurrent_layers for state in layer.get_initial_state(batch_size)]

    def run(self, tokens: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """The features that the softmax reads, from ids and given states; nothing is carried.

        Args:
            tokens: ids `(batch, time)`.
            states: as `initial_states` or this method returns them.
            training: whether dropout is on.

        Returns:
            h_n `(batch, time, units)`, and the states after the last step.
        """
        config, states = self._config, list(states)
        x = self._drop(self.lookup(tokens, training=training), config["input_dropout"], training)
        new_states: States = []
        r: Any = 0
        for k, layer in enumerate(self.recurrent_layers):
            x = self._drop(x, config["hidden_dropout"], training) if k else x
            start, end = len(new_states), len(new_states) + len(layer.state_size)
            x, *last = layer(x, initial_state=states[start:end], training=training)
            new_states += last
            r = r + x if config["skip_connections"] else x
        h = self._drop(r, config["output_dropout"], training)
        if self.size_penalty:
            self.size_penalty(h, training=training)
        if self.change_penalty:
            self.change_penalty(r, training=training)
        return h, new_states

    def _drop(self, x: Any, rate: float, training: bool) -> Any:
        if not training or not rate:
            return x
        shape = (ops.shape(x)[0], 1, x.shape[-1]) if self._config["locked"] else None
        return keras.random.dropout(x, rate, noise_shape=shape, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **self._config,
            "layers": [serialize(layer) for layer in self.recurrent_layers],
            "embedding": serialize(self.embedding),
            "softmax": serialize(self.softmax),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> LanguageModel:
        def made(value: Any) -> Any:
            return keras.saving.deserialize_keras_object(value, custom_objects)

        layers = [made(layer) for layer in config["layers"]]
        parts = {name: made(config[name]) for name in ("embedding", "softmax")}
        return cls(**{**config, **parts, "layers": layers})


def _build(layer: Any, shape: Any) -> None:
    if not layer.built:  # from a file the parts are built before the whole
        layer.build(shape)
