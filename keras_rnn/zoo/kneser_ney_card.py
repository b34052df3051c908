"""What the card of a Kneser-Ney model says."""

from __future__ import annotations

from typing import Any

from keras_rnn.zoo.recipe_tables import KneserNeyRecipe

USE = ["ids = keras_rnn.datasets.penn_treebank.load('test').tokens", "model.perplexity(ids)"]


def result(evaluation: dict[str, Any]) -> str:
    """The number of the tables."""
    cached = evaluation["perplexity_with_cache"]
    return f"perplexity {evaluation['perplexity']:.2f}, {cached:.2f} with its cache"


def cross_entropy(evaluation: dict[str, Any]) -> str:
    """In nats, for a token."""
    return f"{evaluation['nll']:.4f}"


def results(recipe: KneserNeyRecipe, metrics: dict[str, Any]) -> list[str]:
    """The table of what was measured."""
    rows = [metrics[key] for key in ("validation", "evaluation") if key in metrics]
    return [
        f"| split | {recipe.data.level}s | perplexity | with the cache | time | on |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['split']} | {row['tokens']:,} | {row['perplexity']:.2f} "
            f"| {row['perplexity_with_cache']:.2f} | {row['seconds']:.1f} s | {row['hardware']} |"
            for row in rows
        ),
    ]


def layers(recipe: KneserNeyRecipe) -> str:
    """What stands where other models have layers."""
    return f"{recipe.model.order}-grams"


def architecture(recipe: KneserNeyRecipe) -> list[str]:
    """One line for each thing that there is to say of the model."""
    part = recipe.model
    return [
        f"order {part.order}, {part.discounts} discounts of each order, interpolated",
        f"cache: weight {part.cache_weight:g}, decay {part.cache_decay:g} a word",
        "no weights: its counts are the corpus. `zoo.load` counts it anew.",
    ]


def training(recipe: KneserNeyRecipe, metrics: dict[str, Any]) -> list[str]:
    """How long the counting took."""
    if "training" not in metrics:
        return []
    told = metrics["training"]
    return [f"Counted in {told['hours'] * 3600:.1f} s on {told['hardware']} (`{told['command']}`)."]
