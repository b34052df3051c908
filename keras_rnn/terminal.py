"""The terminal that `keras-rnn` reads from and writes to."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console


def room(name: str) -> Any:
    """A module of the package, imported when a command needs it: `--help` answers without TensorFlow."""
    with _quiet():
        return importlib.import_module(f"keras_rnn.{name}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back what TensorFlow's libraries print while they load; shown only if the import fails.

    A user who sets TF_CPP_MIN_LOG_LEVEL sees everything.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(original, kept.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


@contextmanager
def told_warnings() -> Iterator[None]:
    """Shows warnings as lines for a reader, without the place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield


def warn(message: str) -> None:
    """One line on standard error."""
    Console(stderr=True, soft_wrap=True).print(f"Warning: {escape(message)}", highlight=False)


def read_texts(texts: list[str] | None, file: Path | None, forgiving: bool = False) -> list[str]:
    """The texts that a command was given: as arguments, in a file, or on standard input, one a line.

    What is not UTF-8 is an error or, if it is `forgiving`, a warning; U+FFFD then stands for it. Forgiving,
    it also takes lines that are all blank.
    """
    if texts and file:
        raise ValueError("Texts come as arguments or from --file; received both.")
    if texts and forgiving:
        # What the terminal gave that is not UTF-8 stands in an argument as lone surrogates.
        readable = [re.sub("[\ud800-\udfff]", "\ufffd", text) for text in texts]
        for k, text in enumerate(texts):
            if text != readable[k]:
                warn(f"Text {k + 1} is not UTF-8. U+FFFD stands for what cannot be read.")
        return readable
    if texts:
        return texts
    source = str(file) if file else "standard input"
    raw = file.read_bytes() if file else sys.stdin.buffer.read()
    try:
        # Only the newline ends a line: str.splitlines() would also cut at U+0085, which real texts hold.
        lines = raw.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        told = f"{source} is not UTF-8: byte {error.object[error.start]:#04x} at position {error.start}."
        if not forgiving:
            raise ValueError(f"{told} Convert it, for example with iconv.") from error
        warn(f"{told} U+FFFD stands for it.")
        lines = raw.decode("utf-8", "replace").replace("\r\n", "\n").removesuffix("\n").split("\n")
    if not (raw if forgiving else raw.strip()):
        raise ValueError(f"{source} is empty. Give one text a line.")
    return lines


def console() -> Any:
    """Where tables go."""
    # Off a terminal rich would wrap at 80 columns and cut what a script wants to read.
    return Console() if sys.stdout.isatty() else Console(width=160)


def escape(text: str) -> str:
    """The text as rich prints it unchanged."""
    return text.replace("[", "\\[")
