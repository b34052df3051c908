"""Nothing to read: no steps, or none that count, or no rows."""

import numpy as np
import pytest

from tests.contracts.arrays import BATCH, FEATURES, GAPS, distance, flat
from tests.contracts.catalogue import rows

NO_STEPS = np.zeros((BATCH, 0, FEATURES))


@pytest.mark.parametrize("return_sequences", [True, False])
@rows("recurrent", "sample")
def test_a_sequence_without_steps_gives_zeros_and_the_states_it_began_with(row, return_sequences):
    layer = row.layer(return_sequences=return_sequences)
    call = row.call_arguments(np.zeros((BATCH, 0), bool))
    expected = row.expected(layer.get_weights(), NO_STEPS, return_sequences=return_sequences, **call)
    assert distance(layer(NO_STEPS, **call), expected) == 0


@rows("recurrent", "sample")
def test_a_graph_of_any_length_runs_on_none(row):
    import tensorflow as tf  # the rest of this file runs without it

    layer, call = row.layer(), row.call_arguments(np.zeros((BATCH, 0), bool))
    graph = tf.function(lambda x: layer(x, **call), [tf.TensorSpec((BATCH, None, FEATURES), "float64")])
    assert distance(graph(NO_STEPS), layer(NO_STEPS, **call)) == 0


@rows("recurrent")
def test_rows_without_a_step_that_counts_give_zeros_and_hold_their_states(row):
    layer, call = row.layer(), row.call_arguments(np.zeros_like(GAPS))
    *outputs, output_count = flat(layer(row.inputs(), **call)), len(row.sizes)
    outputs, states = outputs[0][:-output_count], outputs[0][-output_count:]
    assert not any(output.any() for output in outputs)
    assert distance(states, row.states()) == 0


@rows("recurrent", "sample")
def test_a_batch_without_rows_gives_none(row):
    layer = row.layer()
    result = layer(row.inputs()[:0], initial_state=row.states(batch=0), mask=GAPS[:0])
    whole = layer(row.inputs(), **row.call_arguments(GAPS))
    assert [y.shape for y in flat(result)] == [(0, *y.shape[1:]) for y in flat(whole)]


@rows("pooling")
def test_pooling_of_no_steps_gives_zeros(row):
    expected = np.zeros((BATCH, FEATURES * len(row.make().modes)))
    assert distance(row.layer()(NO_STEPS), expected) == 0
    assert distance(row.layer()(row.inputs(), mask=np.zeros_like(GAPS)), expected) == 0
