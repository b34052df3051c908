"""A classifier of texts as a SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_rnn.export.saved_model import check_backend, write_saved_model


def export_text_model(model: Any, path: str | Path, verbose: bool = False) -> None:
    """Writes a SavedModel whose `serving_default` takes a `(batch,)` string tensor named `text`.

    What it returns is named by `model.serve`: for a classifier `probability` and `label`, `(batch,)` each.
    Texts are UTF-8; an empty one is legal. The folder appears whole or not at all.

    Args:
        model: a built `keras_rnn.models.TextModel` with a tokenizer.
        path: the folder to write. It must not exist, or be a SavedModel, which is then replaced.
        verbose: print the endpoints.

    Raises:
        ValueError: if the backend is not TensorFlow, or `path` exists and is no SavedModel.
        OSError: if it cannot be written, for example on a full disk.
    """
    check_backend()
    import tensorflow as tf

    def serving_default(text: Any) -> dict[str, Any]:
        return model.serve(model(model.tokenizer.encode_in_graph(text), training=False))

    signature = [tf.TensorSpec([None], tf.string, name="text")]
    endpoints = {"serving_default": (serving_default, signature)}
    write_saved_model(model, [model.tokenizer.lookup_table()], endpoints, path, verbose)
