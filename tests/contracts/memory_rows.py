"""The rows of the cells whose recurrence keeps norms, and of modReLU."""

from functools import partial

import numpy as np

from keras_rnn import layers
from tests.contracts.arrays import FEATURES, UNITS
from tests.contracts.rows import CAUSAL, RecurrentRow, Row, bound
from tests.reference import memory_cells


def row(layer, cell, oracle, mutants, name="", size=UNITS, promises=CAUSAL, shift=0.0, **options):
    return RecurrentRow(
        name=f"{layer.__name__}({name})" if name else layer.__name__,
        covers=(layer, cell),
        make=partial(layer, UNITS, **options),
        oracle=bound(oracle),
        mutants={mutant: bound(wrong) for mutant, wrong in mutants.items()},
        sizes=(size,),
        promises=promises,
        shift=shift,
    )


def mod_relu(weights, x, complex_pairs=False):
    if not complex_pairs:
        return [memory_cells.mod_relu(x, weights[0])]
    y = memory_cells.mod_relu(memory_cells.as_complex(x), weights[0])
    return [np.concatenate([y.real, y.imag], axis=-1)]


gated = partial(memory_cells.antisymmetric_rnn, gated=True)
MEMORY_ROWS = [
    row(
        layers.UnitaryRNN,
        layers.UnitaryRNNCell,
        memory_cells.unitary_rnn,
        {
            name: partial(memory_cells.unitary_rnn, **wrong)
            for name, wrong in memory_cells.UNITARY_MUTANTS.items()
        },
        size=2 * UNITS,
        promises=CAUSAL | {"sample"},
        shift=1.0,  # near 0 the phase turns so fast that differences are no gradients
    ),
    row(
        layers.NonNormalRNN,
        layers.NonNormalRNNCell,
        memory_cells.non_normal_rnn,
        memory_cells.NON_NORMAL_MUTANTS,
    ),
    row(
        layers.AntisymmetricRNN,
        layers.AntisymmetricRNNCell,
        gated,
        {
            name: partial(wrong, gated=True)
            for mutants in (memory_cells.ANTISYMMETRIC_MUTANTS, memory_cells.GATED_MUTANTS)
            for name, wrong in mutants.items()
        },
        name="gated",
        gated=True,
        epsilon=memory_cells.EPSILON,
        gamma=memory_cells.GAMMA,
    ),
    *(
        Row(
            name=f"ModReLU(complex_pairs={complex_pairs})",
            covers=(layers.ModReLU,),
            make=partial(layers.ModReLU, complex_pairs),
            oracle=partial(mod_relu, complex_pairs=complex_pairs),
            promises=frozenset({"gradient", "sample"}),
            shape=(3, 5, 2 * FEATURES),
        )
        for complex_pairs in (False, True)
    ),
]
