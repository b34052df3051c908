"""Words and characters to ids and back, and to a file and back."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_rnn.datasets import Vocabulary, vocabulary
from keras_rnn.datasets.vocabulary import split_tokens
from keras_rnn.text import WordTokenizer

# White space of Unicode, at which Python's own `split` and `splitlines` cut, and ASCII's cannot.
NOT_ASCII = "\u0085\u00a0\u2028\u3000\x1c"


def test_examples_run():
    assert doctest.testmod(vocabulary).failed == 0


def test_words_end_at_ascii_white_space_alone():
    text = f" a{NOT_ASCII}b \t c\r\n\n\x0bd\x0c"
    assert split_tokens(text, "word") == [f"a{NOT_ASCII}b", "c", "<eos>", "<eos>", "d"]


def test_characters_are_what_they_are():
    text = f"a {NOT_ASCII}\n\r"
    assert split_tokens(text, "character") == ["a", " ", *NOT_ASCII, "<eos>", "\r"]


def test_types_stand_by_frequency_then_first_place():
    made = Vocabulary.from_tokens(["b", "c", "a", "c", "<eos>", "a", "d"])
    assert made.types == ["c", "a", "b", "<eos>", "d"]
    assert (made.end, made.unknown, len(made), made.level) == (3, None, 5, "word")


@given(st.text())
def test_a_text_of_characters_comes_back(text):
    text = f"{text}\n"
    made = Vocabulary.from_tokens(split_tokens(text, "character"), "character")
    ids = made.ids(text)
    assert ids.dtype == "int32"
    assert len(ids) == len(text)
    assert made.text(ids) == text
    assert made.tokens(made.ids(made.tokens(ids))) == split_tokens(text, "character")


@given(st.lists(st.lists(st.text("ab\u0085\u2028<>_", min_size=1), max_size=4), min_size=1))
def test_a_text_of_words_comes_back(lines):
    text = "".join(" ".join(line) + "\n" for line in lines)
    made = Vocabulary.from_tokens(split_tokens(text, "word"))
    assert made.text(made.ids(text)) == text


def test_a_prompt_gets_no_end_of_line():
    made = Vocabulary(["<eos>", "a", "b"])
    assert made.ids("a b").tolist() == [1, 2]
    assert made.ids("").shape == (0,)
    assert made.ids("").dtype == "int32"
    assert made.text([]) == ""


def test_an_unknown_word_is_unk_where_there_is_one():
    assert Vocabulary(["a", "<unk>", "<eos>"]).ids("a zebra\n").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("level", "text", "received"),
    [
        ("word", "a a\n\na zebra lion\n", "'zebra' in line 3"),
        ("word", ["a", "<eos>", "lion"], "'lion' in line 2"),
        ("character", "a\naz", "'z' in line 2"),
    ],
)
def test_an_unknown_word_is_named_with_its_line(level, text, received):
    made = Vocabulary(["a", "<eos>"], level)
    with pytest.raises(
        ValueError, match=f"`text` must consist of the 2 {level}s .* no <unk>; received {received}\\. Take"
    ):
        made.ids(text)


@pytest.mark.parametrize("ids", [[0, 2], [-1]])
def test_ids_that_are_none_are_errors(ids):
    with pytest.raises(ValueError, match=r"`ids` must lie in 0\.\.1; received ids from"):
        Vocabulary(["a", "b"]).tokens(ids)


@pytest.mark.parametrize("level", ["word", "character"])
def test_a_file_gives_the_same_vocabulary(tmp_path, level):
    types = [*"a\u0085\u00a0\u2028\u3000\x1cé", "<eos>", "<unk>", *(" \r\t" if level == "character" else "")]
    made = Vocabulary(types, level)
    made.save(tmp_path / "vocabulary.txt")
    again = Vocabulary.from_file(tmp_path / "vocabulary.txt", level)
    assert (again.types, again.level) == (types, level)
    assert (tmp_path / "vocabulary.txt").read_bytes() == "".join(f"{t}\n" for t in types).encode()


@pytest.mark.parametrize(
    ("types", "level", "match"),
    [
        ([], "word", r"`types` must be tokens, all different; received 0"),
        (["a", "b", "a"], "word", r"received 3, of which \['a'\] twice"),
        (["a", ""], "word", r"`types` must be single words; received \[''\]\. A vocabulary file"),
        (["a b", "c", "d\n"], "word", r"must be single words; received \['a b', 'd\\n'\]"),
        (["ab", "c", "\n"], "character", r"must be single characters; received \['ab', '\\n'\]"),
        (["a"], "letter", r"`level` must be one of .*'lower-case word'\); received level='letter'"),
    ],
)
def test_types_that_are_no_tokens_are_errors(types, level, match):
    with pytest.raises(ValueError, match=match):
        Vocabulary(types, level)


def test_repr():
    assert repr(Vocabulary(["a", "b"], "character")) == "Vocabulary(2 types of characters)"


def test_ids_of_numpy_are_taken():
    made = Vocabulary(["a", "b"])
    assert made.tokens(np.array([1, 0], np.uint16)) == ["b", "a"]


def test_lower_case_words_are_those_of_a_tokenizer():
    tokenizer = WordTokenizer(["don't", "miss", "!", "it"], max_length=5)
    made = Vocabulary.from_words(tokenizer.words)
    text = "Don't <br />MISS it!\n\nA 'miss'"
    assert made.ids(text).tolist() == [2, 3, 5, 4, 0, 0, 1, 3]
    assert made.tokenizer(max_length=5).get_config() == tokenizer.get_config()
    assert made.text(made.ids(text)) == "don't miss it !\n\n<unk> miss"
    for types, level in ((["<eos>", "<unk>", "a"], "word"), (["<unk>", "<eos>", "a"], "lower-case word")):
        with pytest.raises(ValueError, match=r"must be of lower-case words, after <eos> and <unk>"):
            Vocabulary(types, level).tokenizer()
