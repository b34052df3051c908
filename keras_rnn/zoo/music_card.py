"""What the card of a model of polyphonic music says."""

from __future__ import annotations

from typing import Any

from keras_rnn.zoo.recipe_tables import PianoRollRecipe

USE = ["roll = model.generate(64, seed=1)  # (64, 88), 1 where a key sounds"]
COUNTED = "steps of music", "steps_of_music"  # by the ledger: what it is, and the key


def result(evaluation: dict[str, Any]) -> str:
    """The number of the tables."""
    return f"{evaluation['nll']:.3f} nats a step"


def cross_entropy(evaluation: dict[str, Any]) -> str:
    """In nats, for a step."""
    return f"{evaluation['nll']:.4f}"


def results(recipe: PianoRollRecipe, metrics: dict[str, Any]) -> list[str]:
    """The table of what was measured."""
    rows = [metrics[key] for key in ("validation", "evaluation") if key in metrics]
    return [
        "| split | pieces | steps | negative log likelihood of a step (nats) | time | on |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['split']} | {row['pieces']} | {row['steps']:,} | {row['nll']:.3f} "
            f"| {row['seconds']:.0f} s | {row['hardware']} |"
            for row in rows
        ),
        "",
        "All steps of all pieces count, the first of each too.",
        "",
        f"`keras-rnn generate {recipe.name} --midi piece.mid` writes music.",
    ]


def layers(recipe: PianoRollRecipe) -> str:
    """The recurrent layers, lowest first."""
    return ", ".join(f"{layer['type']} {layer['units']}" for layer in recipe.model.layers)


def architecture(recipe: PianoRollRecipe) -> list[str]:
    """One line for each thing that there is to say of the model."""
    part = recipe.model
    return [
        f"88 keys; {layers(recipe)}; a Bernoulli distribution for each key. Dropout while training: "
        f"{part.input_dropout:g} of the keys, {part.hidden_dropout:g} between layers, "
        f"{part.output_dropout:g} of the output."
    ]


def training(recipe: PianoRollRecipe, metrics: dict[str, Any]) -> list[str]:
    """The settings."""
    part = recipe.training
    told = f"AdamW, learning rate {part.learning_rate:g} (cosine), weight decay {part.weight_decay:g}"
    if part.clip_norm:
        told += f", gradient norm clipped at {part.clip_norm:g}"
    if part.average is not None:
        told += f", moving average of the weights ({part.average:g})"
    if part.length is not None:
        told += f", at most {part.length} steps of a piece in an epoch"
    picture = ["![Learning curves](curves.png)", ""] if "weights" in metrics else []
    return [*picture, f"{told}; batch {part.batch_size}, seed {part.seed}. All of it: `recipe.toml`."]
