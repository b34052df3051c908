"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        # h5py reports a full disk in its own words and without an errno.
        full = error.errno == errno.ENOSPC or "No space left" in str(error)
        reason = "the disk is full" if full else error.strerror or str(error)
        raise OSError(
            error.errno, f"{path} could not be written: {reason}. Make room or choose another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
