"""The IMDB reviews as a text: what is in each split, and that a classifier reads the same ids."""

import shutil

import numpy as np
import pytest

from keras_rnn.datasets import imdb, imdb_corpus
from keras_rnn.text import WordTokenizer
from tests.zoo import tiny

SIZE = 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(imdb_corpus, "HELD_OUT", 7)
    with tiny.corpus(tmp_path) as parent:
        yield parent


def reviews(corpus):
    """The reviews of a corpus as lines of words."""
    assert corpus.tokens[-1] == corpus.vocabulary.end == 0
    return corpus.vocabulary.text(corpus.tokens).split("\n")[:-1]


def test_training_and_validation_are_all_training_and_unlabelled_reviews(folder):
    texts = [*imdb.load("train", folder).texts, *imdb.load_unlabelled(folder)]
    splits = [imdb_corpus.load(split, folder, vocabulary_size=30_000) for split in ("train", "validation")]
    train, validation = map(reviews, splits)
    assert len(validation) == 7
    # The words of the validation alone are unknown.
    known = set(" ".join(train).split())
    assert sorted(train + validation) == sorted(
        " ".join(word if word in known else "<unk>" for word in text.split()) for text in texts
    )
    assert train != texts[: len(train)]  # shuffled


def test_a_classifier_has_the_same_vocabulary_and_ids(folder):
    corpus = imdb_corpus.load("train", folder, vocabulary_size=SIZE)
    assert len(corpus.vocabulary) == SIZE
    lines = reviews(imdb_corpus.load("train", folder, vocabulary_size=30_000))
    tokenizer = corpus.vocabulary.tokenizer(max_length=9)
    assert tokenizer.words == WordTokenizer.from_texts(lines, SIZE).words
    assert tokenizer.max_length == 9
    rows = corpus.vocabulary.tokenizer().encode(lines)
    assert np.array_equal(corpus.tokens, np.concatenate([[*row, 0] for row in rows]))
    assert (corpus.tokens == 1).any()


def test_the_test_reviews_are_read_for_the_test_alone(folder):
    test = reviews(imdb_corpus.load("test", folder))
    assert len(test) == 7
    assert set(test) <= set(imdb.load("test", folder).texts)
    shutil.rmtree(folder / "aclImdb" / "test")
    imdb_corpus._reviews.cache_clear()
    assert len(reviews(imdb_corpus.load("validation", folder))) == 7
    with pytest.raises(ValueError, match=r"test/neg must hold 24 reviews"):
        imdb_corpus.load("test", folder)
    with pytest.raises(ValueError, match=r"`split` must be .*received split='all'"):
        imdb_corpus.load("all", folder)
