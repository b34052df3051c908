"""`keras-rnn generate`: text on the terminal, bit by bit; and errors in one line."""

import sys
from pathlib import Path

import pytest

from keras_rnn import cli, cli_generate, zoo
from keras_rnn.datasets import Vocabulary
from tests.models.small import classifier
from tests.models.small_language_model import language_model
from tests.models.test_generation import WORDS


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs one command in this process with a given model: `(exit status, standard output, error)`."""

    def run(model, *arguments):
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        monkeypatch.setattr(zoo, "load", lambda name: model)
        monkeypatch.setattr(sys, "argv", ["keras-rnn", "generate", "a_model", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as error:
            status = error.code or 0
        return status, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def model():
    swapped = {"a": "<eos>", "<eos>": "a"}  # id 6 is the one that the model writes often
    return language_model(vocabulary=Vocabulary([swapped.get(word, word) for word in WORDS]))


def test_the_prompt_and_what_follows(run, model):
    status, out, _ = run(model, "--prompt", "the cat", "--tokens", 30)
    assert status == 0
    assert out.removesuffix("\n") == "the cat" + model.generate("the cat", 30).removesuffix("\n")
    settings = {"temperature": 0.8, "top_k": 6, "top_p": 0.9, "seed": 5}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    for name, option in zip(settings, options):
        expected = model.generate("the", 30, **{name: settings[name]})
        _, out, _ = run(model, "--prompt", "the", "--tokens", 30, option)
        assert out.removesuffix("\n") == "the" + expected.removesuffix("\n")
    _, out, _ = run(model, *options)
    assert out.removesuffix("\n") == model.generate("", 200, **settings).removesuffix("\n")


def test_it_is_shown_word_by_word(run, model, monkeypatch):
    shown = []
    monkeypatch.setattr("builtins.print", lambda *text, end="\n", **_: shown.append("".join(text) + end))
    run(model, "--prompt", "the\ncat", "--tokens", 100)
    first, *others = shown
    assert first == "the\ncat"
    words = others[:100]
    assert all(word == "\n" or word.strip(" ") in WORDS for word in words)
    assert "\n" in words
    assert others[100:] == ([] if words[-1] == "\n" else ["\n"])


def test_an_unknown_word_is_shown_as_it_is_read(run, model):
    assert run(model, "--prompt", "the zebra", "--tokens", 3)[1].startswith("the <unk> ")
    without = language_model(vocabulary=Vocabulary([word if word != "<unk>" else "owl" for word in WORDS]))
    status, out, err = run(without, "--prompt", "the zebra")
    assert (status, out) == (1, "")
    assert err.startswith("Error: `text` must consist of the 11 words of the vocabulary")
    assert "received 'zebra' in line 1" in err
    assert err.count("\n") == 1


def test_characters(run):
    model = language_model(vocabulary=Vocabulary([*"abcdefg .é", "<eos>"], "character"))
    _, out, _ = run(model, "--prompt", "bé", "--tokens", 40)
    assert out.removesuffix("\n") == "bé" + model.generate("bé", 40).removesuffix("\n")


def test_what_cannot_be_is_told_in_one_line(run, model):
    status, out, err = run(model, "--top-p", 1.5)
    assert (status, out) == (1, "")
    assert err.startswith("Error: `top_p` must lie above 0 and be at most 1")
    assert run(model, "--tokens", 0)[0] == 2
    assert run(model, "--temperature", -1)[0] == 2
    status, _, err = run(classifier(vocabulary_size=9), "--prompt", "the")
    assert status == 1
    assert err.startswith("Error: `NAME` must be a LanguageModel; a_model is a SequenceClassifier")


def test_what_belongs_to_the_other_kind_of_model_is_refused(monkeypatch):
    class Music:
        pass

    monkeypatch.setattr("keras_rnn.models.PianoRollModel", Music)
    monkeypatch.setattr("keras_rnn.zoo.load", lambda name: Music())
    with pytest.raises(ValueError, match="`--top-k` must be left out for tune, a Music"):
        cli_generate.generate("tune", top_k=3)
    monkeypatch.setattr("keras_rnn.zoo.load", lambda name: object())
    with pytest.raises(ValueError, match="`--midi` must be left out for words, a object"):
        cli_generate.generate("words", midi=Path("x.mid"))
