"""What a language model of the zoo is measured to be."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.metrics import bits_per_character
from keras_rnn.zoo.adaptive_evaluation import METHODS
from keras_rnn.zoo.corpora import read_corpus
from keras_rnn.zoo.recipe_tables import NeuralRecipe

# Of one stream the length of a piece changes no number; longer ones are not faster.
STEPS = 200


def measure(
    recipe: NeuralRecipe,
    model: Any,
    split: str,
    data: str | Path | None = None,
    method: str | None = None,
    verbose: int = 0,
) -> dict[str, Any]:
    """The perplexity of a split, read as one stream whose state is carried from its first token to its last.

    Every token is predicted: the first one after an end of line. With a `method`, one of
    `keras_rnn.zoo.adaptive_evaluation.METHODS`, the result has the `settings` that were chosen, too.
    """

    def read(split: str) -> np.ndarray:
        corpus = read_corpus(recipe.data, split, data)
        if corpus.vocabulary.types != model.vocabulary.types:
            raise ValueError(
                f"The corpus {recipe.data.dataset} has another vocabulary than {recipe.name}. "
                "Give `data` the folder of the published one."
            )
        return np.concatenate([corpus.vocabulary.ids("\n"), corpus.tokens])

    ids, began = read(split), time.monotonic()
    if method is None:
        result = model.perplexity(ids, batch_size=1, steps=STEPS)
    else:
        result = METHODS[method](model, ids, read, verbose)
    bits = {"bits_per_character": round(bits_per_character(result["nll"]), 5)}
    return {
        "split": split,
        "tokens": result["tokens"],
        "perplexity": round(result["perplexity"], 3),
        "nll": round(result["nll"], 6),
        **(bits if recipe.data.level == "character" else {}),
        **({"settings": result["settings"]} if method else {}),
        "seconds": round(time.monotonic() - began, 1),
    }
