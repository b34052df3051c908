"""Eager, in a graph with unknown batch and time, and compiled by XLA: the same outputs and gradients."""

import pytest
import tensorflow as tf

from tests.contracts.arrays import EXACT, GAPS, distance, flat
from tests.contracts.backend import value_and_gradients
from tests.contracts.catalogue import rows


def everything(layer, x, states, mask):
    """Outputs, loss, and gradients by inputs, states and weights."""
    masked = {} if mask is None else {"mask": mask}
    given = {"initial_state": states} if states else {}
    return layer(x, **given, **masked), value_and_gradients(layer, x, states, **masked)


def in_a_graph(row, layer, jit_compile):
    """`everything` with all sizes unknown but those of features and states."""
    signature = [
        tf.TensorSpec(row.unknown_time, "float64"),
        [tf.TensorSpec((None, state.shape[1]), "float64") for state in row.states()],
    ]
    if "mask" in row.promises:
        signature.append(tf.TensorSpec((None, None), "bool"))
        return tf.function(lambda *args: everything(layer, *args), signature, jit_compile=jit_compile)
    return tf.function(
        lambda x, states: everything(layer, x, states, None), signature, jit_compile=jit_compile
    )


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@rows("gradient", "sample")
def test_a_graph_gives_what_eager_mode_gives(row, jit_compile):
    layer, x, states = row.layer(), row.inputs(), row.states()
    mask = [GAPS] if "mask" in row.promises else []
    function = in_a_graph(row, layer, jit_compile)
    eager = everything(layer, x, states, *(mask or [None]))
    result = flat(function(x, states, *mask))
    assert len(result) > 2
    assert distance(result, flat(eager)) < EXACT
    if not jit_compile:
        # Another batch and time, through the graph that is there.
        x, states = x[:2], [state[:2] for state in states]
        x, mask = (x[:, :3], [GAPS[:2, :3]]) if mask else (x, [])
        again = everything(layer, x, states, *(mask or [None]))
        assert distance(flat(function(x, states, *mask)), flat(again)) < EXACT
        assert function.experimental_get_tracing_count() == 1
