"""The rows of the further cells of the family: one for each architecture, with a bias."""

from functools import partial

from keras_rnn import layers
from tests.contracts.arrays import FEATURES, UNITS
from tests.contracts.rows import CAUSAL, RecurrentRow, bound
from tests.reference import family_cells, s5, xlstm_cells
from tests.reference.xlstm_mutants import MUTANTS

DROPOUT = {"dropout", "recurrent_dropout"}
LINEAR = {"dropout", "input_gated"}
WINDOW = 3


def row(layer, cell, oracle, sizes=(UNITS,), also=(), positive=(), **options):
    name = ", ".join(f"{key}={value}" for key, value in options.items())
    return RecurrentRow(
        name=f"{layer.__name__}({name})" if name else layer.__name__,
        covers=(layer, cell),
        make=partial(layer, UNITS, **options),
        oracle=bound(oracle),
        mutants={mutant: bound(wrong) for mutant, wrong in MUTANTS[oracle].items()},
        sizes=sizes,
        positive=positive,
        promises=CAUSAL | {"sample"}.union(also),
    )


TWO = (UNITS, UNITS)
FAMILY_ROWS = [
    row(
        layers.CoupledInputForgetLSTM,
        layers.CoupledInputForgetLSTMCell,
        family_cells.coupled_lstm,
        TWO,
        DROPOUT,
    ),
    row(layers.LayerNormGRU, layers.LayerNormGRUCell, family_cells.layer_norm_gru, also=DROPOUT),
    row(layers.LayerNormSimpleRNN, layers.LayerNormSimpleRNNCell, family_cells.layer_norm_rnn, also=DROPOUT),
    row(layers.MGU, layers.MGUCell, family_cells.mgu, also=DROPOUT),
    # Of relu outputs are 0, whatever the inputs.
    row(layers.IndRNN, layers.IndRNNCell, family_cells.ind_rnn, activation="tanh"),
    row(
        layers.MultiplicativeLSTM,
        layers.MultiplicativeLSTMCell,
        family_cells.multiplicative_lstm,
        TWO,
    ),
    row(
        layers.ProjectionLSTM,
        layers.ProjectionLSTMCell,
        family_cells.projection_lstm,
        (3, UNITS),
        projection_units=3,
    ),
    row(layers.NAS, layers.NASCell, family_cells.nas, TWO, DROPOUT),
    row(layers.SRU, layers.SRUCell, family_cells.sru, also=LINEAR),
    row(
        layers.QRNN,
        layers.QRNNCell,
        family_cells.qrnn,
        (UNITS, *[FEATURES] * (WINDOW - 1)),
        LINEAR,
        window=WINDOW,
    ),
    row(layers.RGLRU, layers.RGLRUCell, family_cells.rg_lru, also=LINEAR),
    row(layers.S5, layers.S5Cell, s5.s5, (6, 6), state_units=6),
    row(
        layers.EchoState,
        layers.EchoStateCell,
        family_cells.echo_state,
        also={"fixed"},  # no weight is trained
        connectivity=1.0,
        leaky=family_cells.LEAKY,
    ),
    row(
        layers.MLSTM,
        layers.MLSTMCell,
        xlstm_cells.mlstm,
        (12, 6, 2),
        LINEAR,
        heads=2,
        key_dimension=3,
        chunk=2,
    ),
    row(layers.SLSTM, layers.SLSTMCell, xlstm_cells.slstm, (UNITS,) * 4, {"dropout"}, positive=(2,), heads=2),
]
