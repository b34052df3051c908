"""Weights on disk: float16, checked before they are read."""

from __future__ import annotations

import errno
import io
import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from keras_rnn.datasets.download import download
from keras_rnn.files import sha256, written_whole
from keras_rnn.parametrizations.constrained_weight import EXACT

FILE = "model.weights.h5"
CACHE = "~/.cache/keras_rnn/zoo"


def save_float16(model: Any, folder: str | Path) -> dict[str, Any]:
    """Writes the weights of a model, without its optimizer, its matrices as float16.

    Returns:
        What the file is checked against when it is read: `sha256`, `bytes`, `parameters`.
    """
    import h5py

    path, image = Path(folder) / FILE, io.BytesIO()
    with written_whole(path) as narrow, tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as scratch:
        # h5py prints pages, or crashes, where the disk is full: it is asked before, and the file that stays
        # is put together in memory.
        if shutil.disk_usage(scratch).free < 8 * _count(model) + 1_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        wide = Path(scratch) / FILE
        model.save_weights(wide)
        with h5py.File(wide) as source, h5py.File(image, "w") as target:
            for name in source:
                if name != "optimizer":  # two thirds of the file
                    _copy_as_float16(source[name], target.create_group(name))
        narrow.write_bytes(image.getvalue())
    return {"sha256": sha256(path), "bytes": path.stat().st_size, "parameters": _count(model)}


def find_weights(folder: str | Path, expected: dict[str, Any]) -> Path:
    """The weights of an entry: in its folder, or fetched into the cache.

    An installed package leaves out some of the large files, so that it stays a moderate download. Where
    `KERAS_RNN_ZOO_URL` names the address of a zoo, such a file is downloaded from below it once.

    Raises:
        ValueError: if there is no file, and no address.
        DownloadError: if it cannot be had from there.
    """
    folder, base = Path(folder), os.environ.get("KERAS_RNN_ZOO_URL")
    if (folder / FILE).exists():
        return folder / FILE
    if not base:
        raise ValueError(
            f"{folder / FILE} is missing; an installed package leaves out some large files of weights. Set "
            "KERAS_RNN_ZOO_URL to the address of a zoo folder, load the model in a checkout, or train it "
            "with `keras-rnn train`."
        )
    cached = Path(CACHE).expanduser() / folder.name / expected["sha256"][:16] / FILE
    return download(f"{base.rstrip('/')}/{folder.name}/{FILE}", cached, expected["sha256"], folder.name)


def load_checked(model: Any, folder: str | Path, expected: dict[str, Any]) -> None:
    """Reads weights into a built model, after a check of the file and of the model's size.

    Raises:
        ValueError: if the file is missing, was cut short or altered, or belongs to another model.
    """
    path = find_weights(folder, expected)
    if path.stat().st_size != expected["bytes"] or sha256(path) != expected["sha256"]:
        raise ValueError(
            f"{path} is damaged: it must be {expected['bytes']} bytes with sha256 {expected['sha256']}; "
            f"received {path.stat().st_size} bytes with sha256 {sha256(path)}. "
            "Get the file again, for example with `git checkout` or a new installation."
        )
    if _count(model) != expected["parameters"]:
        raise ValueError(
            f"{path} holds {expected['parameters']:,} parameters; the model that was asked for has "
            f"{_count(model):,}. Leave out the overrides that change its size, or pass weights=False."
        )
    model.load_weights(path)


def _count(model: Any) -> int:
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def _copy_as_float16(source: Any, target: Any) -> None:
    import h5py

    target.attrs.update(source.attrs)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy_as_float16(item, target.create_group(name))
        else:
            # Vectors are small, and among them are variances that 16 bits would make zero.
            rounded = item.dtype.kind == "f" and item.ndim > 1 and name not in EXACT
            narrow = item[()].astype("float16") if rounded else item[()]
            target.create_dataset(name, data=narrow).attrs.update(item.attrs)
