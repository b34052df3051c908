"""Steps written out one after the other are the loop."""

import keras
import pytest
import tensorflow as tf

from tests.contracts.arrays import GAPS, RESETS, distance
from tests.contracts.catalogue import rows
from tests.contracts.test_one_loop import ops_in


@rows("recurrent", "sample")
def test_unrolled_steps_are_the_loop(row):
    loop, unrolled = row.layer(), row.layer(unroll=True)
    call = {**row.call_arguments(GAPS), "reset_mask": RESETS["steps"]}
    assert distance(unrolled(row.inputs(), **call), loop(row.inputs(), **call)) < 1e-12


@rows("recurrent", "sample")
def test_an_unrolled_layer_has_no_loop(row):
    spec = tf.TensorSpec(row.inputs().shape, "float64")
    ops = ops_in(tf.function(row.layer(unroll=True)).get_concrete_function(spec))
    assert ops["While"] + ops["StatelessWhile"] == 0


@rows("recurrent", "sample")
def test_unrolling_an_unknown_time_is_an_error(row):
    layer = row.own_layer(unroll=True, dtype="float32")
    model = keras.Sequential([keras.Input(row.inputs().shape[1:]), layer])
    assert model(row.inputs()) is not None
    with pytest.raises(ValueError, match="`unroll=True` needs a number of time steps that is known"):
        tf.function(layer).get_concrete_function(tf.TensorSpec(row.unknown_time))
