"""Every way to run an AttentionRNN gives the same numbers: fast and plain loop, graphs, fewer bits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.layers import fast_loop
from tests.contracts.arrays import SAME, distance, flat
from tests.contracts.test_one_loop import ops_in
from tests.layers.attention_cases import (
    BATCH,
    CASES,
    FEATURES,
    GAPS,
    MEMORY,
    MEMORY_MASK,
    cases,
    inputs,
    layer_of,
    run,
    some_cases,
    value_and_gradients,
)

#: Sums in another order.
CLOSE = 100 * SAME
SIGNATURE = [
    tf.TensorSpec((None, None, FEATURES), "float64"),
    tf.TensorSpec((None, None, MEMORY), "float64"),
    tf.TensorSpec((None, None), "bool"),
    tf.TensorSpec((None, None), "bool"),
]


def check_fast(name, monkeypatch, slices, **masks):
    monkeypatch.setattr(fast_loop, "batch_slices", lambda _: slices)
    fast, plain = (
        flat(value_and_gradients(layer, *inputs(), CASES[name].all_states(), **masks))
        for layer in (layer_of(name, implementation=way) for way in ("fast", "plain"))
    )
    assert distance(fast, plain) < CLOSE


@cases
def test_the_fast_path_is_the_plain_one(name, monkeypatch):
    check_fast(name, monkeypatch, 2, mask=GAPS, memory_mask=MEMORY_MASK)


@some_cases
def test_the_fast_path_without_masks(name, monkeypatch):
    check_fast(name, monkeypatch, 1)


@some_cases
def test_recomputed_segments_are_the_plain_loop(name, monkeypatch):
    monkeypatch.setattr("keras_rnn.layers.segments.SEGMENT", 3)
    states, call = CASES[name].all_states(), {"mask": GAPS, "memory_mask": MEMORY_MASK}
    fast = value_and_gradients(
        layer_of(name, implementation="fast", recompute=True), *inputs(), states, **call
    )
    plain = value_and_gradients(layer_of(name, implementation="plain"), *inputs(), states, **call)
    assert distance(fast, plain) < CLOSE


@some_cases
def test_a_large_batch_takes_two_slices_in_training(name):
    x, memory = inputs(batch=20)
    states = CASES[name].states(batch=20)
    fast, plain = (
        flat(value_and_gradients(layer_of(name, implementation=way), x, memory, states, training=True))
        for way in ("auto", "plain")
    )
    assert distance(fast, plain) < CLOSE


def given(batch=BATCH):
    return (*(y[:batch] for y in inputs()), GAPS[:batch], MEMORY_MASK[:batch])


@some_cases
def test_a_graph_of_unknown_sizes_is_one_loop_and_gives_the_same(name):
    layer = layer_of(name, implementation="plain")

    @tf.function(input_signature=SIGNATURE)
    def graph(x, memory, mask, memory_mask):
        return layer(x, memory=memory, mask=mask, memory_mask=memory_mask)

    counts = ops_in(graph.get_concrete_function())
    assert counts["While"] + counts["StatelessWhile"] == 1
    assert not [op for op in counts if "PyFunc" in op]
    for batch in (BATCH, 2):
        x, memory, mask, memory_mask = given(batch)
        eager = layer(x, memory=memory, mask=mask, memory_mask=memory_mask)
        assert distance(graph(*given(batch)), eager) < SAME


@some_cases
def test_what_the_memory_becomes_is_made_once_for_a_sequence(name, monkeypatch):
    layer = layer_of(name, implementation="plain")
    attention, calls = layer.cell.attention, []
    for method in ("get_constants", "attend"):
        own = getattr(attention, method)
        monkeypatch.setattr(
            attention, method, lambda *x, own=own, method=method: calls.append(method) or own(*x)
        )
    x, memory = inputs()
    layer(x, memory=memory)
    assert calls.count("get_constants") == 1
    assert calls.count("attend") >= x.shape[1]


@pytest.mark.parametrize(
    "jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["graph", "xla"]
)
def test_the_fast_path_in_a_graph_of_unknown_sizes(jit_compile, name="fed, stack, general, no layer"):
    def gradients(way, x, memory, mask, memory_mask):
        layer = layer_of(name, implementation=way)
        return value_and_gradients(layer, x, memory, [], mask=mask, memory_mask=memory_mask)

    graph = tf.function(lambda *arrays: gradients("fast", *arrays), SIGNATURE, jit_compile=jit_compile)
    for batch in (BATCH,) if jit_compile else (BATCH, 2):
        assert distance(flat(graph(*given(batch))), flat(gradients("plain", *given(batch)))) < CLOSE


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float32"])
@some_cases
def test_with_fewer_bits_it_is_as_near_as_the_bits_allow(name, dtype):
    call = {"mask": GAPS, "memory_mask": MEMORY_MASK}
    exact = run(name, **call)
    for way in ("fast", "plain"):
        layer = layer_of(name, dtype=dtype, implementation=way)
        found = layer(*inputs(), initial_state=None, return_attention=True, **call)
        assert keras.backend.standardize_dtype(found[0].dtype) == layer.compute_dtype
        assert {keras.backend.standardize_dtype(y.dtype) for y in found[1:]} == {"float32"}
        for y, z in zip(flat(found), exact, strict=True):
            assert distance(y, z) < (1e-5 if dtype == "float32" else 0.2) * max(1, np.abs(z).max())
