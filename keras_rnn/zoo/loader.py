"""From a folder to a model that predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_rnn.models import SequenceClassifier
from keras_rnn.text import WordTokenizer
from keras_rnn.zoo.folders import VOCABULARY, read_entry
from keras_rnn.zoo.recipe import Recipe, make_layer
from keras_rnn.zoo.weights import load_checked


def load(name_or_folder: str | Path, weights: bool = True, **overrides: Any) -> Any:
    """Loads a model of the zoo, text in and numbers out.

    Args:
        name_or_folder: a published name (`list_models()`), or a folder that `keras-rnn train` wrote.
        weights: whether to read the trained weights; otherwise they are fresh.
        **overrides: keys of the recipe's model or preprocessing table, for example `max_length=None` to
            read every text to its end.

    Returns:
        A built, compiled `keras.Model`. `predict(["a text", ...])` gives `(batch, 1)` probabilities for
        sentiment; `fit`, `evaluate` and `export` take text, too.

    Raises:
        ValueError: if there is no such model, its weights are damaged (size, sha256 and number of
            parameters are checked first), or an override is unknown.

    Example:

    >>> model = load("imdb_bilstm")
    >>> model.predict(["A wonderful film."], verbose=0).shape
    (1, 1)
    """
    folder, recipe, metrics = read_entry(name_or_folder)
    recipe = recipe.replace(**overrides)
    if weights and "weights" not in metrics:
        raise ValueError(
            f"{folder} holds a recipe and no trained weights. Train it with "
            f"`keras-rnn train {name_or_folder}`, or pass weights=False."
        )
    vocabulary = folder / VOCABULARY
    if not vocabulary.exists():
        raise ValueError(f"{vocabulary} is missing: without it no text becomes ids. Get the folder again.")
    tokenizer = WordTokenizer.from_file(
        vocabulary,
        max_length=recipe.preprocessing.max_length,
        truncation=recipe.preprocessing.truncation,
    )
    model = build_model(recipe, tokenizer)
    if weights:
        load_checked(model, folder, metrics["weights"])
    model.compile()
    return model


def build_model(recipe: Recipe, tokenizer: WordTokenizer) -> Any:
    """The built model of a recipe, with fresh weights."""
    if recipe.model.type != "SequenceClassifier":
        raise ValueError(
            f"`type` in [model] must be 'SequenceClassifier'; received type={recipe.model.type!r}."
        )
    part = recipe.model
    model = SequenceClassifier(
        [make_layer(table, "[[model.layers]]") for table in part.layers],
        embedding_dimension=part.embedding_dimension,
        word_dropout=part.word_dropout,
        embedding_dropout=part.embedding_dropout,
        pooling=part.pooling,
        dropout=part.dropout,
        head=part.head,
        outputs=part.outputs,
        seed=recipe.training.seed,
        tokenizer=tokenizer,
        name=recipe.name,
    )
    model.build((None, None))
    return model
