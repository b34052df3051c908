"""Where the files of a corpus are: in the folder given, in that of all corpora, or still on the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from keras_rnn.datasets.download import CACHE, data_home
from keras_rnn.datasets.download import download as fetch


def find_file(
    name: str, sha256: str | None, url: str, path: str | Path | None, bring: Callable[[Path], object] | None
) -> Path:
    """Finds a file of a corpus and checks it, or has it brought.

    Args:
        name: `FOLDER/FILE`, its place in the folder of all corpora.
        sha256: the file's checksum, None if there is no fixed one.
        url: where it is published, by itself or in an archive.
        path: the folder FOLDER or the one that holds it. If given, no other place is looked at; if None, the
            file is looked for in `KERAS_RNN_DATA`, then in `~/.cache/keras_rnn/data`.
        bring: puts the file into the place that it is called with. None to leave the network alone.

    Returns:
        The path of the file.

    Raises:
        FileNotFoundError: the file is not in `path`, or nowhere and `bring` is None.
        DownloadError: it could not be brought, or is another one than was published.
    """
    homes = dict.fromkeys([data_home(), Path(CACHE).expanduser()])
    places = [home / name for home in homes]
    if path is not None:
        places = [Path(path).expanduser() / name, Path(path).expanduser() / Path(name).name]
    found = [place for place in places if place.is_file()]
    if found:
        return fetch(url, found[0], sha256)
    if path is not None:
        raise FileNotFoundError(
            f"`path` must be the folder that holds {Path(name).name}, or the one that holds {name}; received "
            f"path={str(path)!r}. Put {url} there, or leave `path` out to have it downloaded."
        )
    if bring is None:
        raise FileNotFoundError(
            f"{name} must be in {' or '.join(map(str, homes))}; it is not. Put {url} there, or call with "
            "download=True."
        )
    bring(places[0])
    return fetch(url, places[0], sha256)
