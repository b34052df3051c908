"""How a text classifier of the zoo is trained: examples, vocabulary, word vectors, optimizer, probe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_rnn.callbacks import Deviation, DynamicTrivialization, GradualUnfreezing, TrainingCheckpoint
from keras_rnn.datasets import imdb
from keras_rnn.files import written_whole
from keras_rnn.models import settle_normalization
from keras_rnn.optimizers import LearningRateMultipliers, SlantedTriangular
from keras_rnn.text import WordTokenizer
from keras_rnn.zoo import pretraining
from keras_rnn.zoo.folders import VOCABULARY
from keras_rnn.zoo.language_model_training import DTYPES
from keras_rnn.zoo.loader import build_classifier, load
from keras_rnn.zoo.prepared import Prepared
from keras_rnn.zoo.recipe_tables import ClassifierRecipe
from keras_rnn.zoo.training_tables import ClassifierTraining
from keras_rnn.zoo.word_vectors import train_word_vectors

VECTORS = "word_vectors.npy"
DATASETS = {"imdb": imdb.load}
UNLABELLED = {"imdb": imdb.load_unlabelled}
PROBE_TEXTS = (
    "",
    "A wonderful film.",
    "I have rarely been so bored. The plot makes no sense and the acting is worse.",
    "Not bad at all: the second half is even <br /><br /> moving, and the music 'great'.",
    "word " * 700,
)


def prepare(
    recipe: ClassifierRecipe,
    folder: Path,
    data: str | Path | None = None,
    validation: float | None = None,
    examples: int | None = None,
    report: Callable[[str], None] = print,
) -> Prepared:
    """The model of a recipe, on the training examples of its dataset.

    With a table `[pretrained]` it begins as a language model: see `keras_rnn.zoo.pretraining`.

    Args:
        recipe: of the zoo.
        folder: where the vocabulary is written, and word vectors are, if the recipe begins with some.
        data: where the dataset lies. Default: `KERAS_RNN_DATA`, the cache, or a download.
        validation: share of the training examples to hold out, in place of the recipe's.
        examples: train on so many examples only.
        report: takes one line at a time.

    Raises:
        ValueError: if the recipe names an unknown dataset, optimizer or schedule.
    """
    train_data, held_out = _examples(recipe, data, validation, examples)
    part, begins_as = recipe.training, recipe.pretrained
    if part.dtype not in DTYPES:
        raise ValueError(f"`dtype` in [training] must be one of {DTYPES}; received {part.dtype!r}.")
    trunk = None if begins_as is None else load(begins_as.entry)
    if trunk is None:
        tokenizer = _vocabulary(folder / VOCABULARY, recipe, train_data.texts)
    else:
        tokenizer = pretraining.tokenizer_of(trunk, recipe)
    keras.utils.set_random_seed(part.seed)
    model: Any = build_classifier(recipe, tokenizer, part.dtype)
    _begin_with_word_vectors(model, recipe, train_data.texts, data, folder, report)
    multipliers, kept = part.multipliers, dict[str, Any]()
    callbacks: list[Any] = [] if part.period is None else [Deviation(), DynamicTrivialization(part.period)]
    if model.normalization is not None:
        kept["finish"] = _settle(model, train_data.texts, part.batch_size)
    if begins_as is not None:
        if multipliers:
            raise ValueError(
                "`multipliers` in [training] must be left out beside [pretrained], whose `decay` sets them; "
                f"received {multipliers}."
            )
        multipliers = pretraining.multipliers(model, begins_as.decay)
        if begins_as.unfreeze_every:
            callbacks.append(GradualUnfreezing(list(multipliers), begins_as.unfreeze_every))
        kept |= {"saved": pretraining.TunedPart(model), "told": pretraining.trunk_of(recipe)}
        model = pretraining.fine_tuning(model, trunk, recipe)
    steps = -(-len(train_data) // part.batch_size)
    model.compile(_optimizer(part, steps, multipliers))
    model.optimizer.build(model.trainable_variables)
    return Prepared(
        model,
        {
            "x": train_data.texts,
            "y": train_data.labels,
            "batch_size": part.batch_size,
            "validation_data": None if held_out is None else (held_out.texts, held_out.labels),
            "seed": part.seed,
        },
        {"examples": len(train_data), "validation_examples": 0 if held_out is None else len(held_out)},
        lambda checkpoint: callbacks,
        **kept,
    )


def probe(model: Any) -> list[dict[str, Any]]:
    """What a model says of a few texts."""
    outputs = model.predict(list(PROBE_TEXTS), verbose=0)
    return [{"text": text, "output": row} for text, row in zip(PROBE_TEXTS, outputs.tolist())]


def _examples(
    recipe: ClassifierRecipe, data: Any, validation: float | None, examples: int | None
) -> tuple[Any, Any]:
    if recipe.data.dataset not in DATASETS:
        raise ValueError(
            f"`dataset` in [data] must be one of {sorted(DATASETS)}; received {recipe.data.dataset!r}."
        )
    chosen = DATASETS[recipe.data.dataset]("train", path=data)
    if examples is not None and examples < len(chosen):
        _, chosen = chosen.split(examples / len(chosen), recipe.data.split_seed)
    fraction = recipe.data.validation_fraction if validation is None else validation
    if not fraction:
        return chosen, None
    return chosen.split(fraction, recipe.data.split_seed, recipe.data.validation_by_group)


def _settle(model: Any, texts: list[str], batch_size: int) -> Callable[[TrainingCheckpoint], dict[str, Any]]:
    """The last word on the weights of a classifier that normalizes what it has pooled."""

    def finish(checkpoint: TrainingCheckpoint) -> dict[str, Any]:
        settle_normalization(model, texts, batch_size=batch_size, verbose=0)
        return {}

    return finish


def _vocabulary(path: Path, recipe: ClassifierRecipe, texts: list[str]) -> WordTokenizer:
    part = recipe.preprocessing
    arguments = {"max_length": part.max_length, "truncation": part.truncation}
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        tokenizer = WordTokenizer.from_texts(texts, part.vocabulary_size, **arguments)
        with written_whole(path) as temporary:
            tokenizer.save(temporary)
    return WordTokenizer.from_file(path, **arguments)


def _begin_with_word_vectors(
    model: Any,
    recipe: ClassifierRecipe,
    texts: list[str],
    data: Any,
    folder: Path,
    report: Callable[[str], None],
) -> None:
    """Sets the embedding to vectors of the words of these and the unlabelled texts, if the recipe says so."""
    if recipe.word_vectors is None:
        return
    path = folder / VECTORS
    if not path.exists():
        unlabelled = UNLABELLED[recipe.data.dataset](data)
        report(f"Training word vectors on {len(texts) + len(unlabelled):,} texts …")
        shape = (model.tokenizer.vocabulary_size, recipe.model.embedding_dimension)
        rows = WordTokenizer.from_file(folder / VOCABULARY).encode([*texts, *unlabelled])
        vectors = train_word_vectors(rows, *shape, recipe.word_vectors)
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.save(file, vectors)
    model.embedding.set_weights([np.load(path)])


def _optimizer(training: ClassifierTraining, steps_per_epoch: int, multipliers: dict[str, float]) -> Any:
    rate: Any = training.learning_rate
    steps = steps_per_epoch * training.epochs
    schedules = {
        "cosine": lambda: keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.02),
        "constant": lambda: rate,
        "slanted_triangular": lambda: SlantedTriangular(rate, steps),
    }
    if training.schedule not in schedules:
        raise ValueError(
            f"`schedule` in [training] must be one of {sorted(schedules)}; received {training.schedule!r}."
        )
    rate = schedules[training.schedule]()
    if training.optimizer != "adamw":
        raise ValueError(f"`optimizer` in [training] must be 'adamw'; received {training.optimizer!r}.")
    optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, clipnorm=training.clip_norm)
    return LearningRateMultipliers(optimizer, multipliers) if multipliers else optimizer
