"""Experiments go on where they were killed, write down what they measured, and say what was wrong."""

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_rnn import cli, experiments, plots
from keras_rnn.experiments import memory_page, training
from keras_rnn.experiments.tables import read_rows
from keras_rnn.experiments.tasks import adding, copying

SMALL = {"units": 6, "updates": 300, "batch_size": 4, "learning_rate": 1e-2}


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr(training, "HELD_OUT_ROWS", 8)
    monkeypatch.setattr(training, "EVERY", 3)
    monkeypatch.setattr("keras_rnn.experiments.comparison.EVERY", 3)


def settings(**changes):
    return experiments.Settings(**{"network": "exp_rnn", **SMALL, "updates": 12, **changes})


def test_a_training_that_was_killed_goes_on_as_one_that_was_not(tmp_path):
    task = copying(5)
    whole = training.train(task, settings(), tmp_path / "whole")

    class Killed(Exception):
        pass

    def kill(updates, loss):
        if updates == 6:
            raise Killed

    with pytest.raises(Killed):
        training.train(task, settings(), tmp_path / "cut", kill)
    assert len(training.read_history(tmp_path / "cut")) == 2
    told = []
    again = training.train(task, settings(), tmp_path / "cut", lambda *own: told.append(own))
    assert again == whole and [updates for updates, _ in told] == [9, 12]
    assert [row["updates"] for row in whole] == [3, 6, 9, 12]
    # The base point moves and the weight is trained; it stays orthogonal.
    assert 0 < max(row["deviation"] for row in whole) < 2e-6
    # Killed between the last checkpoint and the table, it has only to write that.
    lines = (tmp_path / "cut" / "history.csv").read_text().splitlines()
    (tmp_path / "cut" / "history.csv").write_text("\n".join(lines[:-1]) + "\n")
    assert training.train(task, settings(), tmp_path / "cut") == whole
    # Longer is legal, anything else is not.
    assert training.train(task, settings(updates=15), tmp_path / "cut")[:4] == whole
    assert training.train(task, settings(updates=6), tmp_path / "cut") == whole[:2]
    with pytest.raises(ValueError, match="holds a training with other settings"):
        training.train(task, settings(units=7), tmp_path / "cut")


@pytest.mark.parametrize("network", experiments.NETWORKS)
def test_each_network_learns_with_its_own_settings(network):
    task = adding(4)
    own = settings(network=network, learning_rate=None, units=8)
    model = training.compiled(task, own)
    before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
    x, y = task.held_out(8)
    first = float(model.evaluate(x, y, verbose=0))
    model.fit(x, y, epochs=40, verbose=0, callbacks=training.callbacks(own))
    assert float(model.evaluate(x, y, verbose=0)) < first
    assert all(
        np.any(one != keras.ops.convert_to_numpy(w)) for one, w in zip(before, model.trainable_weights)
    )


def test_clipping_and_multipliers_are_the_networks():
    assert training.compiled(adding(4), settings(network="lstm")).optimizer.global_clipnorm == 1.0
    optimizer = training.compiled(adding(4), settings()).optimizer
    assert optimizer.multipliers == {"recurrent_kernel": 0.1}
    assert float(optimizer.learning_rate) == pytest.approx(1e-2)
    assert float(training.compiled(adding(4), settings(learning_rate=None)).optimizer.learning_rate) == (
        pytest.approx(1e-3)
    )


def test_what_is_held_out_and_what_an_answer_without_memory_costs():
    task = copying(30)
    inputs, targets = task.held_out(2000)
    blank = np.full((*targets.shape, 9), -40.0)
    blank[..., 8] = 40.0
    blank[:, -10:] = [*[0.0] * 8, -40.0]  # each symbol alike
    assert float(task.objective(targets, blank)) == pytest.approx(task.baseline, rel=1e-5)
    drawn = [task.batches(3, 5, seed, 0)[k][0] for seed in (0, 1, 2016) for k in range(3)]
    assert not any((row == inputs).all(axis=1).any() for batch in drawn for row in batch)
    _, y = adding(30).held_out(20_000)
    assert float(keras.losses.MeanSquaredError()(y, np.ones_like(y))) == pytest.approx(1 / 6, rel=0.03)


def test_the_command_writes_table_and_picture(tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr(plots, "memory_curves", lambda *told: drawn.append(told))
    arguments = ["--units", "4", "--batch-size", "2", "--network", "gru", "--updates", "300"]
    monkeypatch.setattr(training, "EVERY", 100)
    run(monkeypatch, "copy-memory", "--delay", "3", "--delay", "2", *arguments, "--output", str(tmp_path))
    told = capsys.readouterr().out
    assert "delay 3, gru: " in told and "after 300 updates" in told
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["task"], row["network"], row["updates"]) for row in rows] == [
        ("copying_2", "gru", "300"),
        ("copying_3", "gru", "300"),
    ]
    for row in rows:
        history = training.read_history(tmp_path / row["task"] / "gru")
        mean = np.mean([own["val_loss"] for own in history[-5:]])
        assert float(row["loss"]) == pytest.approx(mean)
        assert float(row["share"]) == pytest.approx(mean / float(row["baseline"]))
        assert row["deviation"] == ""
    curves, baselines, _, _, ylabel = drawn[-1]
    assert list(curves) == list(baselines) == ["delay 2", "delay 3"] and "nats" in ylabel
    assert curves["delay 2"]["gru"][0] == [100, 200, 300]
    assert (tmp_path / "copying_2" / "gru" / "settings.json").exists()
    page = (tmp_path / "README.md").read_text()
    assert page == memory_page.page("Copying ten symbols", read_rows(tmp_path / "results.csv"))
    for row in rows:
        line = f"| gru | 4 | {float(row['loss']):.3g} | {100 * float(row['share']):.3g}% |  | 300 | 0 |"
        assert line in page.split(f"## Delay {row['task'][-1]}")[1].split("##")[0]
    told = "- `gru`: RMSprop (rho 0.9, epsilon 1e-16), learning rate 0.001, gradients clipped at the norm 1."
    assert told in page
    assert "Batches of 2, seed 1. Minutes are those of `fit` by the clock: what else ran on" in page
    # Another network on one more task joins the table of the first.
    arguments[5] = "lru"
    delays = "--delay", "11", "--delay", "3"
    run(monkeypatch, "copy-memory", *delays, *arguments, "--output", str(tmp_path))
    curves, baselines, *_ = drawn[-1]
    assert {title: list(own) for title, own in curves.items()} == {
        "delay 2": ["gru"],
        "delay 3": ["gru", "lru"],
        "delay 11": ["lru"],
    }
    assert list(baselines) == list(curves)
    joined = read_rows(tmp_path / "results.csv")
    assert [row for row in joined if row["network"] == "gru"] == rows
    # A task whose trainings are gone has no curve, and leaves the table.
    shutil.rmtree(tmp_path / "copying_2")
    run(monkeypatch, "copy-memory", "--delay", "3", *arguments, "--output", str(tmp_path))
    assert list(drawn[-1][0]) == list(drawn[-1][1]) == ["delay 3", "delay 11"]
    assert [row["task"] for row in read_rows(tmp_path / "results.csv")] == [
        "copying_3",
        "copying_3",
        "copying_11",
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--network", "lstn"], "`network` must be one of simple_rnn, lstm.*received network='lstn'"),
        (["--updates", "150"], "`updates` must be a multiple of 100; received updates=150"),
    ],
)
def test_bad_settings_are_told_before_anything_is_trained(arguments, error, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "EVERY", 100)
    with pytest.raises(SystemExit):
        run(monkeypatch, "adding", *arguments, "--output", str(tmp_path / "none"))
    assert re.search(error, capsys.readouterr().err)
    assert not (tmp_path / "none").exists()


PUBLISHED = Path(__file__).parents[2] / "tutorials" / "copy_memory"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the experiment of the tutorials is not run yet")
def test_the_published_page_is_that_of_its_table():
    rows = read_rows(PUBLISHED / "results.csv")
    assert (PUBLISHED / "README.md").read_text() == memory_page.page("Copying ten symbols", rows)
    assert (PUBLISHED / "curves.png").exists()


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["keras-rnn", "experiment", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        if stop.code:
            raise


def test_a_picture_of_curves(tmp_path, monkeypatch):
    curves = {"delay 3": {"gru": ([100, 200], [0.3, 0.01])}, "delay 9": {"lstm": ([100], [0.2])}}
    baselines = {"delay 3": 0.5, "delay 9": 0.4}
    plots.memory_curves(curves, baselines, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    figures = []
    module = sys.modules["keras_rnn.plots.memory_curves"]  # the package has a function of that name
    monkeypatch.setattr(module, "save", lambda figure, _: figures.append(figure))
    plots.memory_curves(curves, baselines, tmp_path / "curves.png")
    (legend,) = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["gru", "lstm", "without memory"]
    with pytest.raises(ValueError, match="`curves` must hold at least one task"):
        plots.memory_curves({}, {}, tmp_path / "none.png")


def test_settings_are_kept_beside_the_checkpoint(tmp_path):
    training.train(copying(2), settings(updates=3), tmp_path)
    kept = json.loads((tmp_path / "settings.json").read_text())
    assert kept == {"task": "copying_2", "network": "exp_rnn", **SMALL, "updates": 3, "seed": 1}
