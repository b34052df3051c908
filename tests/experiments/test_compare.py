"""Cells are compared at equal numbers of parameters, by trainings that go on, in one table."""

import csv
import importlib
import json
import re
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from keras_rnn import cli, experiments, layers
from keras_rnn.datasets import imdb, polymusic, tiny_shakespeare
from keras_rnn.datasets.corpus import Corpus
from keras_rnn.datasets.text_classification import TextClassificationData
from keras_rnn.datasets.vocabulary import Vocabulary
from keras_rnn.experiments import cell_comparison, cell_page, cell_tasks, cell_training
from keras_rnn.experiments.cell_page import page
from keras_rnn.experiments.cells import count_parameters, find, units_for
from keras_rnn.experiments.tables import read_history, read_rows

PUBLISHED = Path(__file__).parents[2] / "tutorials" / "lstm_or_gru"


class SmallReviews(cell_tasks.Reviews):
    steps, words, batch_size, features = 6, 20, 4, 5
    reviews = MappingProxyType({"train": 16, "validation": 8, "test": 8})


class SmallShakespeare(cell_tasks.Shakespeare):
    steps, streams, features = 4, 3, 5


class SmallCopying(cell_tasks.Copying):
    delay, steps, batches, batch_size, features, epochs = 2, 22, 2, 4, 5, 2


@pytest.fixture
def corpora(monkeypatch):
    """Made-up data under the names of the real."""
    random = np.random.default_rng(3)

    def reviews(split):
        labels = np.arange(80) % 2
        kinds = [["bad", "poor"], ["good", "fine"]]
        texts = [" ".join([*random.choice(kinds[k], 2), *random.choice(["a", "film"], 5)]) for k in labels]
        return TextClassificationData(
            texts, labels, imdb.CLASS_NAMES, [f"{split}{k // 2}" for k in range(80)]
        )

    def characters(split):
        return Corpus(random.integers(0, 5, 60).astype("int32"), Vocabulary(list("abcde"), "character"))

    def rolls(split):
        return [(random.random((n, 88)) < 0.1).astype("uint8") for n in (3, 5)]

    monkeypatch.setattr(imdb, "load", reviews)
    monkeypatch.setattr(tiny_shakespeare, "load", characters)
    monkeypatch.setattr(polymusic, "load", rolls)


def test_all_layers_have_the_number_of_parameters_that_is_asked_for():
    assert len(set(experiments.TWELVE)) == 12
    for features in (64, 88):
        for name in experiments.TWELVE:
            units = units_for(name, features, 50_000)
            layer = getattr(layers, name)(units)
            layer.build((None, None, features))
            assert layer.count_params() == count_parameters(name, units, features)
            assert abs(layer.count_params() / 50_000 - 1) < 0.01, name


@pytest.mark.parametrize("name", experiments.CELLS)
def test_no_other_number_of_units_comes_nearer(name):
    units = units_for(name, 8, 700)
    found, *others = (
        abs(count_parameters(name, n, 8) - 700) for n in (units, units - 1, units + 1, 8) if n > 0
    )
    assert found <= min(others)


def test_as_many_units_as_features_may_save_a_matrix():
    counts = [count_parameters("RGLRU", units, 8) for units in range(1, 20)]
    assert counts[6:9] == [189, 152, 243]
    for parameters in (150, 160, 170, 190, 220):
        found = count_parameters("RGLRU", units_for("RGLRU", 8, parameters), 8)
        assert abs(found - parameters) == min(abs(count - parameters) for count in counts)


def test_a_training_that_was_killed_goes_on_as_one_that_was_not(corpora, tmp_path, monkeypatch):
    task, own = SmallReviews(), cell_training.CellTraining("GRU", 3, 0.03, epochs=4, seed=1)
    whole, _ = cell_training.train(task, own, tmp_path / "whole")

    class Killed(Exception):
        pass

    def kill(epochs, score):
        if epochs == 2:
            raise Killed

    with pytest.raises(Killed):
        cell_training.train(task, own, tmp_path / "cut", kill)
    assert len(read_history(tmp_path / "cut")) == 2
    told = []
    again, seconds = cell_training.train(task, own, tmp_path / "cut", lambda *now: told.append(now))
    assert again == whole and [row["epoch"] for row in whole] == [1, 2, 3, 4] and seconds > 0
    assert told == [(row["epoch"], row["score"]) for row in whole[2:]]
    assert [row["score"] for row in whole] == [row["val_accuracy"] for row in whole]
    # A training that is done is read, and its seconds stay.
    (tmp_path / "cut" / "checkpoint.npz").unlink()
    assert cell_training.train(task, own, tmp_path / "cut") == (whole, seconds)
    # What is measured are the weights of the best epoch, which is not the last.
    best = max(row["score"] for row in whole)
    assert best > whole[-1]["score"]
    validation = dict(zip("xy", task.training(1, 0, 1)["validation_data"]))
    monkeypatch.setattr(task, "test", lambda: validation)
    found = cell_training.measure(task, own, tmp_path / "cut")
    assert found == {"score": best, "with_head": count_parameters("GRU", 3, 5) + 4}


def test_a_training_that_diverges_ends_there(tmp_path):
    own = cell_training.CellTraining("GRU", 3, 1e38, epochs=3, seed=1)
    history, _ = cell_training.train(SmallCopying(), own, tmp_path)
    assert len(history) < 2
    assert json.loads((tmp_path / "finished.json").read_text())["diverged"]


@pytest.mark.parametrize(
    ("task", "scale", "keys"), [(SmallShakespeare(), 1 / np.log(2), 5), (cell_tasks.Chorales(), 1, 88)]
)
def test_each_task_is_trained_and_measured(task, scale, keys, corpora, tmp_path):
    own = cell_training.CellTraining("MinGRU", 4, 0.01, epochs=1, seed=1)
    [row], _ = cell_training.train(task, own, tmp_path)
    assert row["score"] == pytest.approx(scale * row["val_loss"])
    found = cell_training.measure(task, own, tmp_path)
    assert found["with_head"] == count_parameters("MinGRU", 4, task.features) + (4 + 1) * keys
    assert found["score"] > 0


def test_no_film_that_is_held_out_is_trained_on(corpora, monkeypatch):
    seen = []
    split = TextClassificationData.split
    monkeypatch.setattr(
        TextClassificationData, "split", lambda *a, **b: seen.append(split(*a, **b)) or seen[-1]
    )
    task = SmallReviews()
    x, _ = next(iter(task.training(1, 0, 1)["x"]))
    assert x.shape == (4, 6) and task.test()["x"].shape == (8, 6)
    (train, _), *parts = seen
    chosen, validation, _ = (part for _, part in parts)
    assert set(chosen.groups) <= set(train.groups) and not set(train.groups) & set(validation.groups)


def fake_score(cell, units):
    return 0.5 + units / 1000 + len(cell) / 100_000


@pytest.fixture
def untrained(monkeypatch):
    """Trainings without training: scores near 0.9 and 0.8 by the rate, the second of 3 epochs the lowest."""
    measured, figures = [], {}

    def train(task, own, folder, progress):
        if own.cell == "IndRNN":
            return [], 1.0
        score = (0.9 if own.learning_rate == 0.001 else 0.8) + 0.01 * (own.units % 7)
        folder.mkdir(parents=True)
        rows = [{"epoch": k + 1, "score": score + (0.1 if k == 1 else 0.15)} for k in range(3)]
        (folder / "history.csv").write_text(
            "\n".join(["epoch,score", *(f"{row['epoch']},{row['score']}" for row in rows)]) + "\n"
        )
        progress(3, score)
        return rows, 90.0

    def measure(task, own, folder):
        measured.append(own)
        return {"with_head": 60_000 + own.units, "score": fake_score(own.cell, own.units)}

    monkeypatch.setattr(cell_comparison, "train", train)
    monkeypatch.setattr(cell_comparison, "measure", measure)
    # Not by its path: `plots.scores` is the function.
    plots = importlib.import_module("keras_rnn.plots.scores")
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.update({path.name: figure}))
    return measured, figures


@pytest.mark.parametrize(("name", "rate", "epoch"), [("imdb", 0.001, 1), ("jsb", 0.003, 2)])
def test_validation_chooses_and_table_picture_and_page_agree(name, rate, epoch, untrained, tmp_path):
    measured, figures = untrained
    task = experiments.CELL_TASKS[name]
    rows = experiments.compare_cells(task, tmp_path, report=lambda line: None)
    assert [own.learning_rate for own in measured] == [rate] * 11  # each cell once
    assert {row["cell"] for row in rows} == set(experiments.TWELVE)
    trained = rows[:-1]
    assert rows[-1]["cell"] == "IndRNN" and rows[-1]["score"] == ""
    given = [float(row["score"]) for row in trained]
    assert given == sorted(given, reverse=name == "imdb")
    for row in trained:
        assert float(row["score"]) == fake_score(row["cell"], int(row["units"]))
        assert (float(row["learning_rate"]), int(row["epoch"]), float(row["minutes"])) == (rate, epoch, 1.5)
    # The picture: in each panel one point and one name for each cell, and no name on another.
    assert len(figures[f"{name}.png"].axes) == 2
    for figure in figures.values():
        for axis in figure.axes:
            assert sorted(text.get_text() for text in axis.texts) == sorted(row["cell"] for row in trained)
            assert len(axis.lines) == 11
            heights = sorted(text.get_position()[1] for text in axis.texts)
            assert np.diff(heights).min() > 0.08
            figure.canvas.draw()
            label = axis.yaxis.label
            if label.get_text():  # no longer than the picture is high
                assert label.get_window_extent().y0 >= 0
                assert label.get_window_extent().y1 <= figure.bbox.height
    by_score = [text.get_text() for text in figures[f"{name}.png"].axes[0].texts]
    assert by_score == [row["cell"] for row in (trained[::-1] if name == "imdb" else trained)]
    # The page: a line for each row, in their order, and the command.
    text = (tmp_path / "lstm_or_gru.md").read_text(encoding="utf-8")
    assert text == page(read_rows(tmp_path / "lstm_or_gru" / "results.csv"))
    lines = re.findall(r"^\| (\w+) \| (\d+) \| ([\d,]+) \| (.*) \|$", text, re.M)
    assert [line[0] for line in lines] == [row["cell"] for row in rows]
    for row, (_, units, parameters, rest) in zip(trained, lines):
        assert (units, parameters) == (row["units"], f"{int(row['parameters']):,}")
        assert f"| {float(row['score']):.4f} |" in rest
        assert rest.endswith(f"| 1.5 | 3, {epoch} | {rate:g}")  # `train` took 3
    assert "diverged" in lines[-1][3]
    command = f"keras-rnn compare {name} --parameters 50000 --epochs {task.epochs}"
    rates = {"imdb": [0.001, 0.003], "jsb": [0.001, 0.003, 0.01]}[name]
    assert f"`{command}{''.join(f' --learning-rate {rate}' for rate in rates)} --seed 1`, on " in text


def test_the_command_writes_all_and_trains_nothing_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(experiments.CELL_TASKS, "copying", SmallCopying())
    arguments = ["copying", "--parameters", "600", "--learning-rate", "0.01", "--output", str(tmp_path)]
    run(monkeypatch, *arguments, "--cell", "gru")
    assert "Copying memory, GRU: cross entropy (nats a step) " in capsys.readouterr().out
    with (tmp_path / "lstm_or_gru" / "results.csv").open() as file:
        [row] = csv.DictReader(file)
    training = tmp_path / "copying" / "GRU" / "0.01"
    scores = [own["score"] for own in read_history(training)]
    assert len(scores) == 2 and float(row["validation"]) == min(scores)
    assert abs(int(row["parameters"]) / 600 - 1) < 0.1
    kept = {"task": "copying", "cell": "GRU", "units": int(row["units"]), "learning_rate": 0.01, "epochs": 2}
    assert json.loads((training / "settings.json").read_text()) == {**kept, "seed": 1}
    text = (tmp_path / "lstm_or_gru.md").read_text()
    assert "--cell GRU --parameters 600 --epochs 2 --learning-rate 0.01 --seed 1`" in text
    for picture in re.findall(r"\]\((\S+png)\)", text):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(cell_comparison, "train", None)  # it is not called
    run(monkeypatch, *arguments, "--cell", "GRU")
    assert (tmp_path / "lstm_or_gru.md").read_text() == text
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments, "--seed", "2")
    assert "holds trainings with other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["jbs"],
            "`TASK` must be one of imdb, shakespeare, copying, jsb; received 'jbs'. Did you mean `jsb`",
        ),
        (["jsb", "--cell", "lstn"], "received cell='lstn'. Nearest: LSTM"),
        (
            ["jsb", "--cell", "no_such_file:Cell"],
            "`cell` 'no_such_file:Cell': No module named 'no_such_file'",
        ),
        (["jsb", "--cell", "keras_rnn.layers:GRUCell"], "has no layer 'GRUCell' that derives from"),
        (
            ["jsb", "--cell", ".cells:Mine"],
            "`cell` must be written module:Class; received cell='.cells:Mine'",
        ),
        (["jsb", "--learning-rate", "0"], "`learning_rates` must be positive numbers"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(arguments, error, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments, "--output", str(tmp_path / "none"))
    assert error in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "none").exists()
    assert find("gru") == find("GRU") == "GRU"


OWN = """
from keras_rnn.layers import MGU


class Mine(MGU):
    pass
"""


def test_a_cell_of_ones_own_is_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    (tmp_path / "my_own_cells.py").write_text(OWN)
    monkeypatch.setitem(experiments.CELL_TASKS, "copying", SmallCopying())
    small = ["--parameters", "600", "--learning-rate", "0.01", "--output", "out"]
    run(monkeypatch, "copying", "--cell", "my_own_cells:Mine", "--cell", "mgu", *small)
    mine, known = read_rows(tmp_path / "out" / "lstm_or_gru" / "results.csv")
    assert {mine["cell"], known["cell"]} == {"my_own_cells:Mine", "MGU"}
    assert mine["score"] == known["score"] and mine["units"] == known["units"]
    assert "--cell MGU --cell my_own_cells:Mine" in (tmp_path / "out" / "lstm_or_gru.md").read_text()


def a_row(task, cell, score):
    return {"task": task, "cell": cell, "score": str(score)}


def test_the_answer_names_the_better_one_and_how_sure_it_is():
    rows = [
        a_row("imdb", "MGU", 0.9),
        a_row("imdb", "LSTM", 0.8),
        a_row("imdb", "GRU", 0.75),
        a_row("jsb", "GRU", 8.0),
        a_row("jsb", "LSTM", 8.5),
        a_row("shakespeare", "LSTM", 2.0),  # alone
    ]
    lines = cell_page._answer(rows)[3:-1]
    assert lines == [
        # sqrt((0.8 * 0.2 + 0.75 * 0.25) / 5000) = 0.00834
        "| Film reviews | accuracy | 0.8000 | 0.7500 | LSTM, by 0.0500 (standard error 0.0083) "
        "| MGU, 0.9000 | 3 |",
        "| Chorales of J. S. Bach | negative log likelihood (nats a step) | 8.5000 | 8.0000 | GRU, by 0.5000 "
        "| GRU, 8.0000 | 2 |",
    ]
    copying = [a_row("copying", "LSTM", 0.10001), a_row("copying", "GRU", ""), a_row("copying", "LRU", "")]
    assert cell_page._answer(copying)[3] == (
        "| Copying memory | cross entropy (nats a step) | 0.1000 | diverged | LSTM | LSTM, 0.1000 | 3 |"
    )
    copying[1]["score"] = "0.10004"
    assert "| 0.1000 | 0.1000 | neither |" in cell_page._answer(copying)[3]


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["keras-rnn", "compare", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        if stop.code:
            raise


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the page of the tutorials is not generated yet")
def test_the_published_page_is_that_of_its_table():
    rows = read_rows(PUBLISHED / "results.csv")
    text = (PUBLISHED.parent / "lstm_or_gru.md").read_text(encoding="utf-8")
    assert text == page(rows)
    for picture in re.findall(r"\]\(lstm_or_gru/(\S+)\)", text):
        assert (PUBLISHED / picture).exists()
