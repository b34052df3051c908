"""Steps written out one after the other are the loop."""

from tests.contracts.arrays import GAPS, RESETS, SAME, distance
from tests.contracts.catalogue import rows


@rows("recurrent", "sample")
def test_unrolled_steps_are_the_loop(row):
    loop, unrolled = row.layer(), row.layer(unroll=True)
    call = {**row.call_arguments(GAPS), "reset_mask": RESETS["steps"]}
    assert distance(unrolled(row.inputs(), **call), loop(row.inputs(), **call)) < SAME


@rows("recurrent", "sample")
def test_no_steps_unrolled_are_no_steps(row):
    loop, unrolled = row.layer(), row.layer(unroll=True)
    call = row.call_arguments(GAPS[:, :0])
    assert distance(unrolled(row.inputs()[:, :0], **call), loop(row.inputs()[:, :0], **call)) == 0
