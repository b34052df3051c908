"""Pictures of scores."""

import importlib

from keras_rnn import plots


def test_the_first_quarter_does_not_press_the_rest_together(tmp_path, monkeypatch):
    drawn = []
    module = importlib.import_module("keras_rnn.plots.scores")
    monkeypatch.setattr(module, "save", lambda figure, path: drawn.append(figure))
    epochs = range(1, 9)
    lines = {"a": [90, 30, 2.0, 1.9, 1.8, 1.8, 1.7, 1.6], "b": [70, 9, 3.0, 2.9, 2.8, 2.9, 2.7, 2.6]}
    plots.score_curves({name: (epochs, y) for name, y in lines.items()}, tmp_path / "a.png")
    low, high = drawn[0].axes[0].get_ylim()
    assert 1.5 < low < 1.6 and 3.0 < high < 3.1
    plots.score_curves({"a": ([1, 2], [0.5, 0.5])}, tmp_path / "b.png")
    low, high = drawn[1].axes[0].get_ylim()
    assert low < 0.5 < high
