"""A cell is the same by hand, in its layer, in `Recurrent`, and in `keras.layers.RNN`."""

import keras
import numpy as np

from keras_rnn.layers import Recurrent
from tests.contracts.arrays import EXACT, GAPS, SAME, TIME, distance, flat
from tests.contracts.catalogue import rows


def by_hand(cell, x, states):
    outputs = []
    for t in range(x.shape[1]):
        y, states = cell(x[:, t], states)
        outputs.append(flat(y)[0])
    return [np.stack(outputs, axis=1), *flat(states)]


def same_states_nested(cell, states):
    """The flat list as the cell nests its states."""
    return keras.tree.pack_sequence_as(cell.state_size, states)


@rows("causal")
def test_a_cell_taken_step_by_step_is_its_layer(row):
    layer, x, states = row.layer(), row.inputs(), row.states()
    stepped = by_hand(layer.cell, x, same_states_nested(layer.cell, states))
    assert distance(stepped, layer(x, initial_state=states)) < SAME


@rows("causal")
def test_one_step_by_hand_is_the_oracle(row):
    layer, x, states = row.layer(), row.inputs()[:, 0], row.states()
    result = layer.cell(x, same_states_nested(layer.cell, states))
    y, new_states = row.oracle(layer.get_weights())(x, states)
    assert distance(result, [y, *new_states]) < EXACT


@rows("causal")
def test_keras_runs_the_cell_and_gives_the_same(row):
    layer, x, states = row.layer(), row.inputs(), row.states()
    theirs = keras.layers.RNN(layer.cell, return_sequences=True, return_state=True, dtype="float64")
    call = {"initial_state": same_states_nested(layer.cell, states), "mask": GAPS}
    assert distance(theirs(x, **call), layer(x, initial_state=states, mask=GAPS)) < SAME


@rows("causal")
def test_recurrent_runs_the_cell_of_any_layer_and_gives_the_same(row):
    layer, x = row.layer(), row.inputs()
    general = Recurrent(layer.cell, return_sequences=True, return_state=True, dtype="float64")
    call = row.call_arguments(GAPS)
    assert distance(general(x, **call), layer(x, **call)) == 0


@rows("causal", without="foreign")
def test_a_step_of_a_projected_sequence_is_a_step(row):
    """`project_inputs` of all steps at once, then `step`, is what a call does one step at a time."""
    layer, x, states = row.layer(), row.inputs(), row.states()
    cell = layer.cell
    constants = cell.get_constants(len(x))
    projected = cell.project_inputs(np.swapaxes(x, 0, 1), constants)
    now = states
    for t in range(TIME):
        y, now = cell.step(keras.tree.map_structure(lambda p, t=t: p[t], projected), now, constants)
    last, *final = layer(x, initial_state=states)
    assert distance([y, *now], [last[:, -1], *final]) < SAME


@rows("causal")
def test_a_cell_says_what_it_gives(row):
    cell = row.layer().cell
    sizes = keras.tree.flatten(cell.state_size)
    assert sizes == list(row.sizes)
    assert getattr(cell, "output_size", sizes[0]) == flat(row.layer()(row.inputs()))[0].shape[-1]
    fresh = keras.tree.flatten(cell.get_initial_state(batch_size=2))
    assert [tuple(state.shape) for state in fresh] == [(2, size) for size in sizes]
