"""Word vectors to begin an embedding with, by gensim."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from keras_rnn.zoo.recipe_tables import WordVectorsRecipe

FIRST_WORD = 2  # ids 0 and 1 are padding and the unknown word


def train_word_vectors(
    rows: Sequence[np.ndarray], vocabulary_size: int, dimension: int, recipe: WordVectorsRecipe
) -> np.ndarray:
    """Skip-gram with negative sampling.

    One worker and a hash that knows no process: the same texts give the same vectors, bit for bit.

    Args:
        rows: the ids of the words of each text. Padding and unknown words are left out.
        vocabulary_size: number of ids.
        dimension: of a vector.
        recipe: the other settings.

    Returns:
        `(vocabulary_size, dimension)` float32 with the standard deviation that the recipe names; zeros for
        ids that stand in no text.

    Raises:
        ImportError: if gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise ImportError(
            "This recipe begins with word vectors, which gensim trains. "
            'Install it: pip install "keras-rnn[train]".'
        ) from error

    sentences = [[str(word) for word in row if word >= FIRST_WORD] for row in rows]
    arguments: dict[str, Any] = {
        "vector_size": dimension,
        "window": recipe.window,
        "min_count": 1,
        "sg": 1,
        "negative": recipe.negative,
        "sample": recipe.subsampling,
        "epochs": recipe.epochs,
        "seed": recipe.seed,
        "workers": 1,
        "hashfxn": lambda word: zlib.crc32(str(word).encode()),
    }
    found = Word2Vec(sentences, **arguments).wv
    vectors = np.zeros((vocabulary_size, dimension), np.float32)
    for word in found.index_to_key:
        vectors[int(word)] = found[word]
    return vectors * (recipe.deviation / vectors.std())
