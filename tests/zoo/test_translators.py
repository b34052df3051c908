"""Translators of the zoo: from a recipe to sentences."""

import csv
import json
import shutil

import numpy as np
import pytest

from keras_rnn import cli, zoo
from keras_rnn.metrics import bleu
from keras_rnn.zoo import card, folders, publish, training, translator_evaluation, translator_training
from keras_rnn.zoo.evaluation import evaluate
from keras_rnn.zoo.recipe import read_recipe
from keras_rnn.zoo.translator_training import probe
from tests.zoo import tiny_pairs
from tests.zoo.tiny import metrics, names
from tests.zoo.tiny_pairs import RECIPE, TRANSFORMER, WITHOUT, entry


@pytest.fixture(scope="module")
def pairs():
    with tiny_pairs.corpus():
        yield


@pytest.fixture(scope="module")
def finished(pairs, tmp_path_factory):
    """What a whole training returned, and the folder that it wrote; not to be changed."""
    source = entry(tmp_path_factory.mktemp("recipes") / "tiny_en_de")
    output = tmp_path_factory.mktemp("runs") / "tiny_en_de"
    return training.train(source, output, report=lambda line: None, verbose=0), output


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished[1], tmp_path / "tiny_en_de")


def run(arguments, capsys):
    """Status, output and error of the command line."""
    status = 0
    try:
        cli.app([str(argument) for argument in arguments], standalone_mode=False)
    except (ValueError, SystemExit) as error:
        return 1, "", str(error)
    out, err = capsys.readouterr()
    return status, out, err


def test_what_was_trained_is_loaded(finished):
    trained, folder = finished
    model = zoo.load(folder)
    published = json.loads((folder / "probe.json").read_text())
    assert [row["translation"] for row in probe(model)] == [row["translation"] for row in published]
    assert [row["score"] for row in probe(model)] == pytest.approx(
        [row["score"] for row in published], abs=1e-4
    )
    assert model.translate(["two three"]) == trained.translate(["two three"])
    assert "assets/subwords.model" in names(folder)
    ledger = metrics(folder)["training"]
    assert (ledger["pairs"], ledger["validation_pairs"], ledger["epochs"], ledger["steps"]) == (
        300,
        20,
        5,
        75,
    )
    history = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert float(history[-1]["val_perplexity"]) < float(history[0]["val_perplexity"])
    assert {"val_bleu", "val_accuracy"} <= set(ledger["final"])
    kept = ledger["validation_bleu"]
    held = tiny_pairs.load("validation", "en", "de")
    own = bleu(trained.translate(held.source), held.target)
    assert own["bleu"] == max(kept["average"], kept["last"])
    assert kept["signature"] == own["signature"]
    assert model.translate(["two three"]) == model.translate(["two three"], beam_size=3, length_penalty=0.5)
    greedy = zoo.load(folder, beam_size=1)
    assert greedy.translate(["two three"]) == model.translate(["two three"], beam_size=1)


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(finished, pairs, tmp_path):
    source = entry(tmp_path / "recipes" / "tiny_en_de")
    for minutes in (0.0, None):
        model = training.train(source, tmp_path / "run", minutes=minutes, report=lambda line: None, verbose=0)
    whole = finished[0]
    assert model.translate(["six one two"]) == whole.translate(["six one two"])
    for one, other in zip(model.get_weights(), whole.get_weights()):
        assert abs(one - other).max() < 1e-5


@pytest.mark.parametrize("last", [1.0, 3.0])
def test_the_average_takes_the_place_of_the_weights_if_it_is_better(
    folder, pairs, tmp_path, monkeypatch, last
):
    found = iter([2.0, last])
    monkeypatch.setattr(
        translator_training, "bleu", lambda *texts: {"bleu": next(found), "signature": "that of sacrebleu"}
    )
    source = entry(tmp_path / "recipes" / "tiny_en_de")
    model = training.train(source, folder, report=lambda line: None, verbose=0)
    with np.load(folder / training.CHECKPOINT) as file:
        distances = [abs(w.numpy() - file[f"variable_{k}"]).max() for k, w in enumerate(model.weights[:3])]
    assert (max(distances) == 0) == (last == 3.0)
    told = metrics(folder)["training"]["validation_bleu"]
    kept = "last" if last == 3.0 else "average"
    assert told == {"average": 2.0, "last": last, "kept": kept, "signature": "that of sacrebleu"}
    shown = "BLEU 2.00 on the validation split, and"
    assert (f"which the curves do not know ({shown} 1.00 without)" in card.card(folder)) == (last == 1.0)
    assert (f"where that is better (here not: {shown} 3.00 without)" in card.card(folder)) == (last == 3.0)


def test_bleu_is_that_of_the_recipes_beam(folder, pairs):
    result = evaluate(folder, write=True, verbose=0)
    assert metrics(folder)["evaluation"] == result
    test, model = tiny_pairs.load("test", "en", "de"), zoo.load(folder)
    found = model.translate(test.source, beam_size=3, length_penalty=0.5)
    own = bleu(found, test.target)
    assert result["bleu"] == pytest.approx(own["bleu"], abs=1e-3)
    assert result["signature"] == own["signature"]
    assert "case:lc" in own["signature"]
    assert "tok:13a" in own["signature"]
    assert "case:mixed" in result["signature_cased"]
    greedy = bleu(model.translate(test.source, beam_size=1), test.target)["bleu"]
    assert result["bleu_greedy"] == pytest.approx(greedy, abs=1e-3)
    assert [row["sentences"] for row in result["by_length"]] == [4, 4, 4, 3]
    assert result["by_length"][0]["longest"] <= result["by_length"][1]["shortest"] < 5
    assert (folder / "bleu_by_length.png").stat().st_size > 5000
    assert (result["pairs"], result["command"]) == (15, "keras-rnn evaluate tiny_en_de")
    assert evaluate(folder, write=False, verbose=0, split="validation")["pairs"] == 20
    with pytest.raises(ValueError, match="`examples` must be left out for a SequenceToSequence"):
        evaluate(folder, examples=20)
    with pytest.raises(ValueError, match="`method` must be one of"):
        evaluate(folder, method="cache")


def test_the_length_penalty_is_chosen_on_the_validation_split(folder, pairs, monkeypatch):
    told = {0.5: 1.0, 0.6: 7.0, 0.8: 9.0, 1.0: 8.0, 1.2: 9.0, 1.4: 3.0}  # 0.5 is the recipe's
    asked = []

    def translate(self, texts, length_penalty=None, beam_size=None, **settings):
        asked.append((len(texts), beam_size, length_penalty))
        return [str(length_penalty)] * len(texts)

    def measured(found, references, lowercase=True):
        return {"bleu": told[float(found[0])], "signature": "s"}

    monkeypatch.setattr("keras_rnn.models.TranslationModel.translate", translate)
    monkeypatch.setattr("keras_rnn.models.beam_choice.bleu", measured)
    before = metrics(folder)
    result = evaluate(folder, write=True, verbose=0, method="beam")
    assert result["settings"] == {"beam_size": 3, "length_penalty": 0.8, "coverage_penalty": 0.0}
    assert result["bleu_by_length_penalty"] == told
    assert asked == [*((20, 3, penalty) for penalty in told), (15, 3, 0.8), (15, 1, None)]
    assert metrics(folder) == {**before, "test beam": json.loads(json.dumps(result))}
    assert result["command"] == "keras-rnn evaluate tiny_en_de --method beam"
    for split in ("validation", "test"):
        evaluate(folder, write=True, verbose=0, split=split, method="beam" if split == "validation" else None)
    expected = "BLEU on the validation split by length penalty: 1.00 with 0.5, 7.00 with 0.6, 9.00 with 0.8, "
    assert expected + "8.00 with 1, 9.00 with 1.2, 3.00 with 1.4." in card.card(folder)


def test_the_pictures_of_all_that_are_published_have_the_new_one(folder, tmp_path, monkeypatch):
    shelf, row = tmp_path / "zoo", {"shortest": 1, "longest": 3, "sentences": 4, "bleu": 20.0}
    told = {"evaluation": {"by_length": [row]}}
    recipe = read_recipe(entry(shelf / "tiny_en_de") / "recipe.toml")
    entry(shelf / "other", RECIPE.replace("tiny_en_de", "other"))
    (shelf / "other" / "metrics.json").write_text(json.dumps(told))
    for module in (folders, translator_evaluation):
        monkeypatch.setattr(module, "zoo_folder", lambda: shelf)
    drawn = {}
    monkeypatch.setattr(
        translator_evaluation.plots, "bleu_by_length", lambda *told: drawn.update({told[1]: told})
    )
    translator_evaluation.draw_by_length(recipe, folder, told)
    assert [list(systems) for systems, *_ in drawn.values()] == [["other", "tiny_en_de"]]
    drawn.clear()
    translator_evaluation.draw_by_length(recipe, shelf / "tiny_en_de", told)
    assert {path.parent.name for path in drawn} == {"other", "tiny_en_de"}


def test_the_card_tells_what_the_files_say(folder, pairs, tmp_path, monkeypatch):
    for module in (folders, card, publish):
        monkeypatch.setattr(module, "zoo_folder", lambda: tmp_path / "zoo")
    entry(tmp_path / "zoo" / "tiny_en_de")
    assert "Not trained yet." in card.card("tiny_en_de")
    evaluate(folder, write=True, verbose=0)
    publish.publish(folder)
    assert (tmp_path / "zoo" / "tiny_en_de" / "assets" / "subwords.model").exists()
    page, told = card.card("tiny_en_de"), metrics(tmp_path / "zoo" / "tiny_en_de")["evaluation"]
    for expected in (
        f"| test | 15 | {told['bleu']:.2f} | {told['bleu_cased']:.2f} | {told['bleu_greedy']:.2f} |",
        "Beam search with 3 hypotheses, length penalty 0.5, coverage penalty 0.",
        f"`{told['signature']}`",
        "![BLEU by length](bleu_by_length.png)",
        "| BLEU | " + " | ".join(f"{row['bleu']:.2f}" for row in told["by_length"]) + " |",
        "50 subwords (bpe), one for both languages, in 12 dimensions, also the matrix of the softmax",
        "Bidirectional GRU 8 → LSTM 10, GRU 9; BahdanauAttention (units 7, normalize True) before each step",
        "0.05 of the embeddings' features, 0.05 of what the softmax reads",
        "reached after 10 steps, then falling as a cosine, weight decay 0.0001, gradient norm clipped at 1, "
        "label smoothing 0.1, a moving average of the weights (momentum 0.9)",
        "| 300 | 5 | 75 |",
        "![Learning curves](curves.png)",
    ):
        assert expected in page, expected
    [row] = card.rows()
    assert (row["result"], row["task"]) == (f"BLEU {told['bleu']:.2f}", "translation, multi30k")


def test_the_command_line_translates(folder, tmp_path, capsys):
    model = zoo.load(folder)
    best = model.translations(["two one"], beam_size=3, length_penalty=0.5, n_best=2)[0]
    status, out, _ = run(["translate", folder, "two one", "", "--n-best", 2], capsys)
    assert (status, out.splitlines()) == (0, [*(t.text for t in best), ""])
    (tmp_path / "lines.txt").write_text("two one\nsix\n", encoding="utf-8")
    picture = tmp_path / "attention.png"
    arguments = ["translate", folder, "--file", tmp_path / "lines.txt", "--json", "--attention", picture]
    status, out, _ = run([*arguments, "--beam", 1], capsys)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == ["two one", "six"]
    assert [row["translation"] for row in rows] == model.translate(["two one", "six"], beam_size=1)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (
        "`n_best` must be at most `beam_size`; received n_best=9, beam_size=3"
        in run(["translate", folder, "two", "--n-best", 9], capsys)[2]
    )
    assert "`NAME` must be a translator" in run(["translate", "imdb_gru", "two"], capsys)[2]


def test_what_cannot_be_drawn_or_read_loses_no_translation(folder, tmp_path, capsys):
    best = zoo.load(folder).translate(["two one"])
    picture = tmp_path / "attention.png"
    status, out, _ = run(["translate", folder, "", "two one", "--attention", picture], capsys)
    assert (status, out.splitlines()) == (0, ["", *best])
    assert picture.read_bytes().startswith(b"\x89PNG")
    for texts, place, said in (
        (["two one"], tmp_path / "nowhere" / "at all" / "a.png", "nowhere"),
        (["", " "], picture, "`--attention` needs a sentence; received 2 empty ones"),
    ):
        (tmp_path / "nowhere").touch()  # a file where a folder is wanted
        with pytest.raises((ValueError, OSError), match=said):
            cli.app(["translate", str(folder), *texts, "--attention", str(place)], standalone_mode=False)
        assert capsys.readouterr().out.splitlines() == (best if texts[0] else ["", ""])
    status, out, err = run(["translate", folder, "\udcff", "\u2603", "two one", "--json"], capsys)
    rows = [json.loads(line) for line in out.splitlines()]
    assert (status, [row["text"] for row in rows]) == (0, ["\ufffd", "\u2603", "two one"])
    assert rows[2]["translation"] == best[0]
    told = " ".join(err.split())
    assert "Warning: Text 1 is not UTF-8. U+FFFD stands for what cannot be read." in told
    assert "Warning: Sentence 2 has no character that the vocabulary knows; the translation is made" in told
    (tmp_path / "blank.txt").write_bytes(b"\n\n")
    status, out, _ = run(["translate", folder, "--file", tmp_path / "blank.txt"], capsys)
    assert (status, out) == (0, "\n\n")
    (tmp_path / "blank.txt").write_bytes(b"")
    assert "blank.txt is empty" in run(["translate", folder, "--file", tmp_path / "blank.txt"], capsys)[2]


def test_without_attention_and_with_two_vocabularies(pairs, tmp_path, capsys):
    source, output = entry(tmp_path / "recipes" / "tiny_blind", WITHOUT), tmp_path / "run"
    model = training.train(source, output, report=lambda line: None, verbose=0)
    assert not model.attends
    assert model.source_tokenizer.model != model.target_tokenizer.model
    assert {"assets/source.model", "assets/target.model"} <= set(names(output))
    assert zoo.load(output).translate(["two"]) == model.translate(["two"])
    assert "no attention: the decoder knows the source by its first states alone" in card.card(output)
    missing = ["--file", tmp_path / "missing.txt"]  # told before it is looked for
    wrong = run(["translate", output, *missing, "--attention", tmp_path / "a.png"], capsys)[2]
    assert "`--attention` needs a model with attention; tiny_blind has none" in wrong.replace(
        str(output), "tiny_blind"
    )
    (output / "assets" / "target.model").unlink()
    with pytest.raises(ValueError, match=r"target.model is missing: without it no sentence becomes ids"):
        zoo.load(output)


def test_a_transformer(pairs, tmp_path):
    source, output = entry(tmp_path / "recipes" / "tiny_blocks", TRANSFORMER), tmp_path / "run"
    model = training.train(source, output, report=lambda line: None, verbose=0)
    assert metrics(output)["training"]["steps"] == 2 * 15
    loaded = zoo.load(output)
    assert [type(part).__name__ for part in (model, loaded)] == ["Transformer"] * 2
    published = json.loads((output / "probe.json").read_text())
    assert [row["translation"] for row in probe(loaded)] == [row["translation"] for row in published]
    page = card.card(output)
    for expected in (
        "in 16 dimensions, also the matrix of the softmax",
        "2 SelfAttentionBlock 16 → 1 SelfAttentionBlock 16; 2 heads, feed-forward layers of 64 units, "
        "normalized before each part, positions as sines and cosines",
        "0.05 of the embeddings with positions, and of what each part of a block adds.",
        "label smoothing 0.1",
    ):
        assert expected in page, expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('type = "BahdanauAttention"', 'type = "BahdanauAtention"', "Did you mean `BahdanauAttention`"),
        ("normalize = true", "normalise = true", "`normalise` is no key of `attention` in .model."),
        ('order = "before"', 'order = "between"', "`order` must be one of"),
        ("beam_size = 3", "beams = 3", r"`beams` is no key of \[decoding\]"),
        ('decoder = [{ type = "LSTM", units = 10 }, ', "decoder = [", None),
        (
            'decoder = [{ type = "LSTM", units = 10 }, { type = "GRU", units = 9 }]',
            "decoder = []",
            "at least one",
        ),
        (
            '{ type = "GRU", units = 9 }',
            '{ type = "GRU", units = 9, bidirectional = true }',
            "must read forwards",
        ),
    ],
)
def test_what_a_recipe_may_say(tmp_path, old, new, message):
    assert RECIPE.count(old) == 1
    folder = entry(tmp_path / "tiny", RECIPE.replace(old, new))
    if message is None:
        assert len(read_recipe(folder / "recipe.toml").model.decoder) == 1
        return
    with pytest.raises(ValueError, match=message):
        read_recipe(folder / "recipe.toml")


def test_without_an_attention_there_is_nothing_to_feed(tmp_path):
    recipe = WITHOUT.replace("embedding_dimension = 12", "embedding_dimension = 12\nattentional_units = 5")
    with pytest.raises(ValueError, match=r"`attentional_units` in .model. belongs to an attention"):
        read_recipe(entry(tmp_path / "tiny", recipe) / "recipe.toml")


def test_a_line_that_is_no_utf_8_does_not_lose_the_others(folder, tmp_path, capsys):
    (tmp_path / "lines.txt").write_bytes(b"two one\nsi\xffx\nsix\n")
    status, out, err = run(["translate", folder, "--file", tmp_path / "lines.txt"], capsys)
    model = zoo.load(folder)
    assert (status, out.splitlines()) == (0, model.translate(["two one", "si\ufffdx", "six"]))
    assert "is not UTF-8: byte 0xff at position 10. U+FFFD stands for it." in " ".join(err.split())


def test_unknown_pairs(tmp_path):
    source = entry(tmp_path / "tiny", RECIPE.replace('dataset = "multi30k"', 'dataset = "multi31k"'))
    with pytest.raises(
        ValueError, match=r"`dataset` in \[data\] must be one of \['anki', 'iwslt15_en_vi', 'multi30k'\]"
    ):
        training.train(source, tmp_path / "run", report=lambda line: None, verbose=0)
