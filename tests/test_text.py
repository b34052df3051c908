"""Words to ids: the rule itself, and that Python and the TensorFlow graph read every text alike."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_rnn.datasets import imdb
from keras_rnn.text import PADDING, UNKNOWN, WordTokenizer, split_words

# Every sort of character that a rule looks at, and some that none must look at.
PIECES = [
    *["'", "''", "-", ".", "<br />", "<br\v/>", "<BR", "/>", "<", " ", "\n", "\r", "\t", "\v", "\f"],
    *[
        "\0",
        "\x1c",
        "\u0085",
        "\u00a0",
        "\u2028",
        "\u2019",
        "\ufeff",
        "\U0001f600",
        "e\u0301",
        "a",
        "don't",
        "9",
    ],
    *[
        "I",
        "\u0130",
        "\u0131",
        "\u00c9",
        "\u00df",
        "\u1e9e",
        "\u03a3",
        "\u2c2f",
        "\U00010570",
        "\ud7ff",
        "\uffff",
    ],
]
texts = st.text() | st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\r\f\v", []),
        ("A Film", ["a", "film"]),
        ("don't 'quoted' rock 'n' roll's'", ["don't", "quoted", "rock", "n", "roll's"]),
        ("''a'b''c''", ["a'b", "c"]),
        ("well-made, 8/10!", ["well", "-", "made", ",", "8", "/", "10", "!"]),
        ("a<br />b<br/>c<BR\n>d", list("abcd")),
        ("<b>", ["<", "b", ">"]),
        ("...", [".", ".", "."]),
        ("a\u0085b\u00a0c", list("abc")),
        ("a\u2028b", ["a\u2028b"]),
        ("a\0B", ["a\0b"]),
        ("caf\u00e9 \u00c9T\u00c9", ["caf\u00e9", "\u00e9t\u00e9"]),
        (
            "\u041c\u0418\u0420 \u039b\u039f\u0393\u039f\u03a3",
            ["\u043c\u0438\u0440", "\u03bb\u03bf\u03b3\u03bf\u03c3"],
        ),
        ("\u0130I", ["\u0130i"]),
        ("\uff21\U00010570", ["\uff21\U00010570"]),
        ("\U0001f600!", ["\U0001f600", "!"]),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words


def test_every_ascii_punctuation_mark_but_the_apostrophe_is_a_word():
    for mark in (chr(code) for code in range(33, 127) if not chr(code).isalnum() and chr(code) != "'"):
        assert split_words(f"a{mark}b{mark}{mark}") == ["a", mark, "b", mark, mark]


def both(tokenizer, given_texts):
    """The rows of Python and of the graph, as lists; the graph's rows must be padded at the end only."""
    python = tokenizer.encode(given_texts)
    graph = tokenizer.encode_in_graph(tf.constant(given_texts, tf.string)).numpy()
    assert graph.dtype == np.int32
    assert graph.shape == (len(given_texts), max([1, *map(len, python)]))
    for row, expected in zip(graph, python):
        assert expected.dtype == np.int32
        assert PADDING not in expected
        assert (row[len(expected) :] == PADDING).all()
    return [row.tolist() for row in python], [row[: len(p)].tolist() for row, p in zip(graph, python)]


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, max_size=4))
@example(["I", "\0A", "\u03a3", "a<br\v/>b", "a'\n"])
def test_python_and_graph_read_every_text_alike(given_texts):
    # The vocabulary is that of the texts themselves: one word that is split otherwise shows as unknown.
    words = sorted({word for text in given_texts for word in split_words(text)}) or ["a"]
    python, graph = both(WordTokenizer(words), given_texts)
    assert python == graph
    assert UNKNOWN not in {id for row in python for id in row}


def test_python_and_graph_lower_every_letter_alike():
    letters = [c for c in map(chr, range(0x110000)) if c.lower() != c.upper()]
    [row], [same] = both(tokenizer := WordTokenizer.from_texts(letters, 10_000), [" ".join(letters)])
    assert row == same
    assert len(row) == len(letters) > 2500
    assert UNKNOWN not in row
    # So many capitals share the id of their small letter, on every version of Python: ids are for ever.
    assert len(letters) - len(tokenizer.words) == 430


def test_the_words_do_not_depend_on_the_locale():
    # TensorFlow's own lower-casing makes a dotless i of I in a Turkish process: a model served there would
    # read other words than it was trained on.
    code = (
        "import tensorflow as tf; from keras_rnn.text import WordTokenizer; "
        "print(WordTokenizer(['i']).encode_in_graph(tf.constant(['I i'])).numpy().tolist())"
    )
    environment = {**os.environ, "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[[2, 2]]\n"


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")
def test_python_and_graph_read_real_reviews_alike():
    reviews = imdb.load("train", download=False).texts[::25] + imdb.load("test", download=False).texts[::25]
    tokenizer = WordTokenizer.from_texts(reviews[::2], 20_000, max_length=200)
    assert len(reviews) == 2000
    for start in range(0, len(reviews), 100):
        python, graph = both(tokenizer, reviews[start : start + 100])
        assert python == graph


def test_ids_begin_after_padding_and_the_unknown_word():
    tokenizer = WordTokenizer(["b", "a"])
    assert tokenizer.vocabulary_size == 4
    assert both(tokenizer, ["a B c", "", "b"]) == ([[3, 2, 1], [], [2]],) * 2
    assert tokenizer.decode([2, 3, 1, 0, 0]) == ["b", "a", "[UNK]"]


@pytest.mark.parametrize(
    ("truncation", "kept"), [("head", "abcdefgh"), ("tail", "cdefghij"), ("ends", "abefghij")]
)
def test_truncation(truncation, kept):
    tokenizer = WordTokenizer(list("abcdefghij"), max_length=8, truncation=truncation)
    python, graph = both(tokenizer, [" ".join("abcdefghij"), " ".join("abcdefgh"), "", "j"])
    assert python == graph
    assert ["".join(tokenizer.decode(row)) for row in python] == [kept, "abcdefgh", "", "j"]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(4, 9),
    st.sampled_from(["head", "tail", "ends"]),
    st.lists(st.integers(0, 14), min_size=1, max_size=5),
)
def test_python_and_graph_cut_alike(max_length, truncation, lengths):
    letters = "abcdefghijklmno"
    tokenizer = WordTokenizer(list(letters), max_length, truncation)
    python, graph = both(tokenizer, [" ".join(letters[:length]) for length in lengths])
    assert python == graph
    assert [len(row) for row in python] == [min(length, max_length) for length in lengths]


def test_without_max_length_a_text_of_100_000_characters_is_read_to_its_end():
    tokenizer = WordTokenizer(["good", "film"])
    python, graph = both(tokenizer, ["good " * 19_999 + " film", "x" * 100_000, "'" * 100_000])
    assert python == graph
    assert [len(row) for row in python] == [20_000, 1, 0]
    assert python[0][-1] == 3


def test_an_empty_batch_and_a_batch_of_empty_texts_have_a_column():
    tokenizer = WordTokenizer(["a"], max_length=4)
    for rows in (0, 1, 3):
        assert tokenizer.encode_in_graph(tf.constant([""] * rows, tf.string)).shape == (rows, 1)
    assert [row.shape for row in tokenizer.encode(["", " "])] == [(0,), (0,)]


def test_bytes_that_are_no_utf8_are_an_unknown_word_in_the_graph():
    tokenizer = WordTokenizer(["a", "b"])
    assert tokenizer.encode_in_graph(tf.constant([b"a caf\xe9 b"])).numpy().tolist() == [[2, 1, 3]]


def test_vocabulary_is_by_frequency_and_then_by_the_alphabet():
    corpus = ["b a c c", "d A"]
    assert WordTokenizer.from_texts(corpus, 100).words == ["a", "c", "b", "d"]
    assert WordTokenizer.from_texts(reversed(corpus), 5).words == ["a", "c", "b"]


@settings(max_examples=50, deadline=None)
@given(corpus=st.lists(texts, min_size=1))
def test_a_saved_vocabulary_is_read_as_it_was(tmp_path_factory, corpus):
    path = tmp_path_factory.getbasetemp() / "vocabulary.txt"
    tokenizer = WordTokenizer.from_texts([*corpus, "a"], 50, max_length=7, truncation="tail")
    tokenizer.save(path)
    again = WordTokenizer.from_file(path, max_length=7, truncation="tail")
    assert again.get_config() == tokenizer.get_config()
    assert WordTokenizer(**tokenizer.get_config()).get_config() == tokenizer.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"words": ["a", "b", "a"]}, r"`words` must not repeat; received twice: \['a'\]"),
        ({"words": []}, "`words` must hold at least one word; received none"),
        ({"words": ["a", ""]}, r"`words` must be words without white space; received \[''\]"),
        ({"words": ["a\nb"]}, r"`words` must be words without white space; received \['a\\nb'\]"),
        (
            {"words": ["a"], "max_length": 3},
            "`max_length` must be None or at least 4 .*; received max_length=3",
        ),
        ({"words": ["a"], "max_length": 0}, "received max_length=0"),
        ({"words": ["a"], "truncation": "middle"}, "`truncation` must be .*; received truncation='middle'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        WordTokenizer(**arguments)


@pytest.mark.parametrize("size", [2, 1, 0, -5])
def test_a_vocabulary_without_room_for_a_word_is_refused(size):
    with pytest.raises(ValueError, match=f"`vocabulary_size` must be more .*received vocabulary_size={size}"):
        WordTokenizer.from_texts(["a b c"], size)


def test_one_bare_string_is_not_read_as_many_texts():
    for method in (WordTokenizer(["a"]).encode, lambda text: WordTokenizer.from_texts(text, 9)):
        with pytest.raises(TypeError, match="`texts` must be several texts; received one, 'a film'"):
            method("a film")
