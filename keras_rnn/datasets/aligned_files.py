"""Any two UTF-8 text files of which line k of one is the translation of line k of the other."""

from __future__ import annotations

from pathlib import Path

from keras_rnn.datasets.corpus import read_text
from keras_rnn.datasets.parallel_text import ParallelText


def load(
    source: str | Path, target: str | Path, languages: tuple[str, str] = ("source", "target")
) -> ParallelText:
    r"""Reads two files, one sentence a line.

        data = aligned_files.load("news.en", "news.de", ("en", "de"))
        train, validation = data.split(0.02, seed=1)

    Lines end with "\n" or "\r\n", and with nothing else (U+0085 or U+2028, say); the last one needs no end.
    Empty lines are kept, as empty sentences, and so are case and white space.

    Args:
        source: the file of the sentences to translate.
        target: the file of their translations.
        languages: the names of the two.

    Returns:
        The pairs, in the order of the lines.

    Raises:
        FileNotFoundError, OSError: a file cannot be read.
        ValueError: the files do not have the same number of lines; one is empty or no UTF-8.
    """
    sides = [read_text(file).removesuffix("\n").split("\n") for file in (source, target)]
    if len(sides[0]) != len(sides[1]):
        raise ValueError(
            f"`target` must have as many lines as `source`; received {len(sides[0]):,} lines in {source} and "
            f"{len(sides[1]):,} in {target}. Find the line that one of them lacks."
        )
    return ParallelText(sides[0], sides[1], languages)
