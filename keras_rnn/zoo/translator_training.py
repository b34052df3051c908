"""How a translator of the zoo is trained: pairs, subwords, optimizer, schedule, probe."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras

from keras_rnn.callbacks import StopOnNaN, TrainingCheckpoint, ValidationBLEU
from keras_rnn.metrics import bleu
from keras_rnn.zoo.language_model_training import DTYPES
from keras_rnn.zoo.loader import build_translator
from keras_rnn.zoo.optimizers import cosine_adamw
from keras_rnn.zoo.pairs import make_tokenizers, read_pairs, read_tokenizers
from keras_rnn.zoo.prepared import Prepared
from keras_rnn.zoo.recipe_tables import TranslatorRecipe

PROBE_TEXTS = ("A man.", "Two dogs run.", "Ein Mann.", "I am here, he said: 3 \u20ac!", "\u2603")
BLEU_EVERY = 5


def prepare(recipe: TranslatorRecipe, folder: Path, data: str | Path | None = None) -> Prepared:
    """The model of a recipe, on the training split of its pairs; validated on the validation split.

    AdamW; the learning rate rises for `warmup_steps` to `learning_rate` and falls as a cosine to a fiftieth
    of it at the end. With `average` an exponential moving average of the weights takes their place at the end
    unless they have the higher BLEU on the validation split.

    Args:
        recipe: of the zoo.
        folder: where the subword models are written.
        data: where the pairs lie. Default: `KERAS_RNN_DATA`, the cache, or a download.

    Raises:
        ValueError: if the recipe names unknown pairs or an unknown dtype.
    """
    part = recipe.training
    if part.dtype not in DTYPES:
        raise ValueError(f"`dtype` in [training] must be one of {DTYPES}; received {part.dtype!r}.")
    train, valid = (read_pairs(recipe.data, split, data) for split in ("train", "validation"))
    make_tokenizers(recipe, folder, train)
    keras.utils.set_random_seed(part.seed)
    model = build_translator(recipe, *read_tokenizers(recipe, folder), part.dtype)
    steps = part.epochs * -(-len(train) // part.batch_size)
    own = (part.weight_decay, part.clip_norm, part.average, part.warmup_steps)
    model.compile(cosine_adamw(part.learning_rate, steps, *own))
    model.optimizer.build(model.trainable_variables)
    return Prepared(
        model,
        {
            "x": train,
            "validation_data": valid,
            "batch_size": part.batch_size,
            "sampling": part.sampling,
            "seed": part.seed,
        },
        {"pairs": len(train), "validation_pairs": len(valid)},
        lambda checkpoint: _callbacks(valid, checkpoint),
        finish=lambda checkpoint: _keep_the_better(model, valid, checkpoint, part.average is not None),
    )


def probe(model: Any) -> list[dict[str, Any]]:
    """What a model makes of a few sentences: the most probable pieces, and their score."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*no character that the vocabulary knows")
        found = model.translations(PROBE_TEXTS, beam_size=1)
    return [
        {"text": text, "translation": best.text, "score": best.score}
        for text, (best, *_) in zip(PROBE_TEXTS, found)
    ]


def _callbacks(valid: Any, checkpoint: TrainingCheckpoint) -> list[Any]:
    measured = ValidationBLEU(valid, every=BLEU_EVERY)
    if checkpoint.history:
        measured.last = checkpoint.history[-1]["val_bleu"]
    return [StopOnNaN(), measured]


def _keep_the_better(
    model: Any, valid: Any, checkpoint: TrainingCheckpoint, averaged: bool
) -> dict[str, Any]:
    """Of the weights' average, which the model has, and of the last weights, which the checkpoint has."""
    if not averaged:
        return {}

    def measure() -> dict[str, Any]:
        return bleu(model.translate(valid.source), valid.target)

    average, of_average = model.get_weights(), measure()
    checkpoint.restore(model)
    found = {"average": of_average["bleu"], "last": measure()["bleu"]}
    kept = "average" if found["average"] >= found["last"] else "last"
    if kept == "average":
        model.set_weights(average)
    return {"validation_bleu": {**found, "kept": kept, "signature": of_average["signature"]}}
