"""One row per public layer: how to make it, its oracle, its Keras peer, and what it promises.

Every contract runs on every row that makes the promise it is about. A new cell and its layer are one line,
`*architecture(NewLayer, NewCell, its_oracle)`; a class without a row fails `test_catalogue.py`.

The promises:

    recurrent          takes initial_state, mask and reset_mask, and the loop's constructor arguments
    causal             an output depends on no later step, so a sequence can be cut and its state carried
    gradient           is differentiable in its inputs
    mask               takes a mask
    dropout            takes dropout and seed
    recurrent_dropout  takes recurrent_dropout and seed
    pooling            gives one vector for a sequence
    input_gated        has gates that see the input, and not the state
    foreign            runs a cell of keras.layers
    peer               has a layer of keras.layers with the same weights and numbers
    sample             stands for its kind in the contracts that are slow
"""

from functools import partial

import keras
import pytest

from keras_rnn import layers
from tests.contracts import plain_oracles
from tests.contracts.arrays import BATCH, ON_JAX, TIME, UNITS
from tests.contracts.attention_rows import ATTENTION_ROWS
from tests.contracts.family_rows import FAMILY_ROWS
from tests.contracts.memory_rows import MEMORY_ROWS
from tests.contracts.parametrized_rows import PARAMETRIZED_ROWS
from tests.contracts.rows import (
    CAUSAL,
    SAMPLE,
    IdsRow,
    Row,
    architecture,
    bound,
    cell_mutants,
    head,
    in_both_directions,
    over,
    pooling,
    stack_oracle,
)
from tests.contracts.wrapped_rows import WRAPPED_ROWS
from tests.reference import cells, character_cnn, gated_cells, linear_cells, softmaxes
from tests.reference.all_mutants import MUTANTS

#: Public, and without a row: nobody makes one.
ABSTRACT = {"AffineCell", "Attention", "LinearCell", "RecurrentCell", "WrappedCell"}
#: Read a memory beside their inputs, or states, which no contract brings: they have tests of their own,
#: tests/layers/test_attention*.py, test_bridge.py and test_self_attention.py.
READERS = {
    "AttentionCell",
    "AttentionRNN",
    "BahdanauAttention",
    "Bridge",
    "CrossAttention",
    "LuongAttention",
    "UniformAttention",
}
#: Functions that make a layer which has a row.
FACTORIES = {"ExpRNN", "ScaledCayleyRNN", "from_keras"}

SimpleRNNCell, LSTMCell, GRUCell = layers.SimpleRNNCell, layers.LSTMCell, layers.GRUCell
MINIMAL = {"also": {"input_gated"}, "without": {"recurrent_dropout"}}

ROWS = [
    *architecture(layers.SimpleRNN, SimpleRNNCell, cells.simple_rnn, peer=keras.layers.SimpleRNN),
    *architecture(layers.LSTM, LSTMCell, cells.lstm, states=2, peer=keras.layers.LSTM),
    *architecture(layers.GRU, GRUCell, cells.gru_reset_after, peer=keras.layers.GRU),
    *architecture(layers.GRU, GRUCell, cells.gru_reset_before, peer=keras.layers.GRU, reset_after=False),
    *architecture(layers.PeepholeLSTM, layers.PeepholeLSTMCell, gated_cells.peephole_lstm, states=2),
    *architecture(layers.LayerNormLSTM, layers.LayerNormLSTMCell, gated_cells.layer_norm_lstm, states=2),
    *architecture(
        layers.RecurrentHighway, layers.RecurrentHighwayCell, gated_cells.recurrent_highway, depth=3
    ),
    *architecture(
        layers.RecurrentHighway,
        layers.RecurrentHighwayCell,
        gated_cells.recurrent_highway,
        biases=(True,),
        without=SAMPLE,
        depth=1,
    ),
    *architecture(layers.MinGRU, layers.MinGRUCell, linear_cells.min_gru, **MINIMAL),
    *architecture(layers.MinLSTM, layers.MinLSTMCell, linear_cells.min_lstm, **MINIMAL),
    *architecture(
        layers.LRU,
        layers.LRUCell,
        linear_cells.lru,
        sizes=(6, 6),
        biases=(True,),
        without={"dropout", "recurrent_dropout"},
        state_units=6,
    ),
    over(
        lambda dtype: SimpleRNNCell(UNITS, dtype=dtype),
        name="Recurrent(SimpleRNNCell)",
        covers=(layers.Recurrent,),
        oracle=bound(cells.simple_rnn),
        mutants=cell_mutants(cells.simple_rnn),
        sizes=(UNITS,),
        promises=CAUSAL,
    ),
    over(
        lambda dtype: [SimpleRNNCell(3, dtype=dtype), LSTMCell(4, dtype=dtype), GRUCell(6, dtype=dtype)],
        name="Recurrent([SimpleRNNCell, LSTMCell, GRUCell])",
        covers=(layers.Recurrent, layers.StackedCells),
        oracle=stack_oracle(cells.simple_rnn, cells.lstm, cells.gru_reset_after),
        mutants={},
        sizes=(3, 4, 4, 6),
        promises=CAUSAL | {"sample"},
    ),
    over(
        # Two states each and one width, so that every way to mix up the states runs, and shows.
        lambda dtype: layers.StackedCells([LSTMCell(UNITS, dtype=dtype), LSTMCell(UNITS, dtype=dtype)]),
        name="Recurrent(StackedCells([LSTMCell, LSTMCell]))",
        covers=(layers.Recurrent, layers.StackedCells),
        oracle=stack_oracle(cells.lstm, cells.lstm),
        mutants={
            mutant: stack_oracle(cells.lstm, cells.lstm, stacked=wrong)
            for mutant, wrong in MUTANTS["stacked"].items()
        },
        sizes=(UNITS,) * 4,
        promises=CAUSAL,
    ),
    over(
        lambda dtype: keras.layers.LSTMCell(UNITS, dtype=dtype),
        peer=lambda dtype: keras.layers.LSTMCell(UNITS, dtype=dtype),
        name="Recurrent(keras.layers.LSTMCell)",
        covers=(layers.Recurrent,),
        oracle=bound(cells.lstm),
        mutants=cell_mutants(cells.lstm),
        sizes=(UNITS, UNITS),
        promises=CAUSAL | {"foreign", "peer"},
    ),
    over(
        lambda dtype: keras.layers.StackedRNNCells(
            [keras.layers.LSTMCell(3, dtype=dtype), keras.layers.GRUCell(UNITS, dtype=dtype)], dtype=dtype
        ),
        name="Recurrent(keras.layers.StackedRNNCells)",
        covers=(layers.Recurrent,),
        oracle=stack_oracle(cells.lstm, cells.gru_reset_after),
        mutants={},
        sizes=(3, 3, UNITS),
        promises=CAUSAL | {"foreign"},
    ),
    *ATTENTION_ROWS,
    *FAMILY_ROWS,
    *MEMORY_ROWS,
    *PARAMETRIZED_ROWS,
    *WRAPPED_ROWS,
    *(
        in_both_directions(layer, oracle, states, peer, merge_mode)
        for merge_mode in ("concat", "sum", "ave", "mul", None)
        for layer, oracle, states, peer in (
            (layers.LSTM, cells.lstm, 2, keras.layers.LSTM),
            (layers.GRU, cells.gru_reset_after, 1, keras.layers.GRU),
        )
    ),
    pooling(["last"]),
    pooling(["last"], bidirectional=True),
    pooling(["mean"]),
    pooling(["max"]),
    pooling(["max", "mean", "last"]),
    IdsRow(
        name="WordDropout",
        covers=(layers.WordDropout,),
        make=partial(layers.WordDropout, 0.5),
        oracle=plain_oracles.same_ids,
        promises=frozenset({"sample"}),
    ),
    IdsRow(
        name="TiedEmbedding",
        covers=(layers.TiedEmbedding,),
        make=partial(layers.TiedEmbedding, 9, UNITS),
        oracle=plain_oracles.embedding,
        promises=frozenset({"sample"}),
    ),
    IdsRow(
        name="EmbeddingDropout",
        covers=(layers.EmbeddingDropout,),
        make=lambda dtype=None: layers.EmbeddingDropout(layers.TiedEmbedding(9, UNITS, dtype=dtype), 0.5),
        oracle=plain_oracles.embedding,
        promises=frozenset({"sample"}),
    ),
    IdsRow(
        name="CharacterCNN",
        covers=(layers.CharacterCNN,),
        make=partial(
            layers.CharacterCNN, character_cnn.WORDS, character_size=3, filters=[2, 3, 1, 2], highways=2
        ),
        oracle=lambda weights, x: [character_cnn.character_cnn(weights, x, widths=4)],
        promises=frozenset({"sample"}),
    ),
    Row(
        name="Highway",
        covers=(layers.Highway,),
        make=layers.Highway,
        oracle=lambda weights, x: [character_cnn.highway(weights, x)],
        promises=frozenset({"gradient", "sample"}),
    ),
    *(
        Row(
            name=layer.__name__,
            covers=(layer,),
            make=partial(layer, 0.5),
            oracle=plain_oracles.same_sequence,
            promises=frozenset({"gradient", "sample"}),
        )
        for layer in (layers.ActivationRegularization, layers.TemporalActivationRegularization)
    ),
    head(layers.BernoulliHead, 3, plain_oracles.bernoulli_head),
    head(layers.CategoricalHead, 3, plain_oracles.categorical_head),
    head(layers.GaussianHead, 3, plain_oracles.gaussian_head),
    *(
        Row(
            name=layer.__name__,
            covers=(layer,),
            make=partial(layer, 11, **options),
            oracle=lambda weights, x, oracle=oracle: [oracle(weights, x)],
            promises=frozenset({"gradient", "sample", *also}),
            shape=(BATCH, TIME, 8),
        )
        for layer, options, oracle, also in (
            (layers.FullSoftmax, {}, softmaxes.full, ()),
            (layers.AugmentedSoftmax, {}, softmaxes.full, ()),
            (
                layers.MixtureOfSoftmaxes,
                {"experts": 3, "latent_size": 4},
                partial(softmaxes.mixture, experts=3),
                {"dropout"},
            ),
            (
                layers.AdaptiveSoftmax,
                {"cutoffs": [3, 6], "factor": 2},
                partial(softmaxes.adaptive, cutoffs=[3, 6]),
                (),
            ),
            (layers.SampledSoftmax, {"samples": 4}, softmaxes.full, ()),
        )
    ),
]


def rows_with(*promises, without=None):
    """The rows that make these promises, and not that one."""
    found = ROWS
    if ON_JAX:
        # It compiles each loop anew. Of the family test_family_cells.py has as much as shows that each runs.
        promises = {*promises, "sample"}
        found = [row for row in ROWS if row not in FAMILY_ROWS or layers.MLSTM in row.covers]
    return [row for row in found if set(promises) <= row.promises and without not in row.promises]


def rows(*promises, without=None):
    """Runs a test on each of `rows_with`."""
    found = rows_with(*promises, without=without)
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in found])


def dropout_rows(*promises):
    """Runs a test on each row that makes these promises, once for each kind of dropout that it takes."""
    found = [(row, kind) for kind in ("dropout", "recurrent_dropout") for row in rows_with(*promises, kind)]
    cases = [pytest.param(row, kind, id=f"{row.name}-{kind}") for row, kind in found]
    return pytest.mark.parametrize(("row", "kind"), cases)


def row_named(name):
    return next(row for row in ROWS if row.name == name)
