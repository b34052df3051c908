"""What the card of a network on the copying task says."""

from __future__ import annotations

from typing import Any

from keras_rnn.experiments import NETWORKS
from keras_rnn.zoo.recipe_tables import CopyMemoryRecipe

USE = [
    "import numpy as np",
    "from keras_rnn.datasets import copy_memory",
    "",
    "ids, symbols = copy_memory.sample(8, delay=200, random=np.random.default_rng(0))",
    "model.predict(ids).argmax(axis=-1)[:, -10:] == symbols[:, -10:]",
]
COUNTED = "rows", "rows"  # by the ledger: what it is, and the key


def result(evaluation: dict[str, Any]) -> str:
    """The number of the tables."""
    return f"{evaluation['accuracy']:.2%} of the symbols, delay {evaluation['delay']}"


def cross_entropy(evaluation: dict[str, Any]) -> str:
    """In nats, for a step."""
    return f"{evaluation['cross_entropy']:.2g}"


def results(recipe: CopyMemoryRecipe, metrics: dict[str, Any]) -> list[str]:
    """The table of what was measured."""
    found = metrics["evaluation"]
    return [
        "| delay | rows | symbols right | cross entropy (nats) | without memory | time | on |",
        "|---|---|---|---|---|---|---|",
        f"| {found['delay']} | {found['rows']:,} | {found['accuracy']:.2%} | {cross_entropy(found)} "
        f"| {found['baseline']:.4f} | {found['seconds']:.0f} s | {found['hardware']} |",
    ]


def layers(recipe: CopyMemoryRecipe) -> str:
    """The recurrent layer."""
    return f"{recipe.model.network} {recipe.model.units}"


def architecture(recipe: CopyMemoryRecipe) -> list[str]:
    """One line for each thing that there is to say of the model."""
    return [f"one-hot ids of 10 kinds; {layers(recipe)}; at each step a softmax of 9 kinds"]


def training(recipe: CopyMemoryRecipe, metrics: dict[str, Any]) -> list[str]:
    """The settings."""
    part, network = recipe.training, NETWORKS[recipe.model.network]
    picture = ["![Learning curves](curves.png)", ""] if "weights" in metrics else []
    told = f"{network.told(part.learning_rate)}; batch {part.batch_size}, seed {part.seed}. "
    told += "What is not in `recipe.toml` is that of "
    return [*picture, f"{told}`keras_rnn.experiments.NETWORKS[{recipe.model.network!r}]`."]
