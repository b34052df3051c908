"""What the card of a translator says."""

from __future__ import annotations

from typing import Any

from keras_rnn.zoo.folders import BY_LENGTH
from keras_rnn.zoo.model_tables import TransformerCore, TranslatorCore
from keras_rnn.zoo.recipe_tables import TranslatorRecipe

USE = ['model.translate(["Two dogs play in the snow."])']
COUNTED = "sentence pairs", "pairs"


def result(evaluation: dict[str, Any]) -> str:
    """The number of the tables."""
    return f"BLEU {evaluation['bleu']:.2f}"


def cross_entropy(evaluation: dict[str, Any]) -> str:
    """There is none in the tables: that of subwords says nothing beside another vocabulary."""
    return ""


def results(recipe: TranslatorRecipe, metrics: dict[str, Any]) -> list[str]:
    """The table of what was measured."""
    rows = [metrics[key] for key in ("validation", "evaluation") if key in metrics]
    decoding, lengths = recipe.decoding, metrics["evaluation"]["by_length"]
    return [
        "| split | sentences | BLEU | with case | greedy | perplexity of a subword | time | on |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {row['split']} | {row['pairs']:,} | {row['bleu']:.2f} | {row['bleu_cased']:.2f} "
            f"| {row['bleu_greedy']:.2f} | {row['perplexity']:.2f} | {row['seconds']:.0f} s "
            f"| {row['hardware']} |"
            for row in rows
        ),
        "",
        f"Beam search with {decoding.beam_size} hypotheses, length penalty {decoding.length_penalty:g}, "
        f"coverage penalty {decoding.coverage_penalty:g}. BLEU of detokenized text by sacrebleu: "
        f"`{rows[-1]['signature']}`, with case `{rows[-1]['signature_cased']}`.",
        *_tried(metrics.get("validation beam")),
        "",
        f"| words of the source | {' | '.join(_range(row) for row in lengths)} |",
        "|---" * (1 + len(lengths)) + "|",
        f"| BLEU | {' | '.join(format(row['bleu'], '.2f') for row in lengths)} |",
        "",
        f"![BLEU by length]({BY_LENGTH})",
    ]


def _tried(found: dict[str, Any] | None) -> list[str]:
    """How much the length penalty matters, on the validation split."""
    if found is None:
        return []
    told = (
        f"{bleu:.2f} with {float(penalty):g}" for penalty, bleu in found["bleu_by_length_penalty"].items()
    )
    return ["", f"BLEU on the validation split by length penalty: {', '.join(told)}."]


def _range(row: dict[str, Any]) -> str:
    return f"{row['shortest']} to {row['longest']}"


def layers(recipe: TranslatorRecipe) -> str:
    """The layers, lowest first, those of the decoder behind an arrow."""
    part = recipe.model
    if isinstance(part, TransformerCore):
        counts = part.encoder_blocks, part.decoder_blocks
        return " \u2192 ".join(f"{count} SelfAttentionBlock {part.units}" for count in counts)
    encoder, decoder = (
        ", ".join(
            f"{'Bidirectional ' if layer.get('bidirectional') else ''}{layer['type']} {layer['units']}"
            for layer in side
        )
        for side in (part.encoder, part.decoder)
    )
    return f"{encoder} \u2192 {decoder}"


def architecture(recipe: TranslatorRecipe) -> list[str]:
    """One line for each thing that there is to say of the model."""
    part, own = recipe.model, recipe.preprocessing
    if isinstance(part, TransformerCore):
        dimension = part.units
        looks = f"{part.heads} heads, feed-forward layers of {part.feed_forward or 4 * part.units:,} units, "
        looks += f"normalized {part.normalize} each part, positions as "
        looks += "rotations" if part.rotary else "sines and cosines"
    else:
        dimension, looks = part.embedding_dimension, _attention(part)
    shared = "one for both languages" if own.joint else "one for each language"
    lines = [
        f"{own.vocabulary_size:,} subwords ({own.kind}), {shared}, in {dimension} dimensions"
        f"{', also the matrix of the softmax' if part.tie_embeddings else ''}",
        f"encoder and decoder: {layers(recipe)}; {looks}",
    ]
    kinds = {
        "dropout": "of the embeddings with positions, and of what each part of a block adds",
        "embedding_dropout": "of the embeddings' features",
        "hidden_dropout": "above each layer of the encoder",
        "output_dropout": "of what the softmax reads",
    }
    drops = [f"{getattr(part, key):g} {what}" for key, what in kinds.items() if getattr(part, key, 0)]
    if drops:
        lines.append(f"Dropout while training: {', '.join(drops)}.")
    return lines


def _attention(part: TranslatorCore) -> str:
    """How a recurrent decoder looks at the source."""
    if part.attention is None:
        return "no attention: the decoder knows the source by its first states alone"
    table = dict(part.attention)
    name = table.pop("type")
    told = ", ".join(f"{key} {value}" for key, value in table.items())
    feeds = part.order == "after" and part.input_feeding is not False
    looks = f"{name}{f' ({told})' if told else ''} {part.order} each step of the decoder"
    looks += ", input feeding" if feeds else ""
    return looks + (f", {part.attentional_units} attentional units" if part.attentional_units else "")


def training(recipe: TranslatorRecipe, metrics: dict[str, Any]) -> list[str]:
    """The curves, and the recipe's settings."""
    part = recipe.training
    told = [f"AdamW, learning rate {part.learning_rate:g}"]
    if part.warmup_steps:
        told.append(f"reached after {part.warmup_steps:,} steps")
    told.append("then falling as a cosine")
    if part.weight_decay:
        told.append(f"weight decay {part.weight_decay:g}")
    if part.clip_norm:
        told.append(f"gradient norm clipped at {part.clip_norm:g}")
    if recipe.model.label_smoothing:
        told.append(f"label smoothing {recipe.model.label_smoothing:g}")
    if part.sampling:
        told.append(f"pieces drawn anew in each epoch (sampling {part.sampling:g})")
    if part.average:
        told.append(
            f"a moving average of the weights (momentum {part.average:g}) in their place at the end"
            + _better(metrics.get("training", {}).get("validation_bleu"))
        )
    told += [f"batches of {part.batch_size} pairs of like length", part.dtype, f"seed {part.seed}"]
    picture = ["![Learning curves](curves.png)", ""] if "training" in metrics else []
    return [*picture, f"{part.epochs} epochs in the recipe. {', '.join(told)}. All of it: `recipe.toml`."]


def _better(found: dict[str, Any] | None) -> str:
    """What decided between the last weights and their average."""
    if found is None:
        return ", which the curves do not know"
    told = f"BLEU {found['average']:.2f} on the validation split, and {found['last']:.2f} without"
    if found["kept"] == "last":
        return f" where that is better (here not: {told})"
    return f", which the curves do not know ({told})"
