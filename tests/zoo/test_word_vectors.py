"""Word vectors: what they are, and that a training begins with them."""

import sys

import numpy as np
import pytest

from keras_rnn.zoo import training
from keras_rnn.zoo.recipe import read_recipe
from keras_rnn.zoo.recipe_tables import WordVectorsRecipe
from keras_rnn.zoo.word_vectors import train_word_vectors
from tests.zoo.tiny import RECIPE, write_entry

TABLE = "[word_vectors]\nepochs = 3\nnegative = 2\nsubsampling = 0.0\n"


def two_topics(texts=400):
    """Words 2 to 5 stand together, and words 6 to 9."""
    random = np.random.default_rng(0)
    return [random.integers(2, 6, 20) + 4 * (k % 2) for k in range(texts)]


def cosine(vectors, j, k):
    return vectors[j] @ vectors[k] / np.linalg.norm(vectors[j]) / np.linalg.norm(vectors[k])


def test_words_that_stand_together_are_near_each_other():
    recipe = WordVectorsRecipe(epochs=10, subsampling=0.0)
    vectors = train_word_vectors(two_topics(), 12, 8, recipe)
    assert (vectors.shape, vectors.dtype) == ((12, 8), np.float32)
    assert vectors.std() == pytest.approx(recipe.deviation)
    assert not vectors[[0, 1, 10, 11]].any()
    for j in range(2, 6):
        assert min(cosine(vectors, j, k) for k in range(2, 6)) > max(
            cosine(vectors, j, k) for k in range(6, 10)
        )


def test_the_same_texts_give_the_same_vectors():
    recipe = WordVectorsRecipe(epochs=1)
    first, second = (train_word_vectors(two_topics(50), 10, 4, recipe) for _ in range(2))
    assert np.array_equal(first, second)
    other = train_word_vectors(two_topics(50), 10, 4, WordVectorsRecipe(epochs=1, seed=2))
    assert not np.array_equal(first, other)


def test_padding_and_unknown_words_are_left_out():
    rows = [np.array([2, 0, 1, 3]), np.array([0, 1])] * 20
    vectors = train_word_vectors(rows, 4, 4, WordVectorsRecipe(subsampling=0.0))
    assert not vectors[:2].any()
    assert vectors[2:].any(axis=1).all()


def test_without_gensim_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ImportError, match=r'pip install "keras-rnn\[train\]"'):
        train_word_vectors([], 4, 4, WordVectorsRecipe())


def test_a_recipe_may_ask_for_them(tmp_path):
    entry = write_entry(tmp_path, RECIPE + TABLE)
    assert read_recipe(entry / "recipe.toml").word_vectors == WordVectorsRecipe(3, 5, 2, 0.0)
    assert read_recipe(write_entry(tmp_path, RECIPE) / "recipe.toml").word_vectors is None
    entry = write_entry(tmp_path, RECIPE + "[word_vectors]\nepoch = 3\n")
    with pytest.raises(ValueError, match=r"`epoch` is no key of \[word_vectors\]. Did you mean `epochs`"):
        read_recipe(entry / "recipe.toml")


def test_a_training_begins_with_them(reviews, tmp_path, monkeypatch):
    seen = []

    def fit(self, *args, **kwargs):
        seen.append(self.embedding.get_weights()[0])
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_rnn.models.SequenceClassifier.fit", fit)
    entry, lines = write_entry(tmp_path / "entry", RECIPE + TABLE), []
    for _ in range(2):  # the second one goes on, and trains no vectors again
        with pytest.raises(KeyboardInterrupt):
            training.train(entry, tmp_path / "run", reviews, report=lines.append, verbose=0)
    vectors = np.load(tmp_path / "run" / "word_vectors.npy")
    assert vectors.std() == pytest.approx(0.1)
    assert np.array_equal(seen[0], vectors)
    assert np.array_equal(seen[1], vectors)
    assert [line for line in lines if "word vectors" in line] == ["Training word vectors on 41 texts \u2026"]
