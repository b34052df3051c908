"""How a language model of the zoo is trained: streams, optimizer, schedule, probe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.callbacks import NonMonotonicTrigger, StepDecay, StopOnNaN, TrainingCheckpoint
from keras_rnn.datasets import TokenStream
from keras_rnn.optimizers import AveragedSGD
from keras_rnn.zoo.corpora import read_corpus
from keras_rnn.zoo.folders import VOCABULARY
from keras_rnn.zoo.loader import build_language_model
from keras_rnn.zoo.prepared import Prepared
from keras_rnn.zoo.recipe_tables import NeuralRecipe
from keras_rnn.zoo.training_tables import LanguageModelTraining

DTYPES = ("float32", "mixed_bfloat16")
PROBE_LENGTHS = (2, 12, 60)


def prepare(recipe: NeuralRecipe, folder: Path, data: str | Path | None = None) -> Prepared:
    """The model of a recipe, on the training split of its corpus; validated on the validation split.

    The learning rate is `learning_rate` for `decay_after` epochs, and falls by `decay_factor` in each later
    one. The optimizer is `"sgd"`, `"adam"`, or `"nt_asgd"`: SGD which averages the weights from the epoch on
    whose validation is worse than one more than `patience` epochs before. Gradients are clipped at the norm
    `clip_norm`. With `dtype = "mixed_bfloat16"` products are in 16 bits, and weights in 32.

    Args:
        recipe: of the zoo.
        folder: where the vocabulary is written.
        data: where the corpus lies. Default: `KERAS_RNN_DATA`, the cache, or a download.

    Raises:
        ValueError: if the recipe names an unknown corpus, optimizer or dtype.
    """
    part = recipe.training
    optimizer = make_optimizer(part)
    if part.dtype not in DTYPES:
        raise ValueError(f"`dtype` in [training] must be one of {DTYPES}; received {part.dtype!r}.")
    train, valid = (read_corpus(recipe.data, split, data) for split in ("train", "validation"))
    if not (folder / VOCABULARY).exists():
        train.vocabulary.save(folder / VOCABULARY)
    keras.utils.set_random_seed(part.seed)
    model = build_language_model(recipe, train.vocabulary, part.dtype)
    model.compile(optimizer)
    model.optimizer.build(model.trainable_variables)

    size = (part.batch_size, part.steps)
    stream = TokenStream(train.tokens, *size, variable_steps=part.variable_steps, seed=part.seed)
    valid_stream = TokenStream(valid.tokens, *size, keep_tail=True)
    return Prepared(
        model,
        {"x": stream, "validation_data": valid_stream},
        {"tokens": stream.predicted, "validation_tokens": valid_stream.predicted},
        lambda checkpoint: _callbacks(part, checkpoint),
    )


def probe(model: Any) -> list[dict[str, Any]]:
    """What a model makes of a few rows of ids: the negative log likelihood of each but the first."""
    random, rows = np.random.default_rng(0), []
    for length in PROBE_LENGTHS:
        ids = random.integers(0, model.vocabulary_size, length)
        nll, _ = model.score(ids[None, :-1], ids[None, 1:], model.initial_states(1))
        rows.append({"ids": ids.tolist(), "nll": ops.convert_to_numpy(nll)[0].tolist()})
    return rows


def make_optimizer(part: LanguageModelTraining) -> Any:
    """The optimizer that `[training]` names."""
    arguments = {"weight_decay": part.weight_decay or None, "global_clipnorm": part.clip_norm}
    if part.optimizer == "adam":
        return keras.optimizers.Adam(part.learning_rate, **arguments)
    if part.optimizer in ("nt_asgd", "sgd"):
        # Until it averages it is plain SGD, and it clips the gradient of an embedding rightly.
        return AveragedSGD(part.learning_rate, **arguments)
    raise ValueError(
        f"`optimizer` in [training] must be 'adam', 'nt_asgd' or 'sgd'; received {part.optimizer!r}."
    )


def _callbacks(part: LanguageModelTraining, checkpoint: TrainingCheckpoint) -> list[Any]:
    callbacks: list[Any] = [StopOnNaN()]
    if part.decay_factor != 1.0:
        callbacks.append(StepDecay(part.learning_rate, part.decay_factor, part.decay_after))
    if part.optimizer == "nt_asgd":
        callbacks.append(NonMonotonicTrigger(patience=part.patience, history=checkpoint.history))
    return callbacks
