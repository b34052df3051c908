"""The Mogrifier around a cell, in float64 NumPy; and wrong versions of it."""

import numpy as np

from tests.reference import cells


def gate_matrices(weights, rounds, rank):
    """Those of all rounds, each as one matrix, and the weights of the cell."""
    if rank is None:
        return weights[:rounds], weights[rounds:]
    pairs = [weights[2 * i] @ weights[2 * i + 1] for i in range(rounds)]
    return pairs, weights[2 * rounds :]


def twice_the_sigmoid(a):
    return 2.0 * cells.sigmoid(a)


def mogrifier_with(
    gate=twice_the_sigmoid,
    first=0,
    kernels=lambda matrices: matrices,
    read=lambda now, before: now,
    gated=lambda x, h, x_before, h_before: (x, h),
    state=0,
):
    """A Mogrifier with other parts.

    first: 0 if round 1 gates the input, 1 if it gates the state. kernels: others in place of those of the
    rounds. read(now, before): what a gate sees, of the gated and the first value. gated: what the cell reads
    at last. state: which of the states is gated.
    """

    def step(x, states, weights, cell, rounds=5, rank=None):
        matrices, own = gate_matrices(cells.doubles(weights), rounds, rank)
        x_before, h_before = x, h = cells.doubles([x, states[state]])
        for i, matrix in enumerate(kernels(matrices)):
            if (i + first) % 2 == 0:
                x = x * gate(read(h, h_before) @ (matrix.T if first else matrix))
            else:
                h = h * gate(read(x, x_before) @ (matrix.T if first else matrix))
        x, h = gated(x, h, x_before, h_before)
        return cell(x, [h if k == state else s for k, s in enumerate(states)], own)

    return step


mogrifier = mogrifier_with()

#: Show only from three rounds on.
ROUND_THREE = {"first_kernels_for_all_rounds"}
MOGRIFIER_MUTANTS = {
    # Gates of a mean of 1/2.
    "factor_two_missing": mogrifier_with(gate=cells.sigmoid),
    # Another function with values around one.
    "tanh_in_place_of_sigmoid": mogrifier_with(gate=lambda a: 1.0 + np.tanh(a)),
    # The cell alone.
    "gates_all_open": mogrifier_with(gate=lambda a: 1.0 + 0.0 * a),
    # Round 1 gates the state.
    "state_first": mogrifier_with(first=1),
    # All gates see what came in, and not what the round before has made of it.
    "gates_read_what_came_in": mogrifier_with(read=lambda now, before: before),
    # The gated input is not used.
    "input_not_gated": mogrifier_with(gated=lambda x, h, x_before, h_before: (x_before, h)),
    # The gated state is not used.
    "state_not_gated": mogrifier_with(gated=lambda x, h, x_before, h_before: (x, h_before)),
    # A round is left out.
    "last_round_missing": mogrifier_with(kernels=lambda matrices: matrices[:-1]),
    # Two matrices serve all rounds.
    "first_kernels_for_all_rounds": mogrifier_with(
        kernels=lambda matrices: [matrices[i % 2] for i in range(len(matrices))]
    ),
}
#: For a cell of two states, as the LSTM.
MOGRIFIER_MUTANTS_OF_TWO_STATES = {
    # c is gated.
    "c_in_place_of_h": mogrifier_with(state=1),
}
