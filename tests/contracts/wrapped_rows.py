"""The rows of the wrappers of cells, as they are at inference."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from keras_rnn import layers
from tests.contracts.arrays import FEATURES, UNITS
from tests.contracts.rows import CAUSAL, RecurrentRow, bound, cell_mutants, over, run, stack_oracle
from tests.reference import cells
from tests.reference.mogrifier import (
    MOGRIFIER_MUTANTS,
    MOGRIFIER_MUTANTS_OF_TWO_STATES,
    ROUND_THREE,
    mogrifier,
)
from tests.reference.wrapped_cells import RESIDUAL_MUTANTS, ZONEOUT_MUTANTS, residual, zoneout

RATES = (0.25, 0.625)


@dataclass(frozen=True, eq=False, kw_only=True)
class WarmRow(RecurrentRow):
    """Its first weights are its fresh states, so it is called without first states."""

    def states(self, seed=2, batch=None):
        return []

    def call_arguments(self, mask=None):
        return {"mask": mask}

    def expected(self, weights, x, *, oracle=None, **options):
        count = len(self.sizes)
        fresh = [np.tile(first, (len(x), 1)) for first in weights[:count]]
        step = (oracle or self.oracle)(weights[count:])
        return run(step, x, self.sizes, initial_state=fresh, fresh_states=fresh, **options)


def around(step, **options):
    """The oracle of a wrapper around an LSTM."""
    return partial(cells.bind, step, cell=cells.lstm, **options)


def mutants_around(mutants, **options):
    return {name: around(wrong, **options) for name, wrong in mutants.items()}


def nested(dtype):
    """Four cells, each in the next; the rates are small, so that a tiny task is learnt through them."""
    dropping = layers.VariationalDropout(
        layers.WeightDrop(layers.LSTMCell(UNITS, dtype=dtype), 0.0625), 0.03125, 0.03125, 0.03125
    )
    lowest = layers.SimpleRNNCell(UNITS, dtype=dtype)
    return [lowest, layers.Residual(layers.Zoneout(dropping, [0.0625, 0.125]))]


def nested_oracle(x, states, weights):
    # The output of the dropping cell is no state, so zoneout does not touch it.
    o, _ = cells.lstm(x, states, weights)
    _, zoned = zoneout(x, states, weights, cells.lstm, [0.0625, 0.125])
    return x + o, zoned


WRAPPED_ROWS = [
    over(
        lambda dtype: layers.Residual(layers.LSTMCell(FEATURES, dtype=dtype)),
        name="Recurrent(Residual(LSTMCell))",
        covers=(layers.Residual,),
        oracle=around(residual),
        mutants=mutants_around(RESIDUAL_MUTANTS),
        sizes=(FEATURES, FEATURES),
        promises=CAUSAL,
    ),
    over(
        lambda dtype: layers.Zoneout(layers.LSTMCell(UNITS, dtype=dtype), RATES),
        name="Recurrent(Zoneout(LSTMCell))",
        covers=(layers.Zoneout,),
        oracle=around(zoneout, rates=RATES),
        mutants=mutants_around(ZONEOUT_MUTANTS, rates=RATES),
        sizes=(UNITS, UNITS),
        promises=CAUSAL,
    ),
    over(
        lambda dtype: layers.Mogrifier(layers.LSTMCell(UNITS, dtype=dtype)),
        name="Recurrent(Mogrifier(LSTMCell))",
        covers=(layers.Mogrifier,),
        oracle=around(mogrifier),
        mutants=mutants_around(MOGRIFIER_MUTANTS | MOGRIFIER_MUTANTS_OF_TWO_STATES),
        sizes=(UNITS, UNITS),
        promises=CAUSAL | {"sample"},
    ),
    over(
        lambda dtype: layers.Mogrifier(layers.GRUCell(UNITS, dtype=dtype), rounds=2, rank=2),
        name="Recurrent(Mogrifier(GRUCell, rank=2))",
        covers=(layers.Mogrifier,),
        oracle=partial(cells.bind, mogrifier, cell=cells.gru_reset_after, rounds=2, rank=2),
        mutants={
            name: partial(cells.bind, wrong, cell=cells.gru_reset_after, rounds=2, rank=2)
            for name, wrong in MOGRIFIER_MUTANTS.items()
            if name not in ROUND_THREE
        },
        sizes=(UNITS,),
        promises=CAUSAL,
    ),
    over(
        lambda dtype: layers.VariationalDropout(layers.GRUCell(UNITS, dtype=dtype), 0.5, 0.25, 0.125),
        name="Recurrent(VariationalDropout(GRUCell))",
        covers=(layers.VariationalDropout,),
        oracle=bound(cells.gru_reset_after),
        mutants=cell_mutants(cells.gru_reset_after),
        sizes=(UNITS,),
        promises=CAUSAL,
    ),
    over(
        lambda dtype: layers.WeightDrop(layers.LSTMCell(UNITS, dtype=dtype), 0.5),
        name="Recurrent(WeightDrop(LSTMCell))",
        covers=(layers.WeightDrop,),
        oracle=bound(cells.lstm),
        mutants=cell_mutants(cells.lstm),
        sizes=(UNITS, UNITS),
        promises=CAUSAL,
    ),
    over(
        nested,
        name="Recurrent([SimpleRNNCell, Residual(Zoneout(VariationalDropout(WeightDrop(LSTMCell))))])",
        covers=(layers.Residual, layers.Zoneout, layers.VariationalDropout, layers.WeightDrop),
        oracle=stack_oracle(cells.simple_rnn, nested_oracle),
        mutants={},
        sizes=(UNITS,) * 3,
        promises=CAUSAL | {"sample"},
    ),
    WarmRow(
        name="Recurrent(LearnedInitialState(LSTMCell))",
        covers=(layers.LearnedInitialState,),
        make=over(
            lambda dtype: layers.LearnedInitialState(layers.LSTMCell(UNITS, dtype=dtype)),
            name="",
            covers=(),
            oracle=None,
            mutants={},
            sizes=(),
        ).make,
        oracle=bound(cells.lstm),
        mutants=cell_mutants(cells.lstm),
        sizes=(UNITS, UNITS),
        promises=frozenset({"mask", "gradient"}),
    ),
]
