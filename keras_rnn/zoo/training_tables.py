"""The tables `[training]`, by the kind of model, and `[pretrained]`: how the weights are found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ClassifierTraining:
    """How the weights are found.

    `multipliers` are those of `keras_rnn.optimizers.LearningRateMultipliers`; `period` that of a
    `keras_rnn.callbacks.DynamicTrivialization`, which without it is left out. The recurrent layers have the
    `dtype`, all else 32 bits.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    optimizer: str = "adamw"
    schedule: str = "cosine"
    weight_decay: float = 0.0
    clip_norm: float | None = None
    multipliers: dict[str, float] = field(default_factory=dict)
    period: int | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class PretrainedRecipe:
    """From which language model a classifier begins, and how it is fine-tuned.

    `entry` is the name or folder of the model: its vocabulary and its embedding, which is frozen, are read
    from there; recurrent layers begin as its own. `language_weight`, `adversarial_weight` and
    `adversarial_norm` are those of `keras_rnn.models.FineTuning`. The learning rate of each layer is that of
    the one above divided by `decay`; every `unfreeze_every` epochs one layer more learns, from the head down,
    and with 0 all do at once.
    """

    entry: str
    language_weight: float = 0.0
    adversarial_weight: float = 0.0
    adversarial_norm: float = 1.0
    decay: float = 2.6
    unfreeze_every: int = 1


@dataclass(frozen=True)
class LanguageModelTraining:
    """See `keras_rnn.zoo.language_model_training`."""

    epochs: int
    batch_size: int
    steps: int
    learning_rate: float
    seed: int
    optimizer: str = "sgd"
    variable_steps: bool = False
    decay_factor: float = 1.0
    decay_after: int = 0
    clip_norm: float | None = None
    weight_decay: float = 0.0
    patience: int = 5
    dtype: str = "float32"


@dataclass(frozen=True)
class TranslatorTraining:
    """How the weights are found.

    `sampling` is that of `SubwordTokenizer.encode`; `average` is the momentum of an average in their place.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    sampling: float = 0.0
    warmup_steps: int = 0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    average: float | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class PianoRollTraining:
    """How the weights are found.

    `length` is that of `keras_rnn.models.PianoRollModel.fit`; `average` the momentum of an average in the
    place of the weights.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    length: int | None = None
    weight_decay: float = 0.0
    clip_norm: float | None = None
    average: float | None = None


@dataclass(frozen=True)
class CopyMemoryTraining:
    """See `keras_rnn.experiments.Network`. An epoch is 100 updates."""

    epochs: int
    batch_size: int
    seed: int
    learning_rate: float | None = None
