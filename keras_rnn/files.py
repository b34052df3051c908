"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Gives a temporary name beside `path`; what was written there takes its place when all went well.

    A crash, a kill or a full disk leaves the old file, or none, under the final name.

    Raises:
        OSError: if it cannot be written; says so in one sentence.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    with _told_in_one_sentence(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: str | Path) -> Iterator[Path]:
    """The same for a folder: gives a temporary one, which takes the place of `path` when all went well."""
    path = Path(path)
    with _told_in_one_sentence(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _told_in_one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # TensorFlow and h5py report a full disk in their own words.
        full = error.errno == errno.ENOSPC or "No space left" in str(error)
        reason = "the disk is full" if full else os.strerror(error.errno) if error.errno else str(error)
        told = OSError(f"{path} could not be written: {reason}. Make room or choose another folder.")
        told.errno = error.errno
        raise told from error


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
