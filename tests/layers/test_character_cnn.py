"""Vectors from characters: mutants, gradients, each word once, other words beside it, JAX, errors."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.datasets import Vocabulary
from keras_rnn.layers import CharacterCNN, EmbeddingDropout
from tests.contracts.arrays import distance, flat, normal
from tests.contracts.backend import value_and_gradients
from tests.contracts.test_gradients import central_difference, loss
from tests.contracts.test_jax import run_on_jax
from tests.reference.character_cnn import MUTANTS, WORDS, character_cnn

FILTERS = [2, 3, 1, 2]
IDS = np.random.default_rng(1).integers(0, len(WORDS), (4, 6))
IDS[0] = range(6)
IDS[1] = range(3, 9)


def made(words=WORDS, dtype="float64", **arguments):
    layer = CharacterCNN(
        words, **{"character_size": 3, "filters": FILTERS, "highways": 2, **arguments}, dtype=dtype
    )
    layer.build((None, None))
    layer.set_weights([normal([2, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


@pytest.mark.parametrize("mutant", MUTANTS[character_cnn])
def test_mutants_of_the_oracle_show(mutant):
    layer = made()
    wrong = MUTANTS[character_cnn][mutant](layer.get_weights(), IDS, widths=4)
    assert distance(layer(IDS), wrong) > 1e-3
    assert distance(layer(IDS), character_cnn(layer.get_weights(), IDS, widths=4)) < 1e-10


def test_without_highways_the_filters_are_the_vector():
    layer = made(highways=0)
    assert len(layer.weights) == 1 + 2 * len(FILTERS)
    assert distance(layer(IDS), character_cnn(layer.get_weights(), IDS, widths=4)) < 1e-10


def test_gradients_are_those_of_the_oracle():
    layer = made()
    weights = layer.get_weights()
    _, gradients = value_and_gradients(layer, IDS, [])
    gradients = flat(gradients[-len(weights) :])  # ids have none

    def oracle_loss(arrays):
        return loss([character_cnn(arrays, IDS, widths=4)])

    for array, gradient in zip(weights, gradients, strict=True):
        true = np.array(
            [central_difference(oracle_loss, weights, array, place) for place in np.ndindex(array.shape)]
        )
        assert distance(gradient.ravel(), true) < 1e-6 * max(1, np.abs(true).max())


def test_a_word_is_computed_once():
    import tensorflow as tf

    layer, seen = made(), []
    vectors = layer._vectors
    layer._vectors = lambda k: seen.append(tuple(k.shape)) or vectors(k)
    ids = np.array([[7, 2, 7, 7], [2, 2, 7, 2]])
    result = layer(ids)
    assert seen == [(2, 7 + len(FILTERS) - 1)]  # "<eos>" between its marks, the longest word
    assert distance(result[0, 0], result[1, 2]) == 0
    graph = tf.function(layer, [tf.TensorSpec((None, None), "int64")], autograph=False)
    assert distance(graph(ids), result) < 1e-12
    assert distance(graph(IDS), layer(IDS)) < 1e-12


def test_no_word_at_all():
    import tensorflow as tf

    layer = made()
    assert layer(np.zeros((3, 0), int)).shape == (3, 0, sum(FILTERS))
    graph = tf.function(layer, [tf.TensorSpec((None, None), "int64")], autograph=False)
    assert graph(np.zeros((3, 0), int)).shape == (3, 0, sum(FILTERS))


def test_a_vector_does_not_depend_on_the_other_words():
    # Of one length: with a longer word beside them all are filled up.
    words, ids = ["a", "N", "é"], np.arange(3)
    assert distance(made([*words, "Naé" * 9])(ids), made(words)(ids)) == 0


def test_words_of_the_same_characters_differ_by_their_order():
    layer = made(["stop", "pots"])
    assert distance(layer(np.array([0])), layer(np.array([1]))) > 1e-3


def test_the_types_of_a_vocabulary_are_its_words():
    vocabulary = Vocabulary.from_tokens(["the", "cat", "sat", "the", "mat", "<eos>"])
    layer = CharacterCNN(vocabulary.types)
    assert layer(vocabulary.ids("the mat\n")).shape == (3, 525)
    assert layer.input_dim == len(vocabulary)


def test_rows_can_be_dropped():
    layer = EmbeddingDropout(made(dtype="float32"), 0.5, seed=2)
    y, kept = flat(layer(IDS, training=True))[0], flat(layer(IDS))[0]
    dropped = np.abs(y).max(axis=-1) == 0
    assert 0 < dropped.mean() < 1
    assert distance(y[~dropped], 2 * kept[~dropped]) < 1e-5


@pytest.mark.parametrize("compute", ["float16", "bfloat16"])
def test_in_16_bits_the_vectors_are_close(compute):
    half = made(dtype=f"mixed_{compute}")(IDS)
    assert keras.backend.standardize_dtype(half.dtype) == compute
    error = distance(half, made()(IDS))
    assert 1e-5 < error < {"float16": 0.03, "bfloat16": 0.3}[compute]


ON_JAX = """
import json
from tests.layers.test_character_cnn import *
print(json.dumps(numbers()))
"""


def numbers():
    """Of more tokens than words and of fewer; compiled on JAX."""
    layer = made()
    if keras.backend.backend() == "jax":
        import jax

        run = jax.jit(lambda ids: layer.stateless_call([w.value for w in layer.weights], [], ids)[0])
    else:
        run = layer
    return [flat(run(ops.convert_to_tensor(ids)))[0].tolist() for ids in (IDS, IDS[:1])]


@pytest.mark.slow
def test_it_is_the_same_on_jax():
    found = json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1])
    assert distance(found, numbers()) < 3e-6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"words": "the cat"}, TypeError, "`words` must be a sequence of strings"),
        ({"words": [b"the"]}, TypeError, r"vocabulary\.types"),
        ({"words": []}, ValueError, "received none"),
        ({"words": ["a", ""]}, ValueError, "an empty one at place 1"),
        ({"filters": []}, ValueError, "`filters` must hold"),
        ({"filters": [3, 0]}, ValueError, "`filters` must be a positive integer; received filters=0"),
        ({"highways": -1}, ValueError, "`highways` must be a positive integer"),
        ({"character_size": 1.5}, ValueError, "`character_size`"),
    ],
)
def test_what_cannot_be_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        CharacterCNN(**{"words": WORDS, **arguments})
