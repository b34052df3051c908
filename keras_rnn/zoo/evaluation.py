"""Measures a published model and writes the numbers beside the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from keras_rnn.environment import environment
from keras_rnn.files import write_text
from keras_rnn.zoo import (
    classifier_evaluation,
    copy_memory,
    kneser_ney,
    language_model_evaluation,
    music,
    translator_evaluation,
)
from keras_rnn.zoo.adaptive_evaluation import METHODS
from keras_rnn.zoo.corpora import SPLITS
from keras_rnn.zoo.folders import METRICS, read_entry
from keras_rnn.zoo.loader import load
from keras_rnn.zoo.recipe_tables import (
    AnyRecipe,
    ClassifierRecipe,
    CopyMemoryRecipe,
    KneserNeyRecipe,
    LanguageModelRecipe,
    NeuralRecipe,
    PianoRollRecipe,
    TranslatorRecipe,
)


def evaluate(
    name_or_folder: str | Path,
    data: str | Path | None = None,
    examples: int | None = None,
    write: bool = True,
    verbose: int | str = "auto",
    split: str = "test",
    method: str | None = None,
) -> dict[str, Any]:
    """What a model makes of a whole split, from the shipped file.

    Of a classifier: accuracy and cross entropy on the test split. Of a language model: perplexity over all
    tokens of a split, which is one stream; of a Kneser-Ney model the same, without and with its cache. Of a
    translator: BLEU of a split, by its beam search and without. Of a network on the copying task: cross
    entropy and the share of symbols that are right, on rows that no training sees. Of a
    model of music: negative log likelihood for a step.

    Args:
        name_or_folder: a published name or a folder.
        data: where the dataset lies. Default: `KERAS_RNN_DATA`, the cache, or a download.
        examples: only so many, drawn evenly from the classes; nothing is then written. Of classifiers.
        write: whether to write the result into the entry's `metrics.json`: that of the test split as
            `evaluation`, that of another one under its name, with a method as `split method`.
        verbose: as in `predict`; a `method` shows its progress but for 0.
        split: `"train"`, `"validation"` or `"test"`; of language models and translators.
        method: of a neural language model, what it does beside predicting: `"cache"`, `"dynamic-sgd"` or
            `"dynamic-rms"`; of a translator `"beam"`, which tries several length penalties. Settings are
            chosen on the validation split. Default: nothing, and the recipe's search.

    Returns:
        A dictionary with the metrics, the time, and on what they were measured.

    Raises:
        ValueError: if an argument does not go with the kind of model.
    """
    folder, recipe, metrics = read_entry(name_or_folder)
    classifies = isinstance(recipe, ClassifierRecipe)
    one_split = classifies or isinstance(recipe, CopyMemoryRecipe)
    if split not in (("test",) if one_split else SPLITS):
        legal = (
            f"'test' for a {'classifier' if classifies else recipe.model.type}"
            if one_split
            else f"one of {SPLITS}"
        )
        raise ValueError(f"`split` must be {legal}; received split={split!r}.")
    if examples is not None and not classifies:
        raise ValueError(
            f"`examples` must be left out for a {recipe.model.type}; received examples={examples}. It is "
            "measured on a whole split."
        )
    if method is not None and method not in _methods(recipe):
        raise ValueError(
            f"`method` must be one of {tuple(METHODS)}, of a neural language model, or "
            f"{translator_evaluation.METHOD!r}, of a translator; received method={method!r} for "
            f"{recipe.name}, a {recipe.model.type}. A cache goes with a LanguageModel alone."
        )
    if isinstance(recipe, ClassifierRecipe):
        result = classifier_evaluation.measure(recipe, load(name_or_folder), data, examples, verbose)
    elif isinstance(recipe, TranslatorRecipe):
        result = translator_evaluation.measure(
            recipe, load(name_or_folder), split, data, method, verbose=int(verbose != 0)
        )
    elif isinstance(recipe, CopyMemoryRecipe):
        result = copy_memory.measure(recipe, load(name_or_folder))
    elif isinstance(recipe, PianoRollRecipe):
        result = music.measure(recipe, load(name_or_folder), split, data)
    elif isinstance(recipe, KneserNeyRecipe):
        result = kneser_ney.measure(recipe, kneser_ney.count(recipe, data), split, data)
    else:
        result = language_model_evaluation.measure(
            recipe, load(name_or_folder), split, data, method, verbose=int(verbose != 0)
        )
    options = ("" if split == "test" else f" --split {split}") + (f" --method {method}" if method else "")
    result = {**result, "command": f"keras-rnn evaluate {recipe.name}{options}", **environment()}
    if write and examples is None:
        key = f"{split} {method}" if method else "evaluation" if split == "test" else split
        metrics[key] = result
        write_text(folder / METRICS, json.dumps(metrics, indent=2) + "\n")
        if isinstance(recipe, TranslatorRecipe) and key == "evaluation":
            translator_evaluation.draw_by_length(recipe, folder, metrics)
    return result


def _methods(recipe: AnyRecipe) -> list[str]:
    """The methods that this kind of model can be measured with: a cache compares recurrent states."""
    if isinstance(recipe, TranslatorRecipe):
        return [translator_evaluation.METHOD]
    if isinstance(recipe, LanguageModelRecipe):
        return list(METHODS)
    return [name for name in METHODS if name != "cache"] if isinstance(recipe, NeuralRecipe) else []
