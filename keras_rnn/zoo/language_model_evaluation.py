"""What a language model of the zoo is measured to be."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_rnn.metrics import bits_per_character
from keras_rnn.zoo.corpora import read_corpus
from keras_rnn.zoo.recipe_tables import LanguageModelRecipe

# Of one stream the length of a piece changes no number; longer ones are not faster.
STEPS = 200


def measure(
    recipe: LanguageModelRecipe, model: Any, split: str, data: str | Path | None = None
) -> dict[str, Any]:
    """The perplexity of a split, read as one stream whose state is carried from its first token to its last.

    Every token is predicted: the first one after an end of line.
    """
    corpus = read_corpus(recipe.data, split, data)
    if corpus.vocabulary.types != model.vocabulary.types:
        raise ValueError(
            f"The corpus {recipe.data.dataset} has another vocabulary than {recipe.name}. "
            "Give `data` the folder of the published one."
        )
    ids = np.concatenate([corpus.vocabulary.ids("\n"), corpus.tokens])
    began = time.monotonic()
    result = model.perplexity(ids, batch_size=1, steps=STEPS)
    bits = {"bits_per_character": round(bits_per_character(result["nll"]), 5)}
    return {
        "split": split,
        "tokens": result["tokens"],
        "perplexity": round(result["perplexity"], 3),
        "nll": round(result["nll"], 6),
        **(bits if recipe.data.level == "character" else {}),
        "seconds": round(time.monotonic() - began, 1),
    }
