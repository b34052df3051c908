"""AttentionRNN is its equations: numbers, mutants, gradients; steps by hand, pieces, what it returns."""

import numpy as np
import pytest
from keras import ops

from keras_rnn import layers
from tests.contracts.arrays import EXACT, ON_JAX, SAME, distance, flat
from tests.layers.attention_cases import (
    BATCH,
    CASES,
    GAPS,
    MEMORY_MASK,
    SOURCE,
    TIME,
    TIME_MASKS,
    UNITS,
    cases,
    inputs,
    layer_of,
    run,
    some_cases,
    value_and_gradients,
)
from tests.layers.test_attention import central_difference
from tests.reference import attention as oracle
from tests.reference.attention import ATTEND_MUTANTS, COVERAGE_MUTANTS, RNN_MUTANTS

VISIBLE = 1e-6


def expected(name, states, **options):
    return CASES[name].expected(layer_of(name), *inputs(), states, **options)


# ---------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("mask", TIME_MASKS)
@cases
def test_it_is_its_oracle(name, mask):
    states = CASES[name].all_states()
    masks = {"mask": TIME_MASKS[mask], "memory_mask": MEMORY_MASK}
    assert distance(run(name, states, **masks), expected(name, states, **masks)) < EXACT


@pytest.mark.parametrize("mask", TIME_MASKS)
@some_cases
def test_without_sequences_it_gives_the_last_output_and_all_weights(name, mask):
    masks = {"mask": TIME_MASKS[mask], "memory_mask": MEMORY_MASK}
    o, *_, a = run(name, **masks)
    one = layer_of(name, return_sequences=False, return_state=False)
    assert distance(run(name, layer=one, **masks), [o[:, -1], a]) < SAME


@cases
def test_what_is_not_given_is_zero(name):
    states = CASES[name].states()
    assert distance(run(name, states), expected(name, states)) < EXACT
    fresh = [np.zeros_like(s) for s in states]
    assert distance(run(name), expected(name, fresh)) < EXACT


MUTANTS = {
    **{mutant: ({"attend": wrong}, {"before", "fed", "after"}) for mutant, wrong in ATTEND_MUTANTS.items()},
    **{mutant: (parts, {"coverage"}) for mutant, parts in COVERAGE_MUTANTS.items()},
    **RNN_MUTANTS,
}


def shows(name, where):
    case = CASES[name]
    fed = {"fed"} if case.feeding else set()
    return where & {case.order, *fed, *({"coverage"} if case.covers else ())}


#: A mean asks nothing.
BLIND = {("before, stack, uniform", mutant) for mutant in ("context_is_the_mean", "query_is_the_new_h")}


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        (name, mutant)
        for mutant, (_, where) in MUTANTS.items()
        for name in CASES
        if shows(name, where) and (name, mutant) not in BLIND
    ],
)
def test_it_differs_from_its_mutants(name, mutant):
    masks = {"mask": GAPS, "memory_mask": MEMORY_MASK}
    states = CASES[name].all_states()
    wrong = expected(name, states, run=oracle.attention_rnn_with(**MUTANTS[mutant][0]), **masks)
    assert distance(run(name, states, **masks), wrong) > VISIBLE


@cases
def test_gradients(name):
    case, layer = CASES[name], layer_of(name)
    masks = {"mask": GAPS, "memory_mask": MEMORY_MASK}
    arrays = [*inputs(), *case.all_states(), *map(np.array, layer.get_weights())]
    count, own = 2 + len(case.all_states()), case.layer()

    def oracle_loss():
        x, memory, *states = arrays[:count]
        own.set_weights(arrays[count:])
        outputs = case.expected(own, x, memory, states, **masks)
        return sum((k + 1) * np.sum(y * (y + 1)) for k, y in enumerate(outputs))

    value, gradients = value_and_gradients(layer, *inputs(), case.all_states(), **masks)
    assert distance(value, oracle_loss()) < 100 * EXACT
    for array, gradient in zip(arrays, flat(gradients), strict=True):
        places = list(np.ndindex(array.shape))
        for k in np.random.default_rng(3).permutation(len(places))[:4]:
            assert abs(gradient[places[k]] - central_difference(oracle_loss, array, places[k])) < max(
                1e-6, 100 * EXACT * ON_JAX
            )


# ---------------------------------------------------------------------------- steps, pieces, rows


@cases
def test_steps_by_hand_are_the_layer(name):
    layer, (x, memory) = layer_of(name), inputs()
    o, *last, a = run(name, CASES[name].states(), memory_mask=MEMORY_MASK)
    memory = ops.convert_to_tensor(memory)
    constants = layer.get_constants(memory, MEMORY_MASK)
    states = layer.first_states([ops.convert_to_tensor(s) for s in CASES[name].states()], constants)
    for t in range(TIME):
        o_t, a_t, states = layer.step(ops.convert_to_tensor(x[:, t]), states, constants)
        assert distance((o_t, a_t), (o[:, t], a[:, t])) < SAME
    assert distance(states, last) < SAME


@cases
def test_two_pieces_with_the_state_carried_are_one(name):
    x, memory = inputs()
    call = {"memory_mask": MEMORY_MASK}
    whole = run(name, mask=GAPS, **call)
    first = run(name, x=(x[:, :1], memory), mask=GAPS[:, :1], **call)
    second = run(name, first[1:-1], x=(x[:, 1:], memory), mask=GAPS[:, 1:], **call)
    assert distance(second[1:-1], whole[1:-1]) < SAME
    for k in (0, -1):  # a piece cannot repeat what the one before it has shown
        joined = np.concatenate([first[k], second[k]], axis=1)
        assert distance(joined[GAPS], whole[k][GAPS]) < SAME


@cases
def test_padding_and_other_rows_change_nothing(name):
    x, memory = inputs()
    call = {"mask": GAPS, "memory_mask": MEMORY_MASK}
    found = run(name, **call)
    padded_x = np.where(GAPS[:, :, None], x, 50.0)
    padded_memory = np.where(MEMORY_MASK[:, :, None], memory, 50.0)
    assert distance(run(name, x=(padded_x, padded_memory), **call), found) < SAME
    alone = run(name, x=(x[2:], memory[2:]), **{key: m[2:] for key, m in call.items()})
    assert distance(alone, [y[2:] for y in found]) < SAME


def test_a_masked_step_repeats_weights_that_an_unmasked_one_would_not():
    mask = np.array([[True, False, True, False]] * BATCH)
    for name in ("before, LSTM, bahdanau", "after, LSTM, concat, covering"):
        a = run(name, mask=mask)[-1]
        assert distance(a[:, ::2], a[:, 1::2]) == 0
        assert distance(a[:, 0], a[:, 2]) > VISIBLE


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("attention", [True, False])
def test_what_is_returned(sequences, state, attention):
    name = "fed, stack, general, no layer"
    layer = layer_of(name, return_sequences=sequences, return_state=state)
    x, memory = inputs()
    o, *states, a = run(name)
    found = layer(x, memory=memory, return_attention=attention)
    wanted = [o if sequences else o[:, -1], *(states if state else []), *([a] if attention else [])]
    assert isinstance(found, tuple) == (len(wanted) > 1)
    assert distance(found, wanted) < SAME


@some_cases
def test_a_sequence_without_steps(name):
    x, memory = inputs()
    states = CASES[name].all_states()
    layer = layer_of(name, return_sequences=False)
    o, *last, a = flat(layer(x[:, :0], memory=memory, initial_state=states, return_attention=True))
    assert not o.any() and o.shape == (BATCH, layer.output_size)
    assert distance(last, states) == 0 and a.shape == (BATCH, 0, SOURCE)


def test_dropout_of_weights_is_off_at_inference_and_one_mask_for_all_steps():
    case = CASES["after, GRU, bahdanau"]
    layer = case.layer(attention={"dropout": 0.5, "seed": 1})
    x, memory = inputs()
    assert distance(flat(layer(x, memory=memory, return_attention=True)), run("after, GRU, bahdanau")) < SAME
    one = layers.AttentionRNN(
        layers.GRUCell(UNITS, dtype="float64"),
        layers.UniformAttention(dropout=0.5, seed=1, dtype="float64"),
        order="before",
        attentional_units=None,
        return_sequences=True,
        dtype="float64",
    )
    c = flat(one(x, memory=memory, training=True))[0][:, :, UNITS:]
    assert np.allclose(c, c[:, :1]) and not np.allclose(c[:, 0], memory.mean(1))
