"""What the card of a language model says."""

from __future__ import annotations

from typing import Any

from keras_rnn.zoo.recipe_tables import LanguageModelRecipe

USE = [
    'ids = model.vocabulary.ids("\\nthe market opened higher\\n")',
    "model.perplexity(ids)",
]
COUNTED = "tokens an epoch", "tokens"
OPTIMIZERS = {"adam": "Adam", "nt_asgd": "NT-ASGD", "sgd": "SGD"}


def result(evaluation: dict[str, Any]) -> str:
    """The number of the tables."""
    return f"perplexity {evaluation['perplexity']:.2f}"


def cross_entropy(evaluation: dict[str, Any]) -> str:
    """In nats, for a token."""
    return f"{evaluation['nll']:.4f}"


def results(recipe: LanguageModelRecipe, metrics: dict[str, Any]) -> list[str]:
    """The table of what was measured."""
    rows = [metrics[key] for key in ("validation", "evaluation") if key in metrics]
    return [
        f"| split | {recipe.data.level}s | perplexity | cross entropy (nats) | time | on |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['split']} | {row['tokens']:,} | {row['perplexity']:.2f} | {cross_entropy(row)} "
            f"| {row['seconds']:.0f} s | {row['hardware']} |"
            for row in rows
        ),
        "",
        "The split is read as one stream, whose state is carried from its first token to its last; each is "
        "predicted once.",
    ]


def layers(recipe: LanguageModelRecipe) -> str:
    """The recurrent layers, lowest first."""
    return ", ".join(f"{layer['type']} {layer['units']}" for layer in recipe.model.layers)


def architecture(recipe: LanguageModelRecipe) -> list[str]:
    """One line for each thing that there is to say of the model."""
    part = recipe.model
    softmax = {**(part.softmax or {"type": "FullSoftmax"})}
    name = softmax.pop("type")
    told = ", ".join(f"{key} {value}" for key, value in softmax.items())
    lines = [
        f"embedding {part.vocabulary_size:,} x {part.embedding_dimension}; {layers(recipe)}; "
        f"{name}{f' ({told})' if told else ''}{', tied to the embedding' if part.tie_embeddings else ''}"
    ]
    kinds = {
        "input_dropout": "of the embedding's features",
        "hidden_dropout": "between the layers",
        "output_dropout": "of the last layer",
        "embedding_dropout": "of the word types",
    }
    drops = [f"{getattr(part, key):g} {what}" for key, what in kinds.items() if getattr(part, key)]
    weights = [f"{layer['weight_drop']:g}" for layer in part.layers if "weight_drop" in layer]
    if weights:
        drops.append(f"{', '.join(weights)} of the layers' recurrent weights")
    if drops:
        how = "one mask for all steps of a batch" if part.locked else "another mask at each step"
        lines.append(f"Dropout while training: {', '.join(drops)}; {how}.")
    return lines


def training(recipe: LanguageModelRecipe, metrics: dict[str, Any]) -> list[str]:
    """The curves, and the recipe's settings."""
    part, model = recipe.training, recipe.model
    told = [f"{OPTIMIZERS[part.optimizer]}, learning rate {part.learning_rate:g}"]
    if part.decay_factor != 1:
        told.append(f"times {part.decay_factor:.4g} in each epoch after the first {part.decay_after}")
    if part.optimizer == "nt_asgd":
        told.append(f"averages once the validation is worse than {part.patience} epochs before")
    if part.clip_norm:
        scale = "sum over the steps" if model.sum_over_steps else "mean over the tokens"
        told.append(f"gradient norm of the {scale} clipped at {part.clip_norm:g}")
    if part.weight_decay:
        told.append(f"weight decay {part.weight_decay:g}")
    if model.activation_regularization or model.temporal_activation_regularization:
        told.append(
            f"activation regularization {model.activation_regularization:g}, "
            f"temporal {model.temporal_activation_regularization:g}"
        )
    steps = f"about {part.steps} steps" if part.variable_steps else f"{part.steps} steps"
    told += [f"{part.batch_size} streams", f"{steps} of back-propagation", part.dtype, f"seed {part.seed}"]
    picture = ["![Learning curves](curves.png)", ""] if "training" in metrics else []
    planned = f"{part.epochs} epochs in the recipe. "
    return [*picture, f"{planned}{', '.join(told)}. All of it: `recipe.toml`."]
