"""Cards and tables: generated, and every number in them is one of the entry's files."""

import json
import shutil

import pytest

from keras_rnn import cli
from keras_rnn.environment import environment
from keras_rnn.zoo import card, folders, sentiment_page
from tests.zoo.tiny import metrics, write_entry

EVALUATION = {
    "split": "test",
    "examples": 25000,
    "accuracy": 0.87654,
    "cross_entropy": 0.31239,
    "seconds": 61.4,
    "command": "keras-rnn evaluate tiny",
    "hardware": "3 cores of a loom",
    "versions": {"keras": "3.15.9"},
    "commit": "0123456789abcdef",
}


@pytest.fixture
def checkout(finished, tmp_path, monkeypatch):
    """A checkout with one trained and measured entry, one recipe alone, and a README with a table."""
    shelf = tmp_path / "zoo"
    shutil.copytree(finished[1], shelf / "tiny")
    write_entry(shelf / "untrained")
    told = {**metrics(shelf / "tiny"), "evaluation": EVALUATION}
    (shelf / "tiny" / "metrics.json").write_text(json.dumps(told))
    (tmp_path / "README.md").write_text(f"# Project\n\n{card.BEGIN}\nold\n{card.END}\n\nmore\n")
    monkeypatch.setattr(folders, "zoo_folder", lambda: shelf)
    monkeypatch.setattr(card, "zoo_folder", lambda: shelf)
    return tmp_path


def test_the_card_tells_what_the_files_say(checkout, finished):
    text = card.card("tiny")
    told = metrics(finished[1])
    for expected in (
        "# tiny\n\nSentiment of made-up reviews.",
        'keras_rnn.zoo.load("tiny")',
        "| test | 25,000 | 0.8765 | 0.3124 | 61 s | 3 cores of a loom |",
        "the shipped float16 file with `keras-rnn evaluate tiny` (keras 3.15.9, commit 0123456789).",
        "Nobody has tried.",
        "embedding 30 x 4; Bidirectional GRU 3; pooling over time: mean, max; bernoulli head",
        "0.1 of the words, 0 of the embedding, 0.2 of the pooled features",
        f"{told['weights']['parameters']:,} parameters, {told['weights']['bytes'] / 1e6:.1f} MB as float16",
        "Of a text of more than 8 words and punctuation marks it reads the first 2 and the last 6.",
        f"| 36 | 3 | {told['training']['steps']:,} |",
        "`keras-rnn train tiny`",
        "AdamW, learning rate 0.05 (cosine), weight decay 0, batch 8, gradient norm clipped at 1, seed 7",
        "No paper. <https://example.org>",
        "- made-up reviews",
        "Everybody's.",
    ):
        assert expected in text, expected


@pytest.mark.parametrize(
    ("scores", "head", "line"),
    [
        ("accuracy,cross_entropy", "accuracy | cross entropy (nats)", "0.8500 | 0.3123"),
        ("perplexity,bleu", "perplexity | BLEU, beam of 5", "0.85 | 0.31"),
    ],
)
def test_what_other_settings_gave(checkout, scores, head, line):
    rows = f"changed,epochs,{scores},hours\n,3,0.85,0.31229,1\nlearning_rate = 1.0,3,0.5,0.7,1\n"
    (checkout / "zoo" / "tiny" / "trials.csv").write_text(rows)
    text = card.card("tiny")
    assert f"| what is not as in the recipe | {head} |\n|---|---|---|\n| nothing | {line} |\n" in text
    assert "in trainings of 3 epochs" in text and "| `learning_rate = 1.0` | 0.50" in text


def test_a_card_without_results_says_so(checkout):
    text = card.card("untrained")
    assert "Not trained yet." in text
    assert "parameters," not in text


def test_the_number_of_words_read_is_that_of_the_tokenizer(checkout):
    recipe = checkout / "zoo" / "untrained" / "recipe.toml"
    for old, new, said in (
        ("max_length = 8", "max_length = 11", "the first 2 and the last 9."),
        ("max_length = 11", 'max_length = 10\ntruncation = "head"', "the first 10."),
        ("max_length = 10", "max_length = 12", "the first 12."),
        ('"head"', '"tail"', "the last 12."),
        ('max_length = 12\ntruncation = "tail"\n', "", "Every text is read to its end."),
    ):
        recipe.write_text(recipe.read_text().replace(old, new))
        assert said in card.card("untrained")


def test_pages_are_written_once_and_then_up_to_date(checkout):
    expected = {
        checkout / "README.md",
        checkout / "zoo" / "README.md",
        checkout / "zoo" / "results.csv",
        checkout / "zoo" / "sentiment.md",
        checkout / "zoo" / "tiny" / "README.md",
        checkout / "zoo" / "untrained" / "README.md",
    }
    assert set(card.write_pages()) == set(card.generated_pages()) == expected
    assert (checkout / "zoo" / "sentiment.png").read_bytes().startswith(b"\x89PNG")
    assert card.write_pages() == []
    readme = (checkout / "README.md").read_text()
    assert readme.startswith(f"# Project\n\n{card.BEGIN}\n| model |")
    assert readme.endswith(f"|\n{card.END}\n\nmore\n")
    assert "| [tiny](zoo/tiny/README.md) | sentiment, imdb | accuracy 0.8765 |" in readme
    assert "untrained" not in readme
    assert "| [tiny](tiny/README.md) |" in (checkout / "zoo" / "README.md").read_text()
    assert (
        (checkout / "zoo" / "results.csv")
        .read_text()
        .splitlines()[1]
        .startswith('tiny,"sentiment, imdb",accuracy 0.8765,')
    )


CHANGES = {
    "the accuracy in metrics.json": ("zoo/tiny/metrics.json", "0.87654", "0.88654"),
    "a number in the recipe": ("zoo/untrained/recipe.toml", "seed = 7", "seed = 8"),
    "a number on a card": ("zoo/tiny/README.md", "0.8765", "0.8865"),
    "a number in the README": ("README.md", "0.8765", "0.8865"),
    "a number of the comparison": ("zoo/sentiment.md", "0.8765", "0.8865"),
    "a number in the table": ("zoo/results.csv", "0.8765", "0.8865"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_check_detects_a_changed_number(checkout, change):
    card.write_pages()
    cli.card(check=True)
    file, old, new = CHANGES[change]
    text = (checkout / file).read_text()
    assert old in text
    (checkout / file).write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=r"Not up to date: .*\. Run `keras-rnn card`\."):
        cli.card(check=True)
    assert (checkout / file).read_text() == text.replace(old, new)  # a check changes nothing
    card.write_pages()
    cli.card(check=True)


def test_the_classifiers_stand_side_by_side(checkout):
    told = metrics(checkout / "zoo" / "tiny")
    parameters = told["weights"]["parameters"]
    line = f"| [tiny](tiny/README.md) | Bidirectional GRU 3 | 0.8765 | {parameters:,} | {parameters - 120} |"
    assert f"{line} {told['training']['hours']:.2f} | – |" in sentiment_page.page()
    measured = {"words_per_second": 12345, "reviews": 8, "rounds": 2, "command": "measure", **environment()}
    path = checkout / "zoo" / "tiny" / "metrics.json"
    path.write_text(json.dumps({**told, "speed": measured}))
    assert f"{line} {told['training']['hours']:.2f} | 12,345 |" in sentiment_page.page()
    assert "medians of 2 interleaved rounds" in sentiment_page.page()


def test_a_missing_page_is_not_up_to_date(checkout):
    card.write_pages()
    (checkout / "zoo" / "tiny" / "README.md").unlink()
    with pytest.raises(ValueError, match=r"Not up to date: \S*zoo/tiny/README\.md\."):
        cli.card(check=True)
