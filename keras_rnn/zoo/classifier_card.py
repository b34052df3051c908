"""What the card of a text classifier says."""

from __future__ import annotations

from typing import Any

from keras_rnn.environment import measured_with
from keras_rnn.zoo.model_tables import ClassifierModel
from keras_rnn.zoo.recipe_tables import ClassifierRecipe
from keras_rnn.zoo.training_tables import PretrainedRecipe

USE = ['model.predict(["A wonderful film.", "A waste of time."])']
COUNTED = "reviews", "examples"  # by the ledger: what it is, and the key


def result(evaluation: dict[str, Any]) -> str:
    """The number of the tables."""
    return f"accuracy {evaluation['accuracy']:.4f}"


def cross_entropy(evaluation: dict[str, Any]) -> str:
    """In nats, for a review."""
    return f"{evaluation['cross_entropy']:.4f}"


def results(recipe: ClassifierRecipe, metrics: dict[str, Any]) -> list[str]:
    """The table of what was measured."""
    found = metrics["evaluation"]
    return [
        "| split | reviews | accuracy | cross entropy (nats) | time | on |",
        "|---|---|---|---|---|---|",
        f"| {found['split']} | {found['examples']:,} | {found['accuracy']:.4f} "
        f"| {cross_entropy(found)} | {found['seconds']:.0f} s | {found['hardware']} |",
    ]


def layers(recipe: ClassifierRecipe) -> str:
    """The layers over the embedding, lowest first."""
    told = []
    for layer in recipe.model.layers:
        size = f"{layer['heads']} heads" if "heads" in layer else layer.get("units", "")
        told.append(
            f"{'Bidirectional ' if layer.get('bidirectional') else ''}{layer['type']} {size}".rstrip()
        )
    return ", ".join(told)


def architecture(recipe: ClassifierRecipe) -> list[str]:
    """One line for each thing that there is to say of the model."""
    part = recipe.model
    return [
        f"embedding {recipe.preprocessing.vocabulary_size:,} x {part.embedding_dimension}; "
        f"{layers(recipe)}; pooling over time: {_pooling(part)}"
        f"{', normalized over the batch' if part.normalize else ''}; {part.head} head. "
        f"Dropout while training: {part.word_dropout:g} of the words, {part.embedding_dropout:g} of the "
        f"embedding, {part.dropout:g} of the pooled features.",
        _reading(recipe),
        *_shared(recipe),
    ]


def training(recipe: ClassifierRecipe, metrics: dict[str, Any]) -> list[str]:
    """How the recipe was chosen, and its settings."""
    text = []
    if "validation" in metrics:
        chosen = metrics["validation"]
        whole = ", whole films," if recipe.data.validation_by_group else ""
        text += [
            f"The recipe was chosen with {chosen['validation_examples']:,} reviews of the training "
            f"split{whole} held out (`{chosen['command']}`{measured_with(chosen)}): accuracy "
            f"{chosen['final']['val_accuracy']:.4f}, "
            f"cross entropy {chosen['final']['val_loss']:.4f} after the last epoch.",
            "",
            "![Learning curves](curves.png)",
            "",
        ]
    if recipe.word_vectors is not None:
        vectors = recipe.word_vectors
        text += [
            f"The embedding begins with skip-gram vectors of the training texts and the unlabelled ones: "
            f"{vectors.epochs} epochs, window {vectors.window}, {vectors.negative} negative samples.",
            "",
        ]
    if recipe.pretrained is not None:
        text += [_fine_tuning(recipe.pretrained), ""]
    part = recipe.training
    clipped = f", gradient norm clipped at {part.clip_norm:g}" if part.clip_norm else ""
    slower = "".join(f", times {m:g} for `{name}`" for name, m in part.multipliers.items())
    moved = f", base point moved every {part.period} updates" if part.period else ""
    narrow = f", {part.dtype}" if part.dtype != "float32" else ""
    schedule = part.schedule.replace("_", " ")
    return [
        *text,
        f"AdamW, learning rate {part.learning_rate:g} ({schedule}){slower}{moved}, weight decay "
        f"{part.weight_decay:g}, batch {part.batch_size}{clipped}{narrow}, seed {part.seed}. All of it: "
        "`recipe.toml`.",
    ]


def _shared(recipe: ClassifierRecipe) -> list[str]:
    """What it has from the files of another model."""
    if recipe.pretrained is None:
        return []
    entry = recipe.pretrained.entry
    return [
        f"Vocabulary and embedding are those of [{entry}](../{entry}/README.md), read from its files and "
        "left as they are; its recurrent layers are where those of this model began. The file of this model "
        "holds what was fine-tuned: recurrent layers and head. `zoo.load` checks both files."
    ]


def _fine_tuning(part: PretrainedRecipe) -> str:
    """How the losses are added, and which weights learn when."""
    told = f"Fine-tuned from `{part.entry}`: "
    if part.unfreeze_every:
        epochs = "epoch" if part.unfreeze_every == 1 else f"{part.unfreeze_every} epochs"
        told += f"the head learns first, and one layer more every {epochs}, "
    told += f"each layer {part.decay:g} times slower than the one above it"
    if part.language_weight:
        told += f"; plus {part.language_weight:g} of the language model's loss on the same texts"
    if part.adversarial_weight:
        told += (
            f"; plus {part.adversarial_weight:g} of the virtual adversarial loss at length "
            f"{part.adversarial_norm:g}"
        )
    return f"{told}."


def _pooling(part: ClassifierModel) -> str:
    if part.attention_pooling is None:
        return ", ".join(part.pooling)
    return "attention (" + ", ".join(f"{k} {v}" for k, v in part.attention_pooling.items()) + ")"


def _reading(recipe: ClassifierRecipe) -> str:
    part = recipe.preprocessing
    if part.max_length is None:
        return "Every text is read to its end."
    kept = {
        "head": f"the first {part.max_length}",
        "tail": f"the last {part.max_length}",
        "ends": f"the first {part.max_length // 4} and the last {part.max_length - part.max_length // 4}",
    }[part.truncation]
    return (
        f"Of a text of more than {part.max_length} words and punctuation marks it reads {kept}. "
        f'`zoo.load("{recipe.name}", max_length=None)` reads all.'
    )
