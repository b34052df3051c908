"""The page on adding a cell, followed from its first line to its last."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.contracts import (
    test_gradients,
    test_mixed_precision,
    test_oracle,
    test_pieces,
    test_saving,
)
from tests.contracts.arrays import distance

PAGE = (Path(__file__).parents[1] / "tutorials" / "add_a_cell.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """What the blocks of the page have made and printed, one after the other."""
    printed, space = [], {"print": lambda *told: printed.append(" ".join(map(str, told)))}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("reader"))
        for block in BLOCKS:
            exec(compile(block, "add_a_cell.md", "exec"), space)
    return space, printed


def test_the_page_prints_what_it_says(followed):
    said = re.findall(r"^print\(.*\)  # (.*)$", "\n".join(BLOCKS), re.MULTILINE)
    assert followed[1] == said and len(said) == 3


def test_a_cell_is_as_short_as_it_is_said():
    assert len(BLOCKS[0].splitlines()) < 60


def test_the_second_part_goes_on_where_the_first_ended(followed):
    space, _ = followed
    whole, _ = space["layer"](space["x"])
    parts = keras.ops.concatenate([space["first"], space["second"]], axis=1)
    assert distance(parts, whole) < 1e-6


@pytest.mark.parametrize(
    "contract",
    [
        test_gradients.test_gradients,
        test_gradients.test_gradients_with_a_mask,
        test_pieces.test_two_pieces_with_the_state_carried_are_one,
        test_pieces.test_a_reset_at_the_border_makes_two_sequences_of_one,
        test_oracle.test_without_initial_states_a_layer_begins_at_zero,
    ],
    ids=lambda contract: contract.__name__,
)
def test_the_row_brings_the_cell_under_the_contracts(followed, contract):
    contract(followed[0]["ROW"])


@pytest.mark.parametrize("make", [test_saving.functional, test_saving.sequential])
def test_the_row_brings_the_cell_into_files(followed, make, tmp_path):
    test_saving.test_a_saved_model_comes_back(followed[0]["ROW"], make, tmp_path)


def test_the_row_brings_the_cell_to_16_bits(followed):
    test_mixed_precision.test_a_stateful_layer_carries_32_bits(followed[0]["ROW"], "bfloat16")


def test_the_mutant_is_caught(followed):
    row = followed[0]["ROW"]
    layer, x = row.layer(), row.inputs()
    weights = [np.asarray(w, float) for w in layer.get_weights()]
    right, wrong = row.oracle, row.mutants["the gate works the other way"]
    found = [keras.ops.convert_to_numpy(y) for y in layer(x)]
    assert distance(found[0], row.expected(weights, x, oracle=right)[0]) < 1e-10
    assert distance(found[0], row.expected(weights, x, oracle=wrong)[0]) > 1e-3
