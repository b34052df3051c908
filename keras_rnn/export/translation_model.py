"""A translator as a SavedModel: a sentence in, a sentence out, with the beam search inside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from keras_rnn.export.saved_model import check_backend, write_saved_model
from keras_rnn.subwords import END
from keras_rnn.text import PADDING


def export_translation_model(model: Any, path: str | Path, longest: int, verbose: bool = False) -> None:
    """Writes a SavedModel with two endpoints. The folder appears whole or not at all.

    `translate`: what `TranslationModel.translations` gives on TensorFlow, with the coverage penalty of the
    model's `decoding`:

        text (batch,) strings; beam_size int32; length_penalty float32
            ->  translation (batch,) strings; score (batch,)

    `serving_default`: the same of `text` alone, with the beam and the length penalty of the model's
    `decoding`.

    Texts are UTF-8; one of white space alone becomes an empty one, with the score 0. A process that loads the
    folder imports tensorflow and tensorflow_text.

    Args:
        model: a built `keras_rnn.models.TranslationModel` with tokenizers.
        path: the folder to write. It must not exist, or be a SavedModel, which is then replaced.
        longest: most pieces of a sentence that are read, its end included.
        verbose: print the endpoints.

    Raises:
        ValueError: if the backend is not TensorFlow, or `path` exists and is no SavedModel.
        OSError: if it cannot be written, for example on a full disk.
    """
    check_backend()
    import tensorflow as tf

    def translated(text: Any, beam_size: Any, length_penalty: Any) -> dict[str, Any]:
        pieces = model.source_tokenizer.tokenize(text)[:, : longest - 1]
        ends = tf.fill([tf.shape(text)[0], 1], END)
        ids = tf.concat([pieces, tf.RaggedTensor.from_tensor(ends)], axis=1)
        most = 2 * tf.cast(ids.row_lengths(), tf.int32) + 10
        ids = ids.to_tensor(PADDING)

        def by(beam_size: Any, **search: Any) -> tuple[Any, Any]:
            found = model.decode(ids, most, beam_size=beam_size, shrinking=True, **search)
            return model.target_tokenizer.detokenize(found.ids[:, 0]), found.scores[:, 0]

        # As in Python, one hypothesis alone is greedy, which has no penalties.
        penalties = {"length_penalty": length_penalty, "coverage_penalty": model.decoding["coverage_penalty"]}
        greedy, beam = partial(by, 1), partial(by, beam_size, **penalties)
        if isinstance(beam_size, int):
            translation, score = greedy() if beam_size == 1 else beam()
        else:
            translation, score = tf.cond(tf.equal(beam_size, 1), greedy, beam)
        blank = tf.equal(pieces.row_lengths(), 0)
        return {"translation": tf.where(blank, "", translation), "score": tf.where(blank, 0.0, score)}

    def serving_default(text: Any) -> dict[str, Any]:
        return translated(text, model.decoding["beam_size"], model.decoding["length_penalty"])

    def translate(text: Any, beam_size: Any, length_penalty: Any) -> dict[str, Any]:
        check = tf.debugging.assert_positive(beam_size, "`beam_size` must be 1 or more.")
        with tf.control_dependencies([check]):
            return translated(tf.identity(text), beam_size, length_penalty)

    text = tf.TensorSpec([None], tf.string, name="text")
    settings = [
        tf.TensorSpec([], tf.int32, name="beam_size"),
        tf.TensorSpec([], tf.float32, name="length_penalty"),
    ]
    tokenizers = [model.source_tokenizer.graph_tokenizer(), model.target_tokenizer.graph_tokenizer()]
    endpoints: dict[str, tuple[Callable[..., Any], list[Any]]] = {
        "serving_default": (serving_default, [text]),
        "translate": (translate, [text, *settings]),
    }
    write_saved_model(model, tokenizers, endpoints, path, verbose)
