"""A vocabulary as TensorFlow operations: the same rule as `keras_rnn.datasets.Vocabulary`, on tensors."""

from __future__ import annotations

from typing import Any

from keras_rnn.datasets.vocabulary import END, LINE_END, LOWER_CASE, UNKNOWN, Vocabulary
from keras_rnn.text import split_words_in_graph


class GraphVocabulary:
    r"""Texts to ids and back, in a graph.

    Args:
        vocabulary: the types.

    Attributes:
        table: the lookup table, which whoever exports the graph must track.

    Example:

    >>> graph = GraphVocabulary(Vocabulary(["the", "<eos>", "<unk>", "cat"]))
    >>> graph.ids(["the cat\nthe dog", ""])
    <tf.RaggedTensor [[0, 3, 1, 0, 2], []]>
    >>> graph.following(3, [0, 3, 1, 0]).numpy()
    b' the cat\nthe'
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        import tensorflow as tf

        self.vocabulary = vocabulary
        missing = -1 if vocabulary.unknown is None else vocabulary.unknown
        types = tf.constant(vocabulary.types, tf.string)
        entries = tf.lookup.KeyValueTensorInitializer(types, tf.range(len(vocabulary), dtype=tf.int32))
        self.table = tf.lookup.StaticHashTable(entries, missing)

    def ids(self, texts: Any) -> Any:
        """The ids of `(batch,)` texts, ragged `(batch, None)` int32.

        A token that is no type is `<unk>`, or where there is none an InvalidArgumentError.
        """
        import tensorflow as tf

        level = self.vocabulary.level
        if level == "word":
            # What is split at without a separator is the white space of ASCII.
            tokens = tf.strings.split(tf.strings.regex_replace(texts, "\n", f" {END} "))
        elif level == LOWER_CASE:
            tokens = split_words_in_graph(tf.strings.regex_replace(texts, "\n", f" {LINE_END} "))
            tokens = tokens.with_values(tf.where(tokens.values == LINE_END, END, tokens.values))
        else:
            tokens = tf.strings.unicode_split(texts, "UTF-8")
            tokens = tokens.with_values(tf.where(tokens.values == "\n", END, tokens.values))
        ids = self.table.lookup(tokens.values)
        message = f"`text` must consist of the {level}s of the vocabulary, which has no {UNKNOWN}."
        with tf.control_dependencies([tf.debugging.assert_non_negative(ids, message)]):
            return tokens.with_values(tf.identity(ids))

    def types(self, ids: Any) -> Any:
        """The types of ids, strings of the same shape."""
        import tensorflow as tf

        return tf.gather(tf.constant(self.vocabulary.types, tf.string), ids)

    def following(self, last: Any, ids: Any) -> Any:
        """The text of ids `(time,)` that follow the id `last`, with what stands between."""
        import tensorflow as tf

        types, end = self.types(ids), -1 if self.vocabulary.end is None else self.vocabulary.end
        if self.vocabulary.level != "character":
            before = tf.concat([[last], ids], 0)[:-1]
            types = tf.where(before == end, types, " " + types)
        return tf.strings.reduce_join(tf.where(tf.equal(ids, end), "\n", types))
