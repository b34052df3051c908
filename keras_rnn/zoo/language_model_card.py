"""What the card of a language model says."""

from __future__ import annotations

from typing import Any

from keras_rnn.zoo.model_tables import FeedForwardCore, LanguageModelCore, PointerSentinelCore
from keras_rnn.zoo.recipe_tables import NeuralRecipe

USE = [
    'ids = model.vocabulary.ids("\\nthe market opened higher\\n")',
    "model.perplexity(ids)",
]
COUNTED = "tokens an epoch", "tokens"
METHODS = {
    "cache": ", with a cache",
    "dynamic-sgd": ", dynamic by gradient descent",
    "dynamic-rms": ", dynamic by RMS",
}
OPTIMIZERS = {"adam": "Adam", "nt_asgd": "NT-ASGD", "sgd": "SGD"}


def result(evaluation: dict[str, Any]) -> str:
    """The number of the tables."""
    return f"perplexity {evaluation['perplexity']:.2f}"


def cross_entropy(evaluation: dict[str, Any]) -> str:
    """In nats, for a token."""
    return f"{evaluation['nll']:.4f}"


def results(recipe: NeuralRecipe, metrics: dict[str, Any]) -> list[str]:
    """The table of what was measured."""
    rows = {
        split + suffix: metrics[key]
        for split, plain in (("validation", "validation"), ("test", "evaluation"))
        for key, suffix in [(plain, ""), *((f"{split} {m}", told) for m, told in METHODS.items())]
        if key in metrics
    }
    chosen = {
        name: ", ".join(f"{key} {value:g}" for key, value in row["settings"].items())
        for name, row in rows.items()
        if "settings" in row
    }
    return [
        f"| split | {recipe.data.level}s | perplexity | cross entropy (nats) | time | on |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {row['tokens']:,} | {row['perplexity']:.2f} | {cross_entropy(row)} "
            f"| {row['seconds']:.0f} s | {row['hardware']} |"
            for name, row in rows.items()
        ),
        "",
        "The split is read as one stream, whose state is carried from its first token to its last; each is "
        "predicted once.",
        *_bits_per_character(rows),
        *(f"\nSettings of {name}, chosen on the validation split: {told}." for name, told in chosen.items()),
    ]


def layers(recipe: NeuralRecipe) -> str:
    """What stands between embedding and softmax: the recurrent layers, lowest first."""
    part = recipe.model
    if isinstance(part, LanguageModelCore):
        return ", ".join(_layer(layer) for layer in part.layers)
    if isinstance(part, FeedForwardCore):
        told = f"{part.units} units over {part.order - 1} words"
        return told + (", and direct connections" if part.direct_connections else "")
    return f"{'diagonal' if part.diagonal else 'linear'} in {part.order - 1} words"


def architecture(recipe: NeuralRecipe) -> list[str]:
    """One line for each thing that there is to say of the model."""
    part = recipe.model
    embedding = f"{part.vocabulary_size:,} x {part.embedding_dimension}"
    if not isinstance(part, LanguageModelCore):
        tied = "" if isinstance(part, FeedForwardCore) else ", tied to the embedding"
        return [f"embedding {embedding}; {layers(recipe)}; FullSoftmax{tied}"]
    if part.embedding is not None:
        embedding = _with_arguments(part.embedding)
    lines = [
        f"embedding {embedding}; {layers(recipe)}; "
        f"{'sum of the layers; ' if part.skip_connections else ''}"
        f"{_with_arguments(part.softmax or {'type': 'FullSoftmax'})}"
        f"{', tied to the embedding' if part.tie_embeddings else ''}"
    ]
    if isinstance(part, PointerSentinelCore):
        lines.append(f"a pointer to the last {part.window} words")
    for k, layer in enumerate(part.layers, start=1):
        if layer.get("wrap"):
            wrappers = ", ".join(map(_with_arguments, layer["wrap"]))
            lines.append(f"around the cell of layer {k}, innermost first: {wrappers}")
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


def training(recipe: NeuralRecipe, metrics: dict[str, Any]) -> list[str]:
    """The curves, and the recipe's settings."""
    part, model = recipe.training, recipe.model
    recurrent = isinstance(model, LanguageModelCore)
    told = [f"{OPTIMIZERS[part.optimizer]}, learning rate {part.learning_rate:g}"]
    if part.decay_factor != 1:
        told.append(f"times {part.decay_factor:.4g} in each epoch after the first {part.decay_after}")
    if part.optimizer == "nt_asgd":
        told.append(f"averages once the validation is worse than {part.patience} epochs before")
    if part.clip_norm:
        scale = "sum over the steps" if recurrent and model.sum_over_steps else "mean over the tokens"
        told.append(f"gradient norm of the {scale} clipped at {part.clip_norm:g}")
    if part.weight_decay:
        told.append(f"weight decay {part.weight_decay:g}")
    if recurrent and (model.activation_regularization or model.temporal_activation_regularization):
        told.append(
            f"activation regularization {model.activation_regularization:g}, "
            f"temporal {model.temporal_activation_regularization:g}"
        )
    steps = f"about {part.steps} steps" if part.variable_steps else f"{part.steps} steps"
    told += [f"{part.batch_size} streams", f"{steps} of back-propagation", part.dtype, f"seed {part.seed}"]
    picture = ["![Learning curves](curves.png)", ""] if "training" in metrics else []
    planned = f"{part.epochs} epochs in the recipe. "
    return [*picture, f"{planned}{', '.join(told)}. All of it: `recipe.toml`."]


def _layer(table: dict[str, Any]) -> str:
    depth = f" of depth {table['depth']}" if "depth" in table else ""
    return f"{table['type']} {table['units']}{depth}"


def _with_arguments(table: dict[str, Any]) -> str:
    """The type that a table names, and its other keys in brackets."""
    told = ", ".join(f"{key} {value}" for key, value in table.items() if key != "type")
    return f"{table['type']}{f' ({told})' if told else ''}"


def _bits_per_character(rows: dict[str, dict[str, Any]]) -> list[str]:
    """A sentence of them, where tokens are characters."""
    told = [
        f"{name} {row['bits_per_character']:.3f}" for name, row in rows.items() if "bits_per_character" in row
    ]
    return [f"\nBits per character: {', '.join(told)}."] if told else []
