"""A language model as a SavedModel: it scores text, and writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_rnn.datasets.vocabulary import END
from keras_rnn.export.graph_vocabulary import GraphVocabulary
from keras_rnn.export.saved_model import check_backend, write_saved_model
from keras_rnn.models.generation import continued


def export_language_model(model: Any, path: str | Path, verbose: bool = False) -> None:
    """Writes a SavedModel with two endpoints. The folder appears whole or not at all.

    `score`, which is `serving_default` too: of `text` `(batch,)` strings, each as it stands in a corpus, with
    `<eos>` before it, and after it as well if it ends with a line's end:

        tokens           (batch, time)  strings; "" where a text has no more
        length           (batch,)       int32, number of tokens
        log_probability  (batch, time)  of each token, natural logarithm; 0 where a text has no more
        perplexity       (batch,)       exp(-sum of them / length); of an empty text NaN

    `generate`: what follows each `prompt`, as `GenerativeModel.generate` gives it on TensorFlow:

        prompt (batch,) strings; tokens, top_k, seed int32; temperature, top_p float32  ->  text (batch,)

    Texts are UTF-8. Words that are not in the vocabulary are `<unk>`, or where it has none an error.

    Args:
        model: a built `keras_rnn.models.GenerativeModel` with a vocabulary, which has `<eos>`.
        path: the folder to write. It must not exist, or be a SavedModel, which is then replaced.
        verbose: print the endpoints.

    Raises:
        ValueError: if the backend is not TensorFlow, the vocabulary has no `<eos>`, or `path` exists and is
            no SavedModel.
        OSError: if it cannot be written, for example on a full disk.
    """
    check_backend()
    import tensorflow as tf

    end = model.vocabulary.end
    if end is None:
        raise ValueError(
            f"`vocabulary` must have {END}, which stands before a text; received {model.vocabulary}. "
            "Without it, export a model that has no vocabulary: it takes ids."
        )
    vocabulary = GraphVocabulary(model.vocabulary)

    def score(text: Any) -> dict[str, Any]:
        ids = vocabulary.ids(text)
        targets, length = ids.to_tensor(), tf.cast(ids.row_lengths(), tf.int32)
        tokens = tf.pad(targets, [[0, 0], [1, 0]], constant_values=end)[:, :-1]
        nll, _ = model.score(tokens, targets, model.initial_states(tf.shape(text)[0]))
        here = tf.sequence_mask(length, tf.shape(targets)[1])
        log_p = tf.where(here, -nll, 0.0)
        return {
            "tokens": tf.where(here, vocabulary.types(targets), ""),
            "length": length,
            "log_probability": log_p,
            "perplexity": tf.exp(-tf.reduce_sum(log_p, 1) / tf.cast(length, log_p.dtype)),
        }

    def generate(
        prompt: Any, tokens: Any, temperature: Any, top_k: Any, top_p: Any, seed: Any
    ) -> dict[str, Any]:
        checks = [
            tf.debugging.assert_non_negative(tokens, "`tokens` must be 0 or more."),
            tf.debugging.assert_non_negative(temperature, "`temperature` must be 0 or more."),
            tf.debugging.assert_non_negative(top_k, "`top_k` must be 0, which keeps all, or more."),
            tf.debugging.assert_positive(top_p, "`top_p` must lie above 0."),
            tf.debugging.assert_less_equal(top_p, 1.0, "`top_p` must be at most 1, which keeps all."),
        ]
        with tf.control_dependencies(checks):
            rows = tf.shape(prompt)[0]
            # The numbers that `keras.random.uniform` gives for the same seed.
            u = tf.random.stateless_uniform([tokens, rows], tf.stack([seed, 0]))

        def written(row: Any) -> Any:
            ids, u = row
            ids = tf.concat([[end], ids], 0)
            states = model.initial_states(1)
            y, _ = continued(model, ids[None], states, u[:, None], temperature, top_k, top_p)
            return vocabulary.following(ids[-1], y[0])

        given = vocabulary.ids(prompt), tf.transpose(u)
        return {"text": tf.map_fn(written, given, fn_output_signature=tf.TensorSpec([], tf.string))}

    def scalar(name: str, dtype: Any) -> Any:
        return tf.TensorSpec([], dtype, name=name)

    text = [tf.TensorSpec([None], tf.string, name="text")]
    settings = [
        tf.TensorSpec([None], tf.string, name="prompt"),
        scalar("tokens", tf.int32),
        scalar("temperature", tf.float32),
        scalar("top_k", tf.int32),
        scalar("top_p", tf.float32),
        scalar("seed", tf.int32),
    ]
    endpoints: dict[str, tuple[Callable[..., Any], list[Any]]] = {
        "serving_default": (score, text),
        "score": (score, text),
        "generate": (generate, settings),
    }
    write_saved_model(model, [vocabulary.table], endpoints, path, verbose)
