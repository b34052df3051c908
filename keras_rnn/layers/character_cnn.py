"""Vectors of words, from their characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.highway import Highway

#: Ids in the table of characters, before those of the characters themselves.
NOTHING, BEGIN, END = 0, 1, 2


@keras.saving.register_keras_serializable("keras_rnn")
class CharacterCNN(keras.layers.Layer):
    """An embedding without a matrix of words: convolutions over the characters of each word.

    A word of l - 2 characters is k[1] .. k[l], with a mark for its begin and one for its end:

        e[i]   = Q[k[i]]                                    0 for i > l
        p_w[j] = tanh(max_{i=1..l} sum_{m=1..w} e[i+m-1] F_w[m] + b_w)      each width w = 1 .. n, filter j
        h_0    = (p_1, .., p_n)
        h_k    = highway_k(h_(k-1))                         k = 1 .. highways, with ReLU
        y[t]   = h_highways of the word x[t]

    It is computed once for each word of the batch, however often it stands there. (On JAX, where the number
    of different words may not decide a shape, for each token, or for all words where these are fewer.) Words
    have vectors of their own as far as they have other characters: what training teaches about one tells
    about others, and rare words are cheap.

    Of the published sizes, the default is the small one; the large one:
    `CharacterCNN(words, filters=[50, 100, 150, 200, 200, 200, 200], highways=2)`.

    Weights, with d = `character_size` and f features in all:
        character_embeddings Q: `(characters, d)`: the two marks, then the different characters, sorted.
        For each width, `convolutions[w - 1]`: kernel F_w `(w, d, filters[w - 1])`, bias b_w.
        For each highway: kernel `(f, 2 f)`, bias `(2 f,)`.
        In all `characters d + sum_w filters[w - 1] (w d + 1) + highways 2 f (f + 1)` parameters.

    Differences from the published code: a filter's window may reach past the end of a word, where zeros
    stand, but does not begin there. (There all words are filled up to the longest, and windows of nothing but
    filling count too: the vector of a word would depend on the longest one.) `<eos>` and `<unk>` are spelled
    as they are written, where there each is one character.

    Args:
        words: the types, in the order of their ids: of a `Vocabulary`, `vocabulary.types`. They are part of
            the configuration.
        character_size: d, a positive integer. Default 15.
        filters: numbers of filters of the widths 1, 2, 3 and so on.
        highways: number of highway layers, which may be 0. Default 1.

    Call arguments:
        inputs: integer ids `(batch, time)`, or any other axes.

    Returns:
        `(batch, time, f)`, with f the sum of `filters`.

    Raises:
        TypeError: if `words` is not a sequence of strings.
        ValueError: if there are none, one is empty, there are no filters, or a size is no positive integer.

    Source: Y. Kim, Y. Jernite, D. Sontag, A. M. Rush, "Character-Aware Neural Language Models", AAAI 2016.

    Example:

    >>> layer = CharacterCNN(["the", "<eos>", "cat"], filters=[2, 4])
    >>> layer(np.array([[0, 2, 1, 0]])).shape
    TensorShape([1, 4, 6])
    >>> [tuple(w.shape) for w in layer.weights]
    [(11, 15), (1, 15, 2), (2,), (2, 15, 4), (4,), (6, 12), (12,)]
    """

    def __init__(
        self,
        words: Sequence[str],
        character_size: int = 15,
        filters: Sequence[int] = (25, 50, 75, 100, 125, 150),
        highways: int = 1,
        **kwargs: Any,
    ) -> None:
        # autocast would round ids that come as floats.
        super().__init__(autocast=False, **kwargs)
        self.words = _checked_words(words)
        self.character_size = checked_size("character_size", character_size)
        self.filters = [checked_size("filters", number) for number in filters]
        if not self.filters:
            raise ValueError("`filters` must hold a number for at least one width; received none.")
        self.highways = highways if highways == 0 else checked_size("highways", highways)
        #: Number of word types, which `EmbeddingDropout` asks for.
        self.input_dim = len(self.words)
        self.convolutions = [
            keras.layers.Conv1D(number, width, dtype=self.dtype_policy, name=f"width_{width}")
            for width, number in enumerate(self.filters, start=1)
        ]
        self.highway_layers = [
            Highway(activation="relu", dtype=self.dtype_policy) for _ in range(self.highways)
        ]
        self.supports_masking = True
        # On TensorFlow the number of words that are computed depends on the ids.
        self.supports_jit = keras.backend.backend() != "tensorflow"

    def build(self, input_shape: Any = None) -> None:
        characters = sorted(set("".join(self.words)))
        self._table = _table(self.words, characters, filling=len(self.filters) - 1)
        self.character_embeddings = self.add_weight(
            name="character_embeddings",
            shape=(END + len(characters), self.character_size),
            initializer="uniform",
            autocast=False,
        )
        for convolution in self.convolutions:
            convolution.build((None, None, self.character_size))
        for highway in self.highway_layers:
            highway.build((None, sum(self.filters)))

    def call(self, inputs: Any) -> Any:
        ids = ops.reshape(ops.cast(inputs, "int32"), (-1,))
        words, places = _distinct(ids, len(self.words))
        vectors = self._vectors(ops.take(self._table, words, axis=0))
        return ops.reshape(ops.take(vectors, places, axis=0), (*ops.shape(inputs), sum(self.filters)))

    def _vectors(self, k: Any) -> Any:
        """h `(words, features)` of characters `(words, longest + filling)`."""
        Q = ops.pad(ops.cast(self.character_embeddings, self.compute_dtype), ((1, 0), (0, 0)))
        e = ops.take(Q, k, axis=0)
        longest = k.shape[1] - len(self.filters) + 1
        begins = ops.expand_dims(k[:, :longest] != NOTHING, -1)
        pooled = []
        for width, convolution in enumerate(self.convolutions, start=1):
            z = convolution(e[:, : longest + width - 1])
            pooled.append(ops.max(ops.where(begins, z, -np.inf), axis=1))
        h = ops.tanh(ops.concatenate(pooled, axis=-1))
        for highway in self.highway_layers:
            h = highway(h)
        return h

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape, sum(self.filters))

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "words": list(self.words),
            "character_size": self.character_size,
            "filters": list(self.filters),
            "highways": self.highways,
        }


def _checked_words(words: Any) -> list[str]:
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise TypeError(
            f"`words` must be a sequence of strings, one for each id; received words={words!r:.80}. "
            "Of a Vocabulary these are `vocabulary.types`."
        )
    words = list(words)
    if not words or "" in words:
        what = "none" if not words else f"an empty one at place {words.index('')}"
        raise ValueError(f"`words` must be words of at least one character; received {what}.")
    return words


def _table(words: Sequence[str], characters: Sequence[str], filling: int) -> np.ndarray:
    """The characters of each word between its marks, `(words, longest + filling)` ids."""
    ids = {character: id for id, character in enumerate(characters, start=END + 1)}
    longest = max(len(word) for word in words) + 2
    table = np.full((len(words), longest + filling), NOTHING, "int32")
    for row, word in zip(table, words):
        row[: len(word) + 2] = [BEGIN, *(ids[character] for character in word), END]
    return table


def _distinct(ids: Any, types: int) -> tuple[Any, Any]:
    """Words to compute, and the place among them of each of `ids` `(tokens,)`: the fewest that are known."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        words, places = tf.unique(ids)
        # Of no words TensorFlow's convolution has a wrong shape: one is then computed for nothing.
        spare = tf.zeros([tf.cast(tf.size(ids) == 0, tf.int32)], ids.dtype)
        return tf.concat([words, spare], axis=0), places
    if ids.shape[0] < types:
        return ids, ops.arange(ids.shape[0])
    return ops.arange(types), ids
