"""Downloads that resume, are checked, and leave nothing half-written under a final name."""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.client
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import progress
from rich.console import Console

CACHE = "~/.cache/keras_rnn/data"
CHUNK_BYTES = 1 << 16
TIMEOUT_SECONDS = 30


class DownloadError(OSError):
    """A corpus could not be brought to this disk; the message says why, and what to do."""


def data_home() -> Path:
    """Returns the folder of the corpora: `KERAS_RNN_DATA` if set, else `~/.cache/keras_rnn/data`."""
    return Path(os.environ.get("KERAS_RNN_DATA") or CACHE).expanduser()


def download(url: str, path: str | Path, sha256: str | None, description: str | None = None) -> Path:
    """Downloads one file, or goes on with what an earlier call began.

    Bytes arrive in `<path>.part`, which gets its final name once the checksum is right. A file that already
    stands at `path` (put there by hand, for one) is checked and used, without a connection.

    Args:
        url: where the file is published.
        path: where it is to stand; folders on the way are made.
        sha256: the checksum of the whole file, in hexadecimal; None for what is published anew now and then,
            which the caller must check otherwise.
        description: the name beside the progress bar; the file's name by default.

    Returns:
        `path`.

    Raises:
        DownloadError: no connection, a refusal by the server, a body that ends early (the same call resumes
            it), a wrong checksum, a full disk or a folder that cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with _disk_errors(path):
        if path.exists():
            if sha256 is not None and (received := _sha256(path)) != sha256:
                raise DownloadError(
                    f"{path} must be the file published at {url}, sha256 {sha256}; "
                    f"received sha256 {received}. Remove it and call again."
                )
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (part.exists() and _sha256(part) == sha256):
            _fetch(url, part, description or path.name, f"save the file by hand as {path}")
        if sha256 is not None and (received := _sha256(part)) != sha256:
            part.unlink()
            raise DownloadError(
                f"{url} must have sha256 {sha256}; received sha256 {received}, so it was removed again. "
                f"Call again, or save the file by hand as {path}."
            )
        os.replace(part, path)
    return path


def extract_tar(archive: str | Path, destination: str | Path, expected_folder: str) -> Path:
    """Unpacks an archive's one folder; it appears under its name only when it is complete.

    Args:
        archive: a `.tar` or `.tar.gz` file. It stays where it is.
        destination: where the folder is to stand.
        expected_folder: the folder's name, in the archive and under `destination`.

    Returns:
        The path of the unpacked folder.

    Raises:
        FileExistsError: the folder is already there.
        DownloadError: the archive is damaged, unsafe or lacks the folder, or the disk cannot take it.
    """
    archive, destination = Path(archive), Path(destination)
    target = destination / expected_folder
    if target.exists():
        raise FileExistsError(f"{target} is already there. Remove it to unpack {archive} anew.")
    console = Console(stderr=True)
    with (
        progress.open(archive, "rb", description=f"Unpacking {archive.name}", console=console) as file,
        _disk_errors(target),
    ):
        destination.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{expected_folder}.", dir=destination) as scratch:
            try:
                with tarfile.open(fileobj=file) as tar:
                    tar.extractall(scratch, filter="data")
                    while tar.fileobj and tar.fileobj.read(CHUNK_BYTES):
                        pass  # gzip compares its checksum at its own end, which lies behind the tar's
            except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
                reason = str(error).partition(":\n")[0]
                raise DownloadError(
                    f"{archive} must be a complete and safe tar archive; received: {reason}. "
                    "Remove it and download it again."
                ) from error
            unpacked = Path(scratch, expected_folder)
            if not unpacked.is_dir():
                raise DownloadError(
                    f"{archive} must hold the folder {expected_folder}; "
                    f"received {sorted(os.listdir(scratch))}. Remove it and download it again."
                )
            os.replace(unpacked, target)
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(url: str, part: Path, description: str, by_hand: str) -> None:
    """Appends to `part` what the server has beyond it; begins anew if the server sends the whole file."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "keras_rnn"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        if have and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing lies beyond `part`: whether it is the file, the checksum tells
        raise DownloadError(
            f"{url} could not be downloaded: the server answered {error.code} {error.reason}. "
            f"Call again later, or {by_hand}."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(
            f"{url} could not be downloaded: {getattr(error, 'reason', error)}. "
            f"Check the network and call again, or {by_hand}."
        ) from error
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        have = 0
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    with response, part.open("ab" if have else "wb") as file, _byte_progress() as bar:
        task = bar.add_task(description, total=total, completed=have)
        for chunk in _body(response, url, have, total):
            file.write(chunk)
            bar.advance(task, len(chunk))


def _body(response: Any, url: str, have: int, total: int | None) -> Iterator[bytes]:
    """Yields the body; a connection that breaks and one that ends early in silence are the same error."""
    reason: object = "the connection was closed"
    try:
        while chunk := response.read(CHUNK_BYTES):
            have += len(chunk)
            yield chunk
        if total is None or have >= total:
            return
    except (OSError, http.client.HTTPException) as error:
        reason = error
    raise DownloadError(
        f"{url} broke off after {have:,} of {f'{total:,}' if total else 'an unknown number of'} bytes: "
        f"{reason}. The same call goes on from there."
    )


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Says of an operating system's error on the way to `path` what it means and what to do."""
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            # The partial file is part of what fills the disk.
            path.with_name(path.name + ".part").unlink(missing_ok=True)
            way_out = "The incomplete data was removed; free some space"
        else:
            way_out = f"Make {path.parent} a folder that can be written"
        raise DownloadError(
            f"{path} could not be written: {error.strerror or error}. "
            f"{way_out} and call again, or set KERAS_RNN_DATA to another folder."
        ) from error


def _byte_progress() -> progress.Progress:
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
