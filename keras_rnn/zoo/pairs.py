"""The sentence pairs and subwords that translators of the zoo read, by the names in their recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_rnn.datasets import ParallelText, anki, iwslt15_en_vi, multi30k
from keras_rnn.subwords import SubwordTokenizer
from keras_rnn.zoo.data_tables import PairsRecipe
from keras_rnn.zoo.folders import JOINT, SOURCE, TARGET
from keras_rnn.zoo.recipe_tables import TranslatorRecipe

#: Of each the function that reads a split, from one language to another.
PAIRS: dict[str, Any] = {
    "anki": anki.load,
    "iwslt15_en_vi": iwslt15_en_vi.load,
    "multi30k": multi30k.load,
}


def read_pairs(part: PairsRecipe, split: str, path: str | Path | None = None) -> ParallelText:
    """One split of the sentence pairs that a recipe names.

    Raises:
        ValueError: if there are no such pairs or languages.
    """
    if part.dataset not in PAIRS:
        raise ValueError(f"`dataset` in [data] must be one of {sorted(PAIRS)}; received {part.dataset!r}.")
    return PAIRS[part.dataset](split, part.source, part.target, path)


def asset_names(recipe: TranslatorRecipe) -> list[str]:
    """The files of the subword models, in an entry's folder."""
    return [JOINT] if recipe.preprocessing.joint else [SOURCE, TARGET]


def read_tokenizers(recipe: TranslatorRecipe, folder: Path) -> tuple[SubwordTokenizer, SubwordTokenizer]:
    """Those of source and target; of a joint vocabulary the same one.

    Raises:
        ValueError: if a file is missing or damaged.
    """
    names = asset_names(recipe)
    for name in names:
        if not (folder / name).exists():
            raise ValueError(
                f"{folder / name} is missing: without it no sentence becomes ids. Get the folder again."
            )
    own = [SubwordTokenizer.from_file(folder / name) for name in names]
    return own[0], own[-1]


def make_tokenizers(recipe: TranslatorRecipe, folder: Path, train: ParallelText) -> None:
    """Writes the subword models of the training text, unless they are there."""
    part = recipe.preprocessing
    texts = [train.source + train.target] if part.joint else [train.source, train.target]
    for name, own in zip(asset_names(recipe), texts):
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            SubwordTokenizer.train(own, part.vocabulary_size, part.kind).save(folder / name)
