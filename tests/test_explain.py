"""What words contribute, against differences and weights by hand; how it is shown; `keras-rnn explain`."""

import json
import sys
from functools import cache

import keras
import numpy as np
import pytest

from keras_rnn import cli, explain, layers, plots, zoo
from keras_rnn.explain.shown import shades, strongest
from tests.contracts.arrays import flat, normal
from tests.models.small import TEXTS, classifier, tokenizer

TEXT = "Not a good, good film: unheard of."
WORDS = ["not", "a", "good", ",", "good", "film", ":", "unheard", "of", "."]
KNOWN = ["not", "a", "good", "film"]


@cache
def recurrent():
    return classifier()


@cache
def attending():
    """Two blocks; the weights of the second are what is looked at."""
    stack = [layers.SelfAttentionBlock(2, 6, rotary=True), layers.SelfAttentionBlock(2, 6)]
    model = classifier(layers=stack, pooling="mean")
    model.set_weights([0.7 * normal([9, k], *w.shape) for k, w in enumerate(model.get_weights())])
    return model


@cache
def published():
    return zoo.load("imdb_gru")


# ---------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("make", [recurrent, attending])
@pytest.mark.parametrize("text", [TEXT, *[text for text in TEXTS if text]])
def test_integrated_gradients_sum_to_the_difference_of_the_outputs(make, text):
    model = make()
    found = explain.contributions(model, text)
    ids = model.tokenizer.encode([text])[0]
    assert abs(found.output - float(model(ids[None])[0, 0])) < 1e-6
    assert abs(found.baseline - float(model(np.ones_like(ids)[None])[0, 0])) < 1e-6
    difference = found.output - found.baseline
    assert abs(found.contributions.sum() - difference) <= 0.01 * abs(difference) + 1e-5


@pytest.mark.parametrize(
    "text",
    [
        "A wonderful film. I loved every minute, and so will you!",
        "The actors do what they can and the music is wonderful, yet this is dull and far too long.",
        "bad",
    ],
)
def test_on_the_published_model_they_do_so_within_a_hundredth(text):
    found = explain.contributions(published(), text)
    assert abs(found.contributions.sum() / (found.output - found.baseline) - 1) < 0.01
    leading = dict(strongest(found))
    assert all(leading[word] > 0 for word in ("wonderful", "loved") if word in leading)
    assert all(leading[word] < 0 for word in ("dull", "bad") if word in leading)
    assert leading.keys() & {"wonderful", "dull", "bad"}


@pytest.mark.parametrize("make", [recurrent, attending])
def test_gradient_times_input_is_the_slope_toward_the_unknown_word(make):
    model = make()
    found = explain.contributions(model, TEXT, "gradient-x-input").contributions
    table = flat(model.embedding.embeddings)[0].astype("float32")
    e = table[model.tokenizer.encode([TEXT])[0]]

    def output(t, step):
        moved = e.copy()
        moved[t] += step * (e[t] - table[1])
        return float(model.read(moved[None])[0, 0])

    slopes = [(output(t, 0.01) - output(t, -0.01)) / 0.02 for t in range(len(e))]
    assert np.allclose(found, slopes, rtol=0.02, atol=5e-5)
    assert max(np.abs(slopes)) > 1e-3
    assert {word for word, c in zip(WORDS, found) if c} == set(KNOWN)


def test_attention_is_the_mean_over_heads_and_queries_of_the_last_layer():
    model = attending()
    found = explain.contributions(model, TEXT, "attention")
    x = model.embedding(model.tokenizer.encode([TEXT])[0][None])
    first, second = model.recurrent_layers
    a = flat(second(first(x), return_weights=True)[1])[0]
    assert np.allclose(found.contributions, a.mean(axis=(0, 1, 2)), atol=1e-6)
    assert abs(found.contributions.sum() - 1) < 1e-5 and found.baseline is None
    assert len(flat(model(model.tokenizer.encode([TEXT])[0][None]))) == 1  # the layers are as before
    assert "call" not in vars(first)


def test_of_several_outputs_one_is_explained():
    model = classifier(head="categorical", outputs=3)
    parts = [explain.contributions(model, TEXT, output=k) for k in range(3)]
    assert abs(sum(part.output for part in parts) - 1) < 1e-5
    assert np.abs(sum(part.contributions for part in parts)).max() < 1e-2  # what one gains others lose
    assert np.abs(parts[0].contributions).max() > 1e-2


def test_words_are_those_that_are_read():
    assert explain.contributions(recurrent(), TEXT).words == WORDS
    cut = explain.contributions(classifier(tokenizer=tokenizer(max_length=8)), TEXT)
    assert cut.words == [*WORDS[:2], *WORDS[-6:]] and len(cut.contributions) == 8


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: explain.contributions(recurrent(), ""), ValueError, "`text` must hold a word .* text=''"),
        (
            lambda: explain.contributions(recurrent(), "a", "saliency"),
            ValueError,
            "`method` must be one of .*; received method='saliency'",
        ),
        (
            lambda: explain.contributions(recurrent(), "a", "attention"),
            ValueError,
            "'attention' needs a model with self-attention .*has none. Take 'integrated-gradients'",
        ),
        (
            lambda: explain.contributions(recurrent(), "a", output=1),
            ValueError,
            "`output` must be from 0 to 0; received output=1",
        ),
        (
            lambda: explain.contributions(classifier(vocabulary_size=9), "a"),
            TypeError,
            "`model` must be a SequenceClassifier with a tokenizer; received model=",
        ),
        (lambda: explain.contributions(keras.Sequential(), "a"), TypeError, "must be a SequenceClassifier"),
        (
            lambda: plots.contributions(["a"], [1.0, 2.0], "x.png"),
            ValueError,
            r"received 1 words and values of shape \(2,\)",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------------------- how it is shown

MADE_UP = explain.Explanation(
    ["<b>", "fine", "dull", "a"], np.array([0.0, 0.4, -0.2, 0.001]), "attention", 0.7, None
)


def test_colours():
    none, strong, against, faint = shades(MADE_UP.contributions)
    assert none is None and faint is None
    assert strong[1] > strong[0] and against[0] > against[1]  # green, and red
    assert sum(against) > sum(strong)  # the weaker, the nearer to white
    assert shades(np.zeros(3)) == [None] * 3
    assert strongest(MADE_UP)[:2] == [("fine", 0.4), ("dull", -0.2)]


def test_html_and_terminal():
    page = explain.as_html(MADE_UP, "a & b")
    assert '<span title="+0.0000">&lt;b&gt;</span>' in page and "<title>a &amp; b</title>" in page
    assert '<span title="+0.4000" style="background: rgb(80, 170, 95)">fine</span>' in page
    text = explain.as_text(MADE_UP)
    assert text.plain.startswith("<b> fine dull a \n\nOutput 0.700. Green: what the attention looks at.")
    assert "Strongest: fine +0.400, dull -0.200" in text.plain
    coloured = {text.plain[span.start : span.end]: span.style for span in text.spans}
    assert coloured["fine"] == "black on rgb(80,170,95)" and "a" not in coloured


def test_a_picture_of_a_long_text_with_signs_that_matplotlib_reads(tmp_path):
    from matplotlib.image import imread

    words = ["$5", "caf\u00e9", "x_1^2", *("word" for _ in range(200))]
    plots.contributions(words, np.linspace(-1, 1, len(words)), tmp_path / "long.png", "a title")
    plots.contributions(["one"], [0.0], tmp_path / "short.png")
    tall, low = imread(tmp_path / "long.png"), imread(tmp_path / "short.png")
    assert tall.shape[0] > 2 * low.shape[0] and tall.shape[1] == low.shape[1]
    assert len(np.unique(tall.reshape(-1, tall.shape[2]), axis=0)) > 100


# ---------------------------------------------------------------------------- the command


@pytest.fixture
def run(monkeypatch, capfd):
    """`keras-rnn explain` of a small model: `(exit status, standard output, standard error)`."""

    def run(*arguments, model=None):
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        monkeypatch.setattr(zoo, "load", lambda name: attending() if model is None else model)
        monkeypatch.setattr(sys, "argv", ["keras-rnn", "explain", "a_model", *map(str, arguments)])
        capfd.readouterr()
        try:
            cli.main()
        except SystemExit as error:
            return error.code or 0, *capfd.readouterr()
        return 0, *capfd.readouterr()

    return run


def test_json(run):
    for method in explain.METHODS:
        status, out, _ = run(TEXT, "--method", method, "--json")
        told, expected = json.loads(out), explain.contributions(attending(), TEXT, method)
        assert status == 0 and told["words"] == WORDS and told["method"] == method
        assert np.allclose(told["contributions"], expected.contributions, atol=1e-5)
        assert abs(told["output"] - expected.output) < 1e-6
        assert (told["baseline"] is None) == (method != "integrated-gradients")


def test_it_prints_the_words_and_writes_a_picture_and_a_page(run, tmp_path):
    status, out, _ = run(TEXT, "--png", tmp_path / "x.png", "--html", tmp_path / "x.html")
    assert status == 0
    assert " ".join(WORDS) in out and "if it knew none of the words" in out
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "a_model: 0." in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_what_cannot_be_is_told_in_one_line(run):
    for arguments, model, said in (
        (["a", "--method", "guess"], None, "Error: `--method` must be one of"),
        ([""], None, "Error: `text` must hold a word at least"),
        (["a"], keras.Sequential(), "Error: `NAME` must be a text classifier; a_model is a Sequential."),
        (["a", "--method", "attention"], recurrent(), "Error: `method`='attention' needs a model"),
    ):
        status, out, err = run(*arguments, model=model)
        assert (status, out) == (1, "")
        assert err.startswith(said) and err.count("\n") == 1
    assert run()[0] == 2
