"""The texts that language models of the zoo read, by the names in their recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_rnn.datasets import Corpus, imdb_corpus, penn_treebank, tiny_shakespeare, wikitext2
from keras_rnn.zoo.data_tables import CorpusRecipe

CORPORA: dict[str, Any] = {
    "imdb": imdb_corpus,
    "penn_treebank": penn_treebank,
    "tiny_shakespeare": tiny_shakespeare,
    "wikitext2": wikitext2,
}
SPLITS = ("train", "validation", "test")


def read_corpus(part: CorpusRecipe, split: str, path: str | Path | None = None) -> Corpus:
    """One split of the corpus that a recipe names.

    Raises:
        ValueError: if there is no such corpus, or it does not come in the tokens that the recipe names.
    """
    if part.dataset not in CORPORA:
        raise ValueError(f"`dataset` in [data] must be one of {sorted(CORPORA)}; received {part.dataset!r}.")
    load = CORPORA[part.dataset].load
    # One corpus alone comes as words and as characters.
    if part.dataset == "penn_treebank":
        return load(split, path, part.level)
    corpus = load(split, path)
    if corpus.level != part.level:
        raise ValueError(
            f"`level` in [data] must be {corpus.level!r} for {part.dataset}; received {part.level!r}."
        )
    return corpus
