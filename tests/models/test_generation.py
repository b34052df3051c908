"""What a model writes: the same as a plain loop over the whole text so far, in one piece and in many."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.datasets import Vocabulary
from keras_rnn.layers import GRU, LSTM, LSTMCell, MixtureOfSoftmaxes, Recurrent, WeightDrop
from keras_rnn.models import FeedForwardLanguageModel, LanguageModel, LogBilinear, PointerSentinel
from keras_rnn.models.generation import uniform_numbers
from keras_rnn.ops import sample_logits
from tests.contracts.arrays import distance, flat, normal
from tests.contracts.test_jax import run_on_jax
from tests.contracts.test_one_loop import ops_in
from tests.models.small_language_model import TYPES, language_model, log_probabilities, stream

WORDS = ["the", "<eos>", "cat", "sat", "<unk>", "on", "a", "mat", "dog", "ran", "off"]
PROMPT = np.array([[3, 0, 7, 10], [5, 5, 2, 1]])
SETTINGS = {"temperature": 1.3, "top_k": 9, "top_p": 0.95, "seed": 6}
RECIPES = {
    "plain": dict,
    "awd": lambda: {
        "layers": [Recurrent(WeightDrop(LSTMCell(n), 0.5)) for n in (7, 6)],
        "tie_embeddings": True,
        "embedding_dropout": 0.1,
        "input_dropout": 0.4,
        "hidden_dropout": 0.25,
        "output_dropout": 0.4,
    },
    "mixture": lambda: {"softmax": MixtureOfSoftmaxes(TYPES, experts=3, latent_size=5, dropout=0.3)},
    "one layer": lambda: {"layers": [GRU(5)]},
}


def by_hand(model, prompt, steps, first, temperature=1.0, top_k=0, top_p=1.0, seed=0):
    """The first ids of a text of so many, each after the whole text so far is read."""
    u, text = uniform_numbers(steps, len(prompt), seed), np.array(prompt)
    for t in range(first):
        new = sample_logits(model(text)[:, -1], u[t], temperature, top_k, top_p)
        text = np.concatenate([text, np.asarray(new)[:, None]], axis=1)
    return text[:, prompt.shape[1] :]


def redrawn(model, prompt, written, temperature=1.0, top_k=0, top_p=1.0, seed=0):
    """The same in one pass: the id that is drawn at each place of a text, given those before it there."""
    rows, steps = written.shape
    log_p = np.asarray(model(np.concatenate([prompt, written], axis=1)))[:, prompt.shape[1] - 1 : -1]
    u = uniform_numbers(steps, rows, seed).T
    ids = sample_logits(log_p.reshape(rows * steps, -1), u.flatten(), temperature, top_k, top_p)
    return np.asarray(ids).reshape(rows, steps)


def with_words(**arguments):
    return language_model(vocabulary=Vocabulary(WORDS), **arguments)


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_is_a_loop_over_the_text_so_far(recipe):
    model = language_model(**RECIPES[recipe]())
    for settings in ({}, {"temperature": 0.0}, SETTINGS):
        found = model.generate(PROMPT, 40, **settings)
        assert (found.dtype, found.shape) == ("int32", (2, 40))
        assert found.tolist() == redrawn(model, PROMPT, found, **settings).tolist()
        assert len(np.unique(found)) > 5 or settings.get("temperature") == 0
    assert found[:, :4].tolist() == by_hand(model, PROMPT, 40, 4, **SETTINGS).tolist()


@pytest.mark.parametrize(
    "prompt", [PROMPT[:, :1], PROMPT[:1], PROMPT[:1, :1]], ids=["1 id", "1 row", "1 of both"]
)
def test_the_smallest_prompts(prompt):
    model = language_model()
    found = model.generate(prompt, 30)
    assert found.tolist() == redrawn(model, prompt, found).tolist()


def with_weights(model):
    model.build((None, None))
    model.set_weights([0.5 * normal([1, k], *w.shape) for k, w in enumerate(model.get_weights())])
    return model


def pointing(**arguments):
    return with_weights(PointerSentinel(TYPES, [LSTM(6)], 6, window=3, **arguments))


# Their features and states are not those of a plain model.
OTHERS = {
    "pointer": pointing,
    "feed-forward": lambda: with_weights(FeedForwardLanguageModel(TYPES, order=4, embedding=5, units=7)),
    "bigram": lambda: with_weights(FeedForwardLanguageModel(TYPES, order=2, embedding=5, units=7)),
    "log-bilinear": lambda: with_weights(LogBilinear(TYPES, order=3, embedding=5)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_models_write(name):
    model = OTHERS[name]()
    found = model.generate(PROMPT, 30)
    assert found.tolist() == redrawn(model, PROMPT, found).tolist()
    pieces = list(model.generate_pieces(PROMPT, 30, 7))
    assert np.concatenate(pieces, axis=1).tolist() == found.tolist()


def test_the_seed_decides():
    model = language_model()
    text = [model.generate(PROMPT, 30, seed=seed).tolist() for seed in (0, 0, 1)]
    assert text[0] == text[1] != text[2]
    greedy = [model.generate(PROMPT, 30, temperature=0.0, seed=seed).tolist() for seed in (0, 1)]
    assert greedy[0] == greedy[1]
    same = model.generate(np.repeat(PROMPT[:1], 2, axis=0), 30)
    assert same[0].tolist() != same[1].tolist()  # each row has numbers of its own


@pytest.mark.parametrize("piece", [1, 3, 7, 20, 33])
def test_pieces_are_the_whole(piece):
    model = language_model()
    pieces = list(model.generate_pieces(PROMPT, 20, piece, **SETTINGS))
    assert [p.shape[1] for p in pieces[:-1]] == [piece] * (len(pieces) - 1)
    assert np.concatenate(pieces, axis=1).tolist() == model.generate(PROMPT, 20, **SETTINGS).tolist()


def test_what_is_forbidden_is_not_written():
    model = language_model()
    assert {2, 4} <= set(model.generate(PROMPT, 100).flatten())
    found = set(model.generate(PROMPT, 100, forbidden=[2, 4]).flatten())
    assert found.isdisjoint({2, 4})
    assert len(found) > 5
    only = model.generate(PROMPT, 5, temperature=0.0, forbidden=[id for id in range(TYPES) if id != 8])
    assert (only == 8).all()


def test_it_is_compiled_once_for_each_shape_and_is_one_loop():
    model = language_model()
    reads, run = [], model.run
    model.run = lambda tokens, *rest: reads.append(tokens.shape) or run(tokens, *rest)
    model.generate(PROMPT, 10)
    traced = len(reads)
    for settings in (SETTINGS, {"temperature": 0.0}, {"forbidden": [3]}):
        model.generate(PROMPT + 0, 10, **settings)
    assert len(reads) == traced
    model.generate(PROMPT[:, :2], 10)
    assert len(reads) == 2 * traced
    list(model.generate_pieces(PROMPT[:, :1], 10, 4))  # the last piece, of 2, is no shape of its own
    assert len(reads) == 3 * traced
    graph = tf.function(lambda u: model.compiled_continuation(PROMPT, model.initial_states(2), u))
    counted = ops_in(graph.get_concrete_function(tf.TensorSpec([None, 2], tf.float32)))
    assert not [op for op in counted if "PyFunc" in op]


def test_it_follows_the_weights():
    model = language_model()
    before = model.generate(PROMPT, 20)
    model.fit(stream(), epochs=2, verbose=0)
    states = flat(model.states)
    after = model.generate(PROMPT, 20)
    assert after.tolist() != before.tolist()
    assert after.tolist() == redrawn(model, PROMPT, after).tolist()
    assert distance(model.states, states) == 0


def test_text_comes_in_and_goes_out():
    model = with_words()
    text = model.generate("the cat", 40, seed=2)
    ids = model.generate(np.array([[1, 0, 2]]), 40, seed=2)[0]
    assert f"the cat{text}" == model.vocabulary.text([0, 2, *ids])
    assert "\n" in text
    assert "".join(model.generate_pieces("the cat", 40, seed=2)) == text
    assert "".join(model.generate_pieces("the cat", 40, 7, seed=2)) == text
    line = model.generate("the cat\n", 40, seed=2)
    assert not line.startswith(" ")
    assert model.generate("", 10) == model.vocabulary.text(model.generate(np.array([[1]]), 10)[0])


def test_prompts_of_different_lengths():
    model, prompts = with_words(), ["the cat", "", "a dog", "a mat\nthe"]
    texts = model.generate(prompts, 25, seed=4)
    u = uniform_numbers(25, 4, 4)
    assert len(set(texts)) == 4
    for k, (prompt, text) in enumerate(zip(prompts, texts)):
        ids = model.vocabulary.ids(prompt + text)
        log_p = log_probabilities(model, [1, *ids])[len(ids) - 25 : -1]
        assert np.asarray(sample_logits(log_p, u[:, k])).tolist() == ids[-25:].tolist()


def test_an_unknown_word_is_unk_or_refused():
    model = with_words()
    assert model.generate("the zebra", 20) == model.generate("the <unk>", 20)
    model.vocabulary = Vocabulary([word if word != "<unk>" else "owl" for word in WORDS])
    with pytest.raises(ValueError, match=r"has no <unk>; received 'zebra' in line 1"):
        model.generate("the zebra", 20)


def test_characters():
    model = language_model(vocabulary=Vocabulary([*"abcdefg .é", "<eos>"], "character"))
    text = model.generate("bé\n", 50, seed=1)
    assert len(text) == 50
    assert {" ", "\n", "é"} <= set(text)


def test_the_vocabulary_is_in_its_file(tmp_path):
    model = with_words()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.vocabulary.types == WORDS
    assert loaded.generate("the cat", 20) == model.generate("the cat", 20)
    assert LanguageModel.from_config(language_model().get_config()).vocabulary is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"temperature": -0.1}, ValueError, "`temperature` must be a finite number from 0; received"),
        ({"temperature": float("nan")}, ValueError, "`temperature`"),
        ({"top_k": -1}, ValueError, "`top_k` must be an integer from 0, .* received top_k=-1"),
        ({"top_k": 1.5}, ValueError, "`top_k`"),
        ({"top_p": 0.0}, ValueError, "`top_p` must lie above 0"),
        ({"top_p": 1.1}, ValueError, "received top_p=1.1"),
        ({"forbidden": [11]}, ValueError, "`forbidden` must be ids from 0 to 10; received 11"),
        ({"forbidden": ["<unk>"]}, ValueError, "received '<unk>'. Of a word: vocabulary.ids"),
        ({"forbidden": range(11)}, ValueError, "`forbidden` must leave an id"),
        ({"steps": 0}, ValueError, "`steps` must be a positive integer; received steps=0"),
        ({"prompt": [3, 4]}, TypeError, r"integer ids \(batch, time\); received shape \(2,\)"),
        ({"prompt": [[0.5]]}, TypeError, "of float64"),
        ({"prompt": np.zeros((2, 0), int)}, ValueError, "`prompt` must hold at least one"),
        ({"prompt": [[3, 11]]}, ValueError, "from 0 to 10; received 11 at place 1"),
    ],
)
def test_what_cannot_be_is_refused(arguments, error, message):
    arguments = {"prompt": "the", "steps": 3, **arguments}
    for write in (with_words().generate, with_words().generate_pieces):
        with pytest.raises(error, match=message):
            write(**arguments)


def test_text_without_a_vocabulary_and_the_wrong_vocabulary():
    with pytest.raises(ValueError, match="`prompt` must hold at least one"):
        with_words().generate([], 3)
    with pytest.raises(ValueError, match=r"has no vocabulary and takes ids \(batch, time\); received text"):
        language_model().generate("the", 3)
    with pytest.raises(ValueError, match=r"as many types as the model has ids, 11; received .*3 types"):
        language_model(vocabulary=Vocabulary(["a", "b", "<eos>"]))
    with pytest.raises(TypeError, match="must be one string, or ids; received several"):
        with_words().generate_pieces(["the", "a"], 3)
    with pytest.raises(ValueError, match="`piece` must be a positive integer; received piece=0"):
        with_words().generate_pieces("the", 3, 0)


ON_JAX = """
import json
from tests.models.test_generation import *
print(json.dumps(written()))
"""


def written():
    """Greedy texts, and whether those at random are those of a plain loop and of pieces."""
    model = with_words(layers=[LSTM(7), GRU(4)])
    whole = model.generate(PROMPT, 12, **SETTINGS)
    pieces = np.concatenate(list(model.generate_pieces(PROMPT, 12, 5, **SETTINGS)), axis=1)
    plain = by_hand(model, PROMPT, 12, 12, **SETTINGS)
    greedy = model.generate(["the", "a dog"], 12, temperature=0.0)
    return [greedy, (whole == pieces).all().item(), (whole == plain).all().item()]


@pytest.mark.slow
def test_it_writes_on_jax():
    greedy, pieces, plain = json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1])
    assert pieces
    assert plain
    assert greedy == written()[0]
