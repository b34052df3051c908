"""Subwords: training gives the same bytes, and Python and the TensorFlow graph read every text alike."""

import doctest
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_rnn import subwords
from keras_rnn.datasets import multi30k
from keras_rnn.subwords import END, KINDS, PADDING, START, UNKNOWN, SubwordTokenizer

HOSTILE = [
    *["", " ", "   \t\n ", "\tein\tHund\n", " ein  Hund ", "ein\u00a0Hund\u2009!", "\u200bein\ufeff"],
    *[
        "\U0001f600",
        "ein \U0001f600\U0001f600 Hund",
        "\u05e9\u05dc\u05d5\u05dd ein",
        "\u0645\u0631\u062d\u0628\u0627",
    ],
    *[
        "ein\0Hund",
        "\0",
        "\u2581ein\u2581",
        "\u2585",
        "\u2047",
        "\ufb01",
        "\u00bd\u00b2\u2026",
        "A\u0308rger",
        "\uff21",
    ],
    *["<s> </s> <pad> <unk>", "ein " * 5000, "x" * 20_000, "\U0010ffff", "\ud7ff\ue000"],
]


def corpus(rows=400):
    """Sentences of made-up words, some capital, with umlauts and marks, the frequent ones short."""
    random = np.random.default_rng(0)
    letters = list("aeinrstudhlgmobckfwzpvjyxäöüß")
    words = ["".join(random.choice(letters, random.integers(1, 9))) for _ in range(300)]
    words = [word.capitalize() if random.random() < 0.3 else word for word in words]
    chosen = [random.zipf(1.5, random.integers(1, 15)) % 300 for _ in range(rows)]
    return [" ".join(words[k] for k in row) + random.choice([".", "!", " ?", ""]) for row in chosen]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return SubwordTokenizer.train(corpus(), 200, request.param)


def both(tokenizer, texts):
    """The rows of Python and of the graph, and what each makes of its rows."""
    python = tokenizer.encode(texts)
    assert all(row.dtype == np.int32 and row.ndim == 1 for row in python)
    ragged = tokenizer.tokenize(tf.constant([text.encode() for text in texts], tf.string))
    assert ragged.dtype == tf.int32
    return [row.tolist() for row in python], ragged.to_list()


def test_examples_run():
    result = doctest.testmod(subwords)
    assert result.attempted > 0
    assert result.failed == 0


# With a bare parent package: `import keras_rnn` itself imports the backend of Keras.
WITHOUT_TENSORFLOW = f"""
import hashlib, sys, types
sys.modules["tensorflow"] = None  # `import tensorflow` now raises ImportError
sys.modules["keras_rnn"] = package = types.ModuleType("keras_rnn")
package.__path__ = [{str(Path(subwords.__file__).parent)!r}]
from keras_rnn.subwords import SubwordTokenizer
texts = sys.stdin.read().split("\\n")
tokenizer = SubwordTokenizer.train(texts, 200, sys.argv[1])
print(hashlib.sha256(tokenizer.model).hexdigest())
print(tokenizer.decode(tokenizer.encode(texts[:1]))[0])
"""


def test_training_gives_the_same_bytes_in_every_process(tokenizer, request):
    kind = request.node.callspec.params["tokenizer"]
    assert SubwordTokenizer.train(iter(corpus()), 200, kind).model == tokenizer.model
    command, text = [sys.executable, "-c", WITHOUT_TENSORFLOW, kind], "\n".join(corpus())
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == [hashlib.sha256(tokenizer.model).hexdigest(), corpus()[0]]


def test_ids_and_pieces(tokenizer):
    assert (PADDING, UNKNOWN, START, END) == (0, 1, 2, 3)
    assert tokenizer.vocabulary_size == len(tokenizer.pieces) == len(set(tokenizer.pieces)) == 200
    assert tokenizer.pieces[:4] == ["<pad>", "<unk>", "<s>", "</s>"]
    for text, row in zip(corpus(), tokenizer.encode(corpus())):
        assert "".join(tokenizer.pieces[id] for id in row) == "\u2581" + text.replace(" ", "\u2581")
        assert row.min() > END
    assert {len(piece) for piece in tokenizer.pieces[4:]} > {1, 2, 3}


def test_every_character_of_the_training_text_is_kept():
    texts = ["ab ba ab", "rare: \u00e6\u05d0\U0001f600", "\u2585 Z", "y" * 10_000 + "Q"]
    tokenizer = SubwordTokenizer.train(texts, 30)
    assert tokenizer.decode(tokenizer.encode(["Q\u00e6 \u05d0\U0001f600Z", "yz\u2585"])) == [
        "Q\u00e6 \u05d0\U0001f600Z",
        "y\u2047",
    ]


def test_text_comes_back(tokenizer):
    assert tokenizer.decode(tokenizer.encode(corpus())) == corpus()


def test_what_is_made_one(tokenizer):
    """The forms that nmt_nfkc does not tell apart."""
    plain = tokenizer.encode(["\u00c4 ein \u00fc"])[0].tolist()
    for same in ("A\u0308 ein u\u0308", "  \u00c4\tein\u00a0\u00fc\n", "\u00c4\u3000ein\u2009\u200b\u00fc"):
        assert tokenizer.encode([same])[0].tolist() == plain
    assert tokenizer.encode(["\u00e4 ein \u00fc"])[0].tolist() != plain  # case is kept


def test_unknown_characters_are_one_unknown_piece(tokenizer):
    rows = tokenizer.encode(["\U0001f600\u05e9\u0645", "a\U0001f600\U0001f600b", "\U0001f600 \U0001f600"])
    assert [(row == UNKNOWN).sum() for row in rows] == [1, 1, 2]
    assert tokenizer.decode(rows) == ["\u2047", "a\u2047b", "\u2047 \u2047"]


def test_python_and_graph_read_hostile_texts_alike(tokenizer):
    python, graph = both(tokenizer, HOSTILE)
    assert python == graph
    assert python[:3] == [[], [], []]
    texts = [text.encode() for text in tokenizer.decode(python)]
    assert tokenizer.detokenize(tf.ragged.constant(graph, dtype=tf.int32)).numpy().tolist() == texts
    assert len(python[HOSTILE.index("ein " * 5000)]) >= 5000


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text() | st.lists(st.sampled_from([*HOSTILE[3:-3], "a", "\u00e4"])).map("".join), max_size=4)
)
@example(["\ud800 a\udfff"])
def test_python_and_graph_read_every_text_alike(some_texts):
    tokenizer = SMALL
    python = [row.tolist() for row in tokenizer.encode(some_texts)]
    encoded = [text.encode("utf-8", "surrogatepass") for text in some_texts]
    assert tokenizer.tokenize(tf.constant(encoded, tf.string)).to_list() == python


SMALL = SubwordTokenizer.train(corpus(), 150)
rows_of_ids = st.lists(st.lists(st.integers(0, 149) | st.integers(0, 3), max_size=12), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(rows_of_ids)
@example([[5, START, 6, PADDING, END, 7, END, 8], [END, 9], [], [PADDING, START, 10]])
def test_python_and_graph_write_every_row_alike(rows):
    texts = SMALL.decode(rows)
    meant = [row[: row.index(END)] if END in row else row for row in rows]
    assert texts == SMALL.decode([[id for id in row if id > START or id == UNKNOWN] for row in meant])
    graph = SMALL.detokenize(tf.ragged.constant(rows, ragged_rank=1, dtype=tf.int32)).numpy()
    assert [text.decode() for text in graph] == texts
    padded = keras.utils.pad_sequences(rows, padding="post", value=PADDING)
    assert SMALL.detokenize(tf.constant(padded, tf.int32)).numpy().tolist() == list(graph)
    assert SMALL.decode(padded) == texts


def test_the_end_cuts_and_padding_and_start_are_left_out():
    hund, ein = (SMALL.encode([word])[0].tolist() for word in corpus()[:2])
    both_words = f"{corpus()[0]} {corpus()[1]}"
    assert SMALL.decode([[START, *hund, PADDING, *ein, END, *hund, END], [END, *hund]]) == [both_words, ""]
    assert SMALL.decode([[START, *hund, END, 10**6]]) == [corpus()[0]]  # what follows the end may be anything


def test_nothing_is_nothing():
    assert SMALL.encode([]) == SMALL.decode([]) == []
    assert SMALL.decode([[], np.zeros([0])]) == ["", ""]
    assert SMALL.tokenize(tf.constant([], tf.string)).to_list() == []
    for shape in ([0, 0], [0, 4], [3, 0]):
        assert SMALL.detokenize(tf.zeros(shape, tf.int32)).numpy().tolist() == [b""] * shape[0]


def test_bytes_that_are_no_utf8_are_unknown_in_the_graph():
    rows = SMALL.tokenize(tf.constant([b"a \xe9 b", b"\xff\xfe", b"a\xf0\x9f\x98"])).to_list()
    assert [row.count(UNKNOWN) for row in rows] == [1, 1, 1]
    assert SMALL.decode(rows) == ["a \u2047 b", "\u2047", "a\u2047"]


def test_a_saved_model_is_read_as_it_was(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "subwords.model")
    assert os.listdir(tmp_path) == ["subwords.model"]
    again = SubwordTokenizer.from_file(str(tmp_path / "subwords.model"))
    assert again.model == tokenizer.model
    assert again.pieces == tokenizer.pieces
    assert [row.tolist() for row in again.encode(HOSTILE)] == [
        row.tolist() for row in tokenizer.encode(HOSTILE)
    ]


@pytest.mark.parametrize(
    "damage", [lambda m: b"", lambda m: m[:-5], lambda m: m[:1000], lambda m: b"<html>" * 99]
)
def test_a_damaged_file_is_one_clear_error(tmp_path, damage):
    path = tmp_path / "subwords.model"
    path.write_bytes(damage(SMALL.model))
    with pytest.raises(ValueError, match=r"subwords\.model cannot be read: `model` must be .*none\. Copy or"):
        SubwordTokenizer.from_file(path)
    with pytest.raises(FileNotFoundError):
        SubwordTokenizer.from_file(tmp_path / "missing.model")


def test_a_model_with_other_ids_is_refused():
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, vocab_size=100, minloglevel=2
    )
    with pytest.raises(ValueError, match=r"with other ids: .* are \[-1, 0, 1, 2\], not 0 to 3"):
        SubwordTokenizer(model.getvalue())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"vocabulary_size": 100, "kind": "word"},
            r'`kind` must be "bpe" or "unigram"; received kind=\'word\'',
        ),
        ({"vocabulary_size": 4}, "`vocabulary_size` must be at least 11, .*; received vocabulary_size=4"),
        ({"vocabulary_size": 3}, "`vocabulary_size` must be more than the 4 special ids; .*=3"),
        ({"vocabulary_size": 500}, r"`vocabulary_size` must be at most \d+ for these texts; .*=500"),
        (
            {"vocabulary_size": 500, "kind": "unigram"},
            r"`vocabulary_size` must be at most \d+ for these texts",
        ),
        ({"vocabulary_size": 9, "texts": []}, "`texts` must hold text; received 0 texts without any"),
        ({"vocabulary_size": 9, "texts": [" ", "\u2585"]}, "`texts` must hold text; received 2 texts"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SubwordTokenizer.train(**{"texts": ["abc def"], **arguments})


def test_sizes_at_the_bounds_that_the_errors_name():
    assert SubwordTokenizer.train(["abc def"], 11).vocabulary_size == 11
    with pytest.raises(ValueError, match="at most") as caught:
        SubwordTokenizer.train(["abc def"], 500)
    most = int(str(caught.value).split("at most ")[1].split()[0])
    assert SubwordTokenizer.train(["abc def"], most).vocabulary_size == most


def test_one_text_or_one_row_is_not_read_as_many():
    for method in (SMALL.encode, lambda text: SubwordTokenizer.train(text, 50)):
        with pytest.raises(TypeError, match="`texts` must be several texts; received one, 'ein Hund'"):
            method("ein Hund")
    with pytest.raises(TypeError, match="`ids` must be several rows of ids; received one"):
        SMALL.decode(SMALL.encode(["ein"])[0])


@pytest.mark.parametrize("id", [-1, 150])
def test_an_id_of_another_vocabulary_is_refused(id):
    with pytest.raises(ValueError, match=rf"`ids` must lie in 0\.\.149; received {id}"):
        SMALL.decode([[5, id]])
    with pytest.raises(tf.errors.OutOfRangeError):
        SMALL.detokenize(tf.constant([[5, id]]))


CLEAN = """
import json, sys
import tensorflow as tf
import tensorflow_text
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
result = serve(text=tf.constant([text.encode() for text in json.load(sys.stdin)]))
strangers = sorted({"keras_rnn", "sentencepiece"} & set(sys.modules))
texts = [text.decode() for text in result["text"].numpy()]
print(json.dumps([strangers, texts, result["ids"].numpy().tolist()]))
"""


def test_the_resource_may_be_first_wanted_inside_a_graph(tokenizer):
    fresh = SubwordTokenizer(tokenizer.model)
    tokenize = tf.function(lambda text: fresh.tokenize(text).to_tensor())
    expected = [tokenizer.encode(corpus()[:1])[0].tolist()]
    assert tokenize(tf.constant(corpus()[:1])).numpy().tolist() == expected
    assert fresh.tokenize(tf.constant(corpus()[:1])).to_list() == expected  # it outlives the graph


@pytest.mark.slow
def test_inside_a_saved_model_in_a_clean_process(tokenizer, tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(text):
        ids = tokenizer.tokenize(text)
        return {"text": tokenizer.detokenize(ids), "ids": ids.to_tensor(PADDING)}

    module = tf.Module()
    module.tracked = tokenizer.graph_tokenizer()
    tf.saved_model.save(module, str(tmp_path / "saved"), {"serving_default": serve})
    command = [sys.executable, "-c", CLEAN, str(tmp_path / "saved")]
    texts = [*corpus(9), *HOSTILE]
    result = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    strangers, written, ids = json.loads(result.stdout.splitlines()[-1])
    assert strangers == []
    assert written == tokenizer.decode(tokenizer.encode(texts))
    assert [[id for id in row if id] for row in ids] == [row.tolist() for row in tokenizer.encode(texts)]


needs_data = pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")


@needs_data
@pytest.mark.data
@pytest.mark.parametrize("kind", KINDS)
def test_python_and_graph_read_multi30k_alike(kind):
    parts = [multi30k.load(split, download=False) for split in ("train", "validation", "test")]
    tokenizer = SubwordTokenizer.train(parts[0].source + parts[0].target, 8000, kind)
    texts = [text for part in parts for text in part.source + part.target]
    python, graph = both(tokenizer, texts)
    assert len(texts) == 62_028
    others = [k for k in range(len(texts)) if python[k] != graph[k]]
    assert len(others) <= {"bpe": 0, "unigram": 10}[kind]
    for k in others:  # ways to cut that are equally probable
        score = tokenizer._processor.get_score
        assert sum(map(score, python[k])) == pytest.approx(sum(map(score, graph[k])), abs=1e-4)
    assert tokenizer.decode(graph) == tokenizer.decode(python) == [" ".join(text.split()) for text in texts]
    assert sum(row.count(UNKNOWN) for row in python) == 0
    written = tokenizer.detokenize(tf.ragged.constant(graph, dtype=tf.int32)).numpy().tolist()
    assert [text.decode() for text in written] == tokenizer.decode(python)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_pieces_that_are_drawn_make_the_same_text(kind):
    texts = corpus()[:50]
    tokenizer = SubwordTokenizer.train(corpus(), 200, kind)
    drawn = [tokenizer.encode(texts, sampling=0.3, seed=seed) for seed in (1, 1, 2)]
    rows = [[row.tolist() for row in rows] for rows in (tokenizer.encode(texts), *drawn)]
    assert rows[1] == rows[2]
    assert rows[1] != rows[3]
    assert rows[1] != rows[0] != rows[3]
    assert [tokenizer.decode(own) for own in rows[1:]] == [tokenizer.decode(rows[0])] * 3
    with pytest.raises(ValueError, match="`sampling` must be in"):
        tokenizer.encode(texts, sampling=1.0)
