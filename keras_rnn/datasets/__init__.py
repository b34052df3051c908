"""Corpora in their published splits, downloaded once and checked; and tasks of memory, made from a seed.

A loader takes its corpus from the folder it is given, or looks under `KERAS_RNN_DATA` and then in
`~/.cache/keras_rnn/data`, and downloads it if neither has it. Nothing here needs TensorFlow before a
`tf.data.Dataset` is asked for.
"""

from typing import Any

from keras_rnn.datasets import (
    adding_problem,
    aligned_files,
    anki,
    copy_memory,
    imdb,
    imdb_corpus,
    iwslt15_en_vi,
    multi30k,
    parity,
    penn_treebank,
    polymusic,
    sequential_pixels,
    text_file,
    tiny_shakespeare,
    wikitext2,
)
from keras_rnn.datasets.corpus import Corpus
from keras_rnn.datasets.parallel_text import ParallelText
from keras_rnn.datasets.vocabulary import Vocabulary

__all__ = [
    "Corpus",
    "ParallelText",
    "TokenStream",
    "Vocabulary",
    "adding_problem",
    "aligned_files",
    "anki",
    "copy_memory",
    "imdb",
    "imdb_corpus",
    "iwslt15_en_vi",
    "multi30k",
    "parity",
    "penn_treebank",
    "polymusic",
    "sequential_pixels",
    "text_file",
    "tiny_shakespeare",
    "wikitext2",
]


def __getattr__(name: str) -> Any:
    """`TokenStream` is a dataset of Keras, which imports its backend: only when it is asked for."""
    if name == "TokenStream":
        from keras_rnn.datasets.token_stream import TokenStream

        return TokenStream
    raise AttributeError(f"module 'keras_rnn.datasets' has no attribute {name!r}")
