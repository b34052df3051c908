"""The rows of layers whose weights are computed from free ones.

Their parametrizations have no base point: of random base points, which are no members, nothing is promised.
"""

import keras
import numpy as np

from keras_rnn import layers
from keras_rnn.parametrizations import Orthogonal, Skew, Stiefel, Symmetric
from tests.contracts.arrays import FEATURES, UNITS
from tests.contracts.rows import CAUSAL, Row, bound, over
from tests.reference import cells, memory_cells


def reflected(v):
    """H_1 H_2 .. H_n, the reflections along the columns of v."""
    Q = np.eye(len(v))
    for column in v.T:
        Q = Q - 2 * np.outer(Q @ column, column) / (column @ column)
    return Q


def mod_relu_rnn(x, states, weights):
    W, U, b, own = weights
    h = memory_cells.mod_relu(np.asarray(x, "float64") @ W + states[0] @ U + b, own)
    return h, [h]


def constrained(step, constrain):
    """The oracle of a cell whose recurrent kernel is `constrain(free)`, of kernel, bias, others and free."""

    def oracle(weights, **options):
        W, b, *own, free = weights
        return bound(step)([W, constrain(free), b, *own], **options)

    return oracle


def parametrized(cell, step, parametrization, constrain, mutants, sizes, also=(), **options):
    return over(
        lambda dtype: cell(UNITS, dtype=dtype, recurrent_parametrization=parametrization, **options),
        name=f"Recurrent({cell.__name__}({parametrization!r}))",
        covers=(layers.Recurrent,),
        oracle=constrained(step, constrain),
        mutants={name: constrained(step, wrong) for name, wrong in mutants.items()},
        sizes=sizes,
        promises=CAUSAL.union(also),
    )


def side_by_side(free):
    return np.concatenate([reflected(v) for v in free], axis=1)


ORTHOGONAL_MUTANTS = {
    "free": lambda v: v,
    "transposed": lambda v: reflected(v).T,
    "one reflection less": lambda v: reflected(v[:, 1:]),
}

PARAMETRIZED_ROWS = [
    parametrized(
        layers.SimpleRNNCell,
        cells.simple_rnn,
        Orthogonal("householder"),
        reflected,
        ORTHOGONAL_MUTANTS,
        (UNITS,),
        {"sample"},
    ),
    parametrized(
        layers.LSTMCell,
        cells.lstm,
        Stiefel("householder", blocks=4),
        side_by_side,
        {"gates reversed": lambda v: side_by_side(v[::-1])},
        (UNITS, UNITS),
    ),
    parametrized(
        layers.GRUCell,
        cells.gru_reset_after,
        Stiefel("householder", blocks=3),
        side_by_side,
        {"gates reversed": lambda v: side_by_side(v[::-1])},
        (UNITS,),
    ),
    over(
        lambda dtype: layers.SimpleRNNCell(
            UNITS,
            activation=layers.ModReLU(dtype=dtype),
            recurrent_parametrization=Skew(),
            dtype=dtype,
        ),
        name="Recurrent(SimpleRNNCell(ModReLU, Skew))",
        covers=(layers.Recurrent,),
        oracle=constrained(mod_relu_rnn, lambda free: (free - free.T) / 2),
        mutants={
            "symmetric": constrained(mod_relu_rnn, lambda free: (free + free.T) / 2),
            "tanh": lambda weights: constrained(cells.simple_rnn, lambda f: (f - f.T) / 2)(weights[:-1]),
        },
        sizes=(UNITS,),
        promises=CAUSAL | {"sample"},
        shift=1.5,  # some outputs are 0, but none after a change of the inputs
    ),
    Row(
        name="Parametrized(Dense, Symmetric)",
        covers=(layers.Parametrized,),
        make=lambda dtype=None: layers.Parametrized(
            keras.layers.Dense(FEATURES, dtype=dtype), kernel=Symmetric()
        ),
        oracle=lambda weights, x: [x @ (weights[1] + weights[1].T) / 2 + weights[0]],
        promises=frozenset({"gradient", "sample"}),
    ),
]
