"""The tables `[data]` and `[preprocessing]` of a recipe: where examples are, and how they become ids."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExamplesRecipe:
    """Where the examples come from."""

    dataset: str
    validation_fraction: float = 0.0
    validation_by_group: bool = False
    split_seed: int = 0


@dataclass(frozen=True)
class PreprocessingRecipe:
    """How a text becomes ids."""

    vocabulary_size: int
    max_length: int | None = None
    truncation: str = "ends"


@dataclass(frozen=True)
class CorpusRecipe:
    """Which text, and what its tokens are."""

    dataset: str
    level: str = "word"


@dataclass(frozen=True)
class PairsRecipe:
    """Which sentence pairs, and from which language to which."""

    dataset: str
    source: str
    target: str


@dataclass(frozen=True)
class SubwordsRecipe:
    """How a sentence becomes ids. `joint`: one vocabulary of both languages, and one embedding."""

    vocabulary_size: int
    kind: str = "bpe"
    joint: bool = True


@dataclass(frozen=True)
class CopyMemoryData:
    """How long ten symbols are to be remembered: see `keras_rnn.datasets.copy_memory`."""

    dataset: str
    delay: int


@dataclass(frozen=True)
class MusicRecipe:
    """Which collection of `keras_rnn.datasets.polymusic`."""

    dataset: str
    collection: str
