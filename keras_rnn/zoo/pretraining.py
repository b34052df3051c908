"""A classifier that begins as a language model of the zoo, and shares its vocabulary and embedding."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras

from keras_rnn.models import FineTuning, LanguageModel, SequenceClassifier, transfer
from keras_rnn.text import WordTokenizer
from keras_rnn.zoo.folders import read_entry
from keras_rnn.zoo.recipe_tables import ClassifierRecipe
from keras_rnn.zoo.weights import load_checked


class TunedPart(keras.Model):
    """What fine-tuning changes of a classifier, and its file holds: all but the embedding."""

    def __init__(self, classifier: SequenceClassifier) -> None:
        super().__init__(name=classifier.name)
        self.recurrent_layers = classifier.recurrent_layers
        self.pooling = classifier.pooling
        self.normalization = classifier.normalization
        self.head = classifier.head
        self.built = True


def trunk_of(recipe: Any) -> dict[str, Any]:
    """What `metrics.json` of a classifier says of the language model that it shares weights with, if any.

    Raises:
        ValueError: if that has not been trained.
    """
    part = getattr(recipe, "pretrained", None)
    if part is None:
        return {}
    weights = read_entry(part.entry)[2].get("weights")
    if weights is None:
        raise ValueError(
            f"{part.entry}, where {recipe.name} begins, has no weights. Train and publish it first."
        )
    return {"trunk": {"entry": part.entry, "sha256": weights["sha256"]}}


def tokenizer_of(trunk: Any, recipe: ClassifierRecipe) -> WordTokenizer:
    """The tokenizer with the ids of the language model.

    Raises:
        TypeError: if `entry` names another kind of model.
        ValueError: if `vocabulary_size` in the recipe is not its own.
    """
    part, entry = recipe.preprocessing, recipe.pretrained.entry if recipe.pretrained else None
    if not isinstance(trunk, LanguageModel):
        raise TypeError(
            f"`entry` in [pretrained] must name a LanguageModel; received {entry!r}, a "
            f"{type(trunk).__name__}."
        )
    if part.vocabulary_size != trunk.vocabulary_size:
        raise ValueError(
            f"`vocabulary_size` in [preprocessing] must be that of {entry}, {trunk.vocabulary_size}; "
            f"received {part.vocabulary_size}."
        )
    vocabulary: Any = trunk.vocabulary
    return vocabulary.tokenizer(max_length=part.max_length, truncation=part.truncation)


def load_parts(model: SequenceClassifier, trunk: Any, folder: Path, expected: dict[str, Any]) -> None:
    """The embedding of the trunk, and all else from the classifier's own file.

    Args:
        model: built, with fresh weights.
        trunk: the language model, with its weights.
        folder: that of the classifier.
        expected: what its file is checked against, and the trunk's checksum, as `metrics.json` tells it.

    Raises:
        ValueError: if the trunk is not the one of the training, or the file is damaged.
    """
    wanted, found = expected["trunk"], read_entry(expected["trunk"]["entry"])[2]["weights"]
    if wanted["sha256"] != found["sha256"]:
        raise ValueError(
            f"{folder} was trained from {wanted['entry']} with sha256 {wanted['sha256']}; received another, "
            f"with sha256 {found['sha256']}. Get that file again, or train the classifier from the one that "
            "is there."
        )
    model.embedding.set_weights(trunk.embedding.get_weights())
    model.embedding.trainable = False  # its weights are those of the language model's file
    load_checked(TunedPart(model), folder, expected)


def fine_tuning(model: SequenceClassifier, trunk: Any, recipe: ClassifierRecipe) -> FineTuning:
    """The classifier with the weights of the language model, ready to be compiled."""
    part: Any = recipe.pretrained
    transfer(trunk, model)
    model.embedding.trainable = False
    # Its own products, too, are in the dtype of the training.
    trunk.softmax.dtype_policy = recipe.training.dtype
    weights = part.language_weight, part.adversarial_weight, part.adversarial_norm
    return FineTuning(model, trunk.softmax, *weights, seed=recipe.training.seed)


def multipliers(model: SequenceClassifier, decay: float) -> dict[str, float]:
    """One for the weights of each layer, the head first; each is the one above divided by `decay`."""
    layers = [model.head, *([model.pooling] if model.pooling.weights else []), *model.recurrent_layers[::-1]]
    return {f"(^|/){re.escape(layer.name)}/": decay**-k for k, layer in enumerate(layers)}
