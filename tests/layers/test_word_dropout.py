"""What word dropout does while training; that it does nothing at inference is its oracle."""

import keras
import numpy as np
import pytest

from keras_rnn.layers import WordDropout

IDS = np.random.default_rng(0).integers(0, 50, (200, 30)).astype("int32")
WORDS = (IDS != 0) & (IDS != 7)


def dropped(layer, ids=IDS):
    return keras.ops.convert_to_numpy(layer(ids, training=True))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_share_of_dropped_words_is_the_rate(rate):
    share = np.mean(dropped(WordDropout(rate, unknown_id=7, seed=1))[WORDS] == 7)
    assert abs(share - rate) < 4 * np.sqrt(rate * (1 - rate) / WORDS.sum())


def test_a_word_is_itself_or_the_unknown_one_and_padding_stays():
    y = dropped(WordDropout(0.5, unknown_id=7, seed=1))
    assert ((y == IDS) | (y == 7)).all()
    assert (y[IDS == 0] == 0).all()
    assert (IDS == 0).any()


def test_each_place_is_drawn_on_its_own_and_each_call_anew():
    layer = WordDropout(0.5, unknown_id=7, seed=1)
    ones = np.ones((40, 40), "int32")
    first, second = dropped(layer, ones), dropped(layer, ones)
    assert len(np.unique(first, axis=0)) == len(np.unique(first, axis=1).T) == 40
    assert (first != second).any()
    assert (first == dropped(WordDropout(0.5, unknown_id=7, seed=1), ones)).all()


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_ids_keep_their_dtype(dtype):
    layer = WordDropout(0.5)
    assert dropped(layer, IDS.astype(dtype)).dtype == dtype
    assert layer(keras.Input((None,), dtype=dtype)).dtype == dtype
