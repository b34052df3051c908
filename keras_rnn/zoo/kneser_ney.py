"""Kneser-Ney models of the zoo: counted on the user's machine, for their counts are the corpus."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_rnn.files import write_text
from keras_rnn.models import KneserNey, UnigramCache
from keras_rnn.zoo.corpora import read_corpus
from keras_rnn.zoo.folders import METRICS
from keras_rnn.zoo.recipe_tables import KneserNeyRecipe


def count(recipe: KneserNeyRecipe, data: str | Path | None = None) -> UnigramCache:
    """The cache of a recipe, around its model, which has counted the training split.

    Args:
        recipe: of the zoo.
        data: where the corpus lies. Default: `KERAS_RNN_DATA`, the cache, or a download.

    Returns:
        A `UnigramCache`; the n-gram model alone is its `model`.
    """
    part, corpus = recipe.model, read_corpus(recipe.data, "train", data)
    if corpus.vocabulary.end is None:
        raise ValueError(f"`dataset` in [data] must have lines; received {recipe.data.dataset!r}.")
    model = KneserNey(len(corpus.vocabulary), corpus.vocabulary.end, part.order, part.discounts)
    return UnigramCache(model.fit(corpus.tokens), part.cache_weight, part.cache_decay)


def train(
    recipe: KneserNeyRecipe,
    folder: Path,
    data: str | Path | None,
    counted_on: dict[str, Any],
    report: Callable[[str], None] = print,
) -> UnigramCache:
    """Counts, measures the validation and the test split, and writes both into the folder's metrics."""
    began = time.monotonic()
    model = count(recipe, data)
    seconds = time.monotonic() - began
    command = f"keras-rnn train {recipe.name}"
    metrics: dict[str, Any] = {
        "training": {"hours": round(seconds / 3600, 6), "command": command, **counted_on},
    }
    for name, split in (("validation", "validation"), ("evaluation", "test")):
        metrics[name] = {**measure(recipe, model, split, data), "command": command, **counted_on}
        report(
            f"{split}: perplexity {metrics[name]['perplexity']:.2f}, "
            f"with the cache {metrics[name]['perplexity_with_cache']:.2f}"
        )
    write_text(folder / METRICS, json.dumps(metrics, indent=2) + "\n")
    return model


def measure(
    recipe: KneserNeyRecipe, model: UnigramCache, split: str, data: str | Path | None = None
) -> dict[str, Any]:
    """The perplexity of a split, without the cache and with it, over all of its tokens."""
    ids = read_corpus(recipe.data, split, data).tokens
    began = time.monotonic()
    plain = model.model.perplexity(ids)
    return {
        "split": split,
        "tokens": len(ids),
        "perplexity": round(plain, 3),
        "nll": round(math.log(plain), 6),
        "perplexity_with_cache": round(model.perplexity(ids), 3),
        "seconds": round(time.monotonic() - began, 1),
    }
