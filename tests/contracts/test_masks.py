"""A masked step counts for nothing: not its content, not that it is there."""

import numpy as np
import pytest

from tests.contracts.arrays import GAPS, MASKS, SAME, distance, flat, identical
from tests.contracts.backend import value_and_gradients
from tests.contracts.catalogue import rows

FORMS = {
    "int32": lambda mask: mask.astype("int32"),
    "float32, any number but zero": lambda mask: np.where(mask, -2.5, 0.0).astype("float32"),
    "trailing axis": lambda mask: mask[..., None],
}


@pytest.mark.parametrize("form", FORMS)
@rows("mask", "sample")
def test_a_mask_may_have_any_form(row, form):
    layer, x = row.layer(), row.inputs()
    assert identical(layer(x, mask=FORMS[form](GAPS)), layer(x, mask=GAPS))


@pytest.mark.parametrize("form", FORMS)
@rows("recurrent", "sample")
def test_a_reset_mask_may_have_any_form(row, form):
    layer, x, resets = row.layer(), row.inputs(), GAPS[::-1]
    assert identical(layer(x, reset_mask=FORMS[form](resets)), layer(x, reset_mask=resets))
    assert distance(layer(x, reset_mask=resets), layer(x)) > 1e-3


def with_garbage(x, mask):
    return np.where(mask[..., None], x, 1e3 * (1 + np.arange(x.size).reshape(x.shape) % 3))


@pytest.mark.parametrize("mask", ["gaps", "empty row"])
@rows("mask", "sample")
def test_what_stands_in_a_masked_step_changes_no_result(row, mask):
    layer, x, call = row.layer(), row.inputs(), row.call_arguments(MASKS[mask])
    assert identical(layer(with_garbage(x, MASKS[mask]), **call), layer(x, **call))


@rows("mask", "sample")
def test_what_stands_in_a_masked_step_changes_no_gradient(row):
    layer, x = row.layer(), row.inputs()
    clean, garbage = (
        value_and_gradients(layer, inputs, row.states(), mask=GAPS) for inputs in (x, with_garbage(x, GAPS))
    )
    assert identical(clean, garbage)
    by_inputs = np.asarray(clean[1][0])
    assert not by_inputs[~GAPS].any()
    assert by_inputs[GAPS].any(axis=-1).sum() > 1


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("return_sequences", [True, False])
@rows("mask", "sample")
def test_padding_changes_no_result(row, side, return_sequences):
    arguments = {"return_sequences": return_sequences} if "recurrent" in row.promises else {}
    layer, x = row.layer(**arguments), row.inputs()
    width = [(0, 0), (3, 0) if side == "left" else (0, 3), (0, 0)]
    padded, mask = np.pad(x, width, constant_values=9.0), np.pad(GAPS, width[:2])
    alone = layer(x, **row.call_arguments(GAPS))
    among = layer(padded, **row.call_arguments(mask))
    if "recurrent" not in row.promises or return_sequences:
        inner = slice(3, None) if side == "left" else slice(None, -3)
        # All outputs have a time axis, no state and no pooled vector has.
        among = [y[:, inner] if len(y.shape) == 3 else y for y in flat(among)]
    assert distance(among, alone) < SAME


@rows("mask")
def test_a_mask_of_ones_is_no_mask(row):
    layer, x = row.layer(), row.inputs()
    assert distance(layer(x, mask=np.ones_like(GAPS)), layer(x)) < SAME
