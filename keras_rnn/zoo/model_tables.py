"""The table `[model]` of a recipe, by the kind of model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ClassifierModel:
    """The core.

    `layers` holds one table for each layer: see `keras_rnn.zoo.recipe_layers.make_layer`. The table
    `attention_pooling` has the arguments of a `keras_rnn.layers.AttentionPooling` in the place of `pooling`.
    """

    type: str
    layers: list[dict[str, Any]]
    embedding_dimension: int
    word_dropout: float = 0.0
    embedding_dropout: float = 0.0
    pooling: list[str] = field(default_factory=lambda: ["last"])
    attention_pooling: dict[str, Any] | None = None
    normalize: bool = False
    dropout: float = 0.0
    head: str = "bernoulli"
    outputs: int = 1


@dataclass(frozen=True)
class LanguageModelCore:
    """The arguments of `keras_rnn.models.LanguageModel`.

    `layers` holds one table for each recurrent layer: see `keras_rnn.zoo.recipe_layers.make_layer`. There is
    either `embedding_dimension` or `embedding`. That and `softmax` are tables: `type`, its arguments.
    """

    type: str
    vocabulary_size: int
    layers: list[dict[str, Any]]
    embedding_dimension: int | None = None
    embedding: dict[str, Any] | None = None
    tie_embeddings: bool = False
    softmax: dict[str, Any] | None = None
    input_dropout: float = 0.0
    hidden_dropout: float = 0.0
    output_dropout: float = 0.0
    locked: bool = True
    embedding_dropout: float = 0.0
    activation_regularization: float = 0.0
    temporal_activation_regularization: float = 0.0
    sum_over_steps: bool = False
    initializer_range: float = 0.1
    skip_connections: bool = False


@dataclass(frozen=True)
class PointerSentinelCore(LanguageModelCore):
    """The arguments of `keras_rnn.models.PointerSentinel`: those of a language model, and its window."""

    window: int = 100


@dataclass(frozen=True)
class FeedForwardCore:
    """The arguments of `keras_rnn.models.FeedForwardLanguageModel`."""

    type: str
    vocabulary_size: int
    embedding_dimension: int
    order: int
    units: int
    direct_connections: bool = False


@dataclass(frozen=True)
class LogBilinearCore:
    """The arguments of `keras_rnn.models.LogBilinear`."""

    type: str
    vocabulary_size: int
    embedding_dimension: int
    order: int
    diagonal: bool = False


@dataclass(frozen=True)
class TranslatorCore:
    """The arguments of `keras_rnn.models.SequenceToSequence`.

    `encoder` and `decoder` hold one table for each layer: see `keras_rnn.zoo.recipe_layers.make_layer`; those
    of the decoder become one stack of cells. `attention` is a table: `type`, its arguments; without it the
    decoder knows the source by its first states alone. `order`, `input_feeding` and `attentional_units` are
    those of `keras_rnn.layers.AttentionRNN`.
    """

    type: str
    encoder: list[dict[str, Any]]
    decoder: list[dict[str, Any]]
    embedding_dimension: int
    attention: dict[str, Any] | None = None
    order: str = "after"
    input_feeding: bool | None = None
    attentional_units: int | None = None
    tie_embeddings: bool = False
    embedding_dropout: float = 0.0
    hidden_dropout: float = 0.0
    output_dropout: float = 0.0
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class TransformerCore:
    """The arguments of `keras_rnn.models.Transformer`."""

    type: str
    units: int
    encoder_blocks: int
    decoder_blocks: int
    heads: int
    feed_forward: int | None = None
    normalize: str = "before"
    rotary: bool = False
    tie_embeddings: bool = False
    dropout: float = 0.0
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class CopyMemoryModel:
    """A network of `keras_rnn.experiments.NETWORKS`, its softmax, and how many units it has."""

    type: str
    network: str
    units: int


@dataclass(frozen=True)
class PianoRollCore:
    """The arguments of `keras_rnn.models.PianoRollModel`.

    `layers` holds one table for each recurrent layer: see `keras_rnn.zoo.recipe_layers.make_layer`.
    """

    type: str
    layers: list[dict[str, Any]]
    input_dropout: float = 0.0
    hidden_dropout: float = 0.0
    output_dropout: float = 0.0


@dataclass(frozen=True)
class KneserNeyModel:
    """The arguments of `keras_rnn.models.KneserNey`, and of the `UnigramCache` beside it."""

    type: str
    order: int = 5
    discounts: int = 3
    cache_weight: float = 0.12
    cache_decay: float = 0.9925
