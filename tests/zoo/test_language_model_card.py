"""Cards of language models, and their rows in the tables."""

import csv
import io
import shutil

import pytest

from keras_rnn import cli
from keras_rnn.zoo import card, folders, publish, training
from keras_rnn.zoo.evaluation import evaluate
from tests.zoo.tiny import metrics, names, write_entry
from tests.zoo.tiny_corpus import KNESER_NEY, RECIPE, entry


@pytest.fixture
def shelf(finished_lm, text, tmp_path, monkeypatch):
    """A zoo of a trained and measured language model, a recipe alone, and a counted Kneser-Ney model."""
    shelf = tmp_path / "zoo"
    for module in (folders, card, publish):
        monkeypatch.setattr(module, "zoo_folder", lambda: shelf)
    shutil.copytree(finished_lm[1], shelf / "tiny_lm")
    evaluate(shelf / "tiny_lm", text)
    evaluate(shelf / "tiny_lm", text, split="validation")
    write_entry(shelf / "untrained", RECIPE.replace("tiny_lm", "untrained"))
    training.train(entry(tmp_path / "kn", KNESER_NEY), shelf / "tiny_kn", text, report=lambda line: None)
    return shelf


def test_the_card_tells_what_the_files_say(shelf):
    text, told = card.card("tiny_lm"), metrics(shelf / "tiny_lm")
    ledger, test, valid = told["training"], told["evaluation"], told["validation"]
    for expected in (
        "# tiny_lm\n\nLanguage model of a made-up text.",
        'keras_rnn.zoo.load("tiny_lm")\nids = model.vocabulary.ids(',
        f"| validation | {valid['tokens']:,} | {valid['perplexity']:.2f} | {valid['nll']:.4f} |",
        f"| test | {test['tokens']:,} | {test['perplexity']:.2f} | {test['nll']:.4f} |",
        "on the shipped float16 file with `keras-rnn evaluate tiny_lm`",
        "embedding 13 x 4; LSTM 5, GRU 4; MixtureOfSoftmaxes (experts 2, latent_size 4, dropout 0.1), tied",
        "0.1 of the embedding's features, 0.2 between the layers, 0.1 of the last layer, "
        "0.1 of the word types, 0.3 of the layers' recurrent weights; one mask for all steps",
        f"{told['weights']['parameters']:,} parameters",
        f"| {ledger['tokens']:,} | 4 | {ledger['steps']:,} |",
        "all 4 epochs of the recipe are done",
        "NT-ASGD, learning rate 5, averages once the validation is worse than 0 epochs before, gradient "
        "norm of the mean over the tokens clipped at 1, weight decay 0.0001, activation regularization 0.2, "
        "temporal 0.1, 3 streams, about 12 steps",
        "![Learning curves](curves.png)",
    ):
        assert expected in text, expected


def test_the_card_tells_methods_with_their_settings(shelf, text):
    told = evaluate(shelf / "tiny_lm", text, method="cache", verbose=0)
    page = card.card("tiny_lm")
    assert (
        f"| test, with a cache | {told['tokens']:,} | {told['perplexity']:.2f} | {told['nll']:.4f} |" in page
    )
    settings = ", ".join(f"{key} {value:g}" for key, value in told["settings"].items())
    assert f"Settings of test, with a cache, chosen on the validation split: {settings}." in page


def test_a_model_that_is_not_trained_says_so(shelf):
    text = card.card("untrained")
    assert "Not trained yet." in text
    assert "parameters," not in text
    assert "curves.png" not in text
    assert "4 epochs in the recipe" in text


def test_a_kneser_ney_model_has_no_weights(shelf):
    text, told = card.card("tiny_kn"), metrics(shelf / "tiny_kn")["evaluation"]
    cached = told["perplexity_with_cache"]
    assert f"| test | {told['tokens']:,} | {told['perplexity']:.2f} | {cached:.2f} |" in text
    assert "order 3, 1 discounts" in text
    assert "float16" not in text


def test_tables_show_perplexity(shelf, capsys, monkeypatch):
    perplexity = f"perplexity {metrics(shelf / 'tiny_lm')['evaluation']['perplexity']:.2f}"
    assert f"| language modelling, penn_treebank | {perplexity} |" in card.table()
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(card.results_csv()))}
    assert set(rows) == {"tiny_lm", "tiny_kn"}
    assert rows["tiny_lm"]["result"] == perplexity
    assert (rows["tiny_kn"]["parameters"], rows["tiny_kn"]["layers"]) == ("", "3-grams")
    cli.list_()
    out = capsys.readouterr().out
    assert perplexity in out
    assert "not trained yet" in out
    cli.info("tiny_lm")
    assert perplexity.split()[1] in capsys.readouterr().out


def test_pages_are_complete(shelf):
    assert {path.name for path in card.write_pages()} == {"README.md", "results.csv"}
    assert card.write_pages() == []
    assert (shelf / "untrained" / "README.md").exists()


def test_publish_takes_weights_and_curves_of_a_language_model(shelf, finished_lm):
    shutil.rmtree(shelf / "tiny_lm")
    write_entry(shelf / "tiny_lm", RECIPE)
    publish.publish(finished_lm[1])
    assert names(shelf / "tiny_lm") == [
        "assets",
        "assets/vocabulary.txt",
        "curves.png",
        "history.csv",
        "metrics.json",
        "model.weights.h5",
        "probe.json",
        "recipe.toml",
    ]
    assert metrics(shelf / "tiny_lm") == metrics(finished_lm[1])


def test_publish_takes_what_was_measured_of_a_kneser_ney_model(shelf, tmp_path):
    run = shutil.copytree(shelf / "tiny_kn", tmp_path / "run")
    (shelf / "tiny_kn" / "metrics.json").unlink()
    publish.publish(run)
    assert metrics(shelf / "tiny_kn") == metrics(run)
