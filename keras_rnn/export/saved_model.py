"""A SavedModel of any model; and one with endpoints of our own, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_rnn.files import folder_written_whole
from keras_rnn.layers.implementation import export_mode


def check_backend() -> None:
    """Raises ValueError unless the backend is TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"A SavedModel is written by the TensorFlow backend; received KERAS_BACKEND="
            f"{keras.backend.backend()}. Load the same weights in a process with KERAS_BACKEND=tensorflow."
        )


def export_model(model: keras.Model, path: str | Path, **kwargs: Any) -> None:
    """`model.export`, made for serving: what stands fixed is computed once, and nothing needs cuDNN.

    A constrained recurrent weight, such as that of an `ExpRNN`, is a constant of what is exported, where
    `model.export` alone would compute it anew in each call. The models of `keras_rnn.models` that take text
    are exported so by their own `export`.

    Args:
        model: built, of layers that may be ours.
        path: the folder to write.
        **kwargs: of `keras.Model.export`, such as `input_signature` and `verbose`.

    Raises:
        ValueError: if the backend is not TensorFlow.
    """
    check_backend()
    with export_mode():
        model.export(path, **kwargs)


def write_saved_model(
    model: Any,
    resources: Sequence[Any],
    endpoints: Mapping[str, tuple[Callable[..., Any], Sequence[Any]]],
    path: str | Path,
    verbose: bool = False,
) -> None:
    """Writes a model with functions of tensors around it. The folder appears whole or not at all.

    Args:
        model: whose variables the functions read.
        resources: the lookup tables and tokenizers that they read.
        endpoints: name: function, and the `tf.TensorSpec` of each of its arguments.
        path: the folder to write. It must not exist, or be a SavedModel, which is then replaced.
        verbose: print the endpoints.

    Raises:
        ValueError: if `path` exists and is no SavedModel.
        OSError: if it cannot be written, for example on a full disk.
    """
    import tensorflow as tf

    path = Path(path)
    if path.exists() and not (path / "saved_model.pb").exists():
        raise ValueError(f"`path` must be a new folder; {path} exists and is no SavedModel.")

    archive = keras.export.ExportArchive()
    archive.track(model)
    for resource in resources:
        archive.track(resource)  # untracked, it is not there in a clean process
    with export_mode():  # without cuDNN: what is exported runs everywhere
        for name, (function, signature) in endpoints.items():
            archive.add_endpoint(name, function, input_signature=list(signature))

    with folder_written_whole(path) as temporary:
        try:
            archive.write_out(str(temporary), verbose=verbose)
        except tf.errors.OpError as error:  # TensorFlow's name for what goes wrong with a file, too
            raise OSError(error.message.rpartition("; ")[2].partition(" [Op:")[0]) from error
