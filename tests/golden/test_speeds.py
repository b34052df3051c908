"""What the benchmarks found, held to what was promised. Nothing is timed here."""

import json
from pathlib import Path

from keras_rnn import layers

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "recurrence.json"
#: No cells of their own, but what cells are made of, or around.
PARTS = {"AffineCell", "AttentionCell", "LinearCell", "RecurrentCell", "WrappedCell"}


def test_each_cell_runs_as_fast_as_in_a_layer_of_keras():
    speeds = {row["cell"]: row["speed"] for row in json.loads(RESULTS.read_text())["cells"]["rows"]}
    assert set(speeds) == {name for name in layers.__all__ if name.endswith("Cell")} - PARTS
    assert min(speeds.values()) >= 0.95, speeds
