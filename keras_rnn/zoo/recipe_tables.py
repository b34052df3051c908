"""The tables of a recipe, by the kind of model; `[model] type` says which."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from keras_rnn.zoo.data_tables import (
    CopyMemoryData,
    CorpusRecipe,
    ExamplesRecipe,
    MusicRecipe,
    PairsRecipe,
    PreprocessingRecipe,
    SubwordsRecipe,
)
from keras_rnn.zoo.model_tables import (
    ClassifierModel,
    CopyMemoryModel,
    FeedForwardCore,
    KneserNeyModel,
    LanguageModelCore,
    LogBilinearCore,
    PianoRollCore,
    PointerSentinelCore,
    TransformerCore,
    TranslatorCore,
)
from keras_rnn.zoo.training_tables import (
    ClassifierTraining,
    CopyMemoryTraining,
    LanguageModelTraining,
    PianoRollTraining,
    PretrainedRecipe,
    TranslatorTraining,
)


@dataclass(frozen=True)
class SourceRecipe:
    """What the recipe follows, and where it differs."""

    paper: str
    url: str
    reported: str
    differences: list[str]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One model of the zoo. Abstract: each kind has its own tables besides `source`."""

    name: str
    title: str
    task: str
    licence: str
    source: SourceRecipe

    @property
    def changeable(self) -> dict[str, Any]:
        """The tables that a user may change a key of, by name."""
        names = ("model", "preprocessing", "training", "decoding")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}


@dataclass(frozen=True)
class WordVectorsRecipe:
    """Where the embedding begins: skip-gram vectors of the training texts and the unlabelled ones.

    T. Mikolov et al., "Distributed Representations of Words and Phrases and their Compositionality",
    NeurIPS 2013. `deviation` is the standard deviation that the vectors are scaled to.
    """

    epochs: int = 5
    window: int = 5
    negative: int = 5
    subsampling: float = 1e-4
    deviation: float = 0.1
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class ClassifierRecipe(Recipe):
    """A `keras_rnn.models.SequenceClassifier`."""

    model: ClassifierModel
    data: ExamplesRecipe
    preprocessing: PreprocessingRecipe
    training: ClassifierTraining
    word_vectors: WordVectorsRecipe | None = None
    pretrained: PretrainedRecipe | None = None


@dataclass(frozen=True, kw_only=True)
class NeuralRecipe(Recipe):
    """A `keras_rnn.models.GenerativeModel`, trained on a corpus. Abstract: each kind has its own `model`."""

    model: Any
    data: CorpusRecipe
    training: LanguageModelTraining


@dataclass(frozen=True, kw_only=True)
class LanguageModelRecipe(NeuralRecipe):
    """A `keras_rnn.models.LanguageModel`."""

    model: LanguageModelCore


@dataclass(frozen=True, kw_only=True)
class PointerSentinelRecipe(NeuralRecipe):
    """A `keras_rnn.models.PointerSentinel`."""

    model: PointerSentinelCore


@dataclass(frozen=True, kw_only=True)
class FeedForwardRecipe(NeuralRecipe):
    """A `keras_rnn.models.FeedForwardLanguageModel`."""

    model: FeedForwardCore


@dataclass(frozen=True, kw_only=True)
class LogBilinearRecipe(NeuralRecipe):
    """A `keras_rnn.models.LogBilinear`."""

    model: LogBilinearCore


@dataclass(frozen=True)
class DecodingRecipe:
    """The beam search that published numbers are of; `evaluate --method beam` tries others."""

    beam_size: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TranslatorRecipe(Recipe):
    """A `keras_rnn.models.EncoderDecoder`, trained on pairs. Abstract: each kind has its own `model`."""

    model: Any
    data: PairsRecipe
    preprocessing: SubwordsRecipe
    training: TranslatorTraining
    decoding: DecodingRecipe


@dataclass(frozen=True, kw_only=True)
class SequenceToSequenceRecipe(TranslatorRecipe):
    """A `keras_rnn.models.SequenceToSequence`."""

    model: TranslatorCore


@dataclass(frozen=True, kw_only=True)
class TransformerRecipe(TranslatorRecipe):
    """A `keras_rnn.models.Transformer`."""

    model: TransformerCore


@dataclass(frozen=True, kw_only=True)
class KneserNeyRecipe(Recipe):
    """A `keras_rnn.models.KneserNey`, which is counted and not trained."""

    model: KneserNeyModel
    data: CorpusRecipe


@dataclass(frozen=True, kw_only=True)
class CopyMemoryRecipe(Recipe):
    """A network on the copying task, as `keras-rnn experiment copy-memory` trains it."""

    model: CopyMemoryModel
    data: CopyMemoryData
    training: CopyMemoryTraining


@dataclass(frozen=True, kw_only=True)
class PianoRollRecipe(Recipe):
    """A `keras_rnn.models.PianoRollModel`."""

    model: PianoRollCore
    data: MusicRecipe
    training: PianoRollTraining


AnyRecipe = (
    ClassifierRecipe | CopyMemoryRecipe | NeuralRecipe | KneserNeyRecipe | PianoRollRecipe | TranslatorRecipe
)
KINDS: dict[str, type[Recipe]] = {
    "CopyMemory": CopyMemoryRecipe,
    "FeedForwardLanguageModel": FeedForwardRecipe,
    "KneserNey": KneserNeyRecipe,
    "LanguageModel": LanguageModelRecipe,
    "LogBilinear": LogBilinearRecipe,
    "PianoRollModel": PianoRollRecipe,
    "PointerSentinel": PointerSentinelRecipe,
    "SequenceClassifier": ClassifierRecipe,
    "SequenceToSequence": SequenceToSequenceRecipe,
    "Transformer": TransformerRecipe,
}


def key_names(table: Any) -> list[str]:
    """The keys of a table."""
    return [f.name for f in dataclasses.fields(table)]
