"""The kinds of rows that `catalogue.py` lists, and short ways to write them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import keras
import numpy as np

from keras_rnn import layers
from tests.contracts import plain_oracles
from tests.contracts.arrays import BATCH, FEATURES, TIME, UNITS, normal
from tests.reference import cells, loop
from tests.reference.all_mutants import MUTANTS, NEEDS

RECURRENT = frozenset({"recurrent", "mask", "gradient"})
CAUSAL = RECURRENT | {"causal"}
SAMPLE = frozenset({"sample", "dropout", "recurrent_dropout"})


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """A layer without a time loop; `RecurrentRow` and `BidirectionalRow` have one."""

    name: str
    covers: tuple[type, ...]
    make: Callable[..., Any]  # make(dtype=..., **constructor arguments)
    oracle: Callable[..., Any]  # oracle(weights, x, **call arguments) -> list of arrays
    promises: frozenset[str] = frozenset()
    shape: tuple[int, ...] = (BATCH, TIME, FEATURES)
    shift: float = 0.0  # of the inputs

    def layer(self, **arguments):
        """A built layer with weights that are random and all different; one and the same for all tests."""
        return _shared(self, **{"dtype": "float64", **arguments})

    def own_layer(self, **arguments):
        """The same, for a test that changes it."""
        return _shared.__wrapped__(self, **{"dtype": "float64", **arguments})

    @property
    def unknown_time(self):
        """The shape of the inputs with batch and time unknown."""
        return (*(None for _ in self.shape[:-1]), self.shape[-1])

    def inputs(self, seed=1):
        return normal(seed, *self.shape) + self.shift

    def states(self, seed=2, batch=BATCH):
        """First states, none of them zero."""
        return []

    def call_arguments(self, mask=None):
        """All that a call can be given beside the inputs."""
        return {} if mask is None or "mask" not in self.promises else {"mask": mask}

    def expected(self, weights, x, **call):
        return self.oracle(weights, x, **call)


@cache
def _shared(row, **arguments):
    layer = row.make(**arguments)
    batch = BATCH if arguments.get("stateful") else None
    layer.build((batch, *row.unknown_time[1:]))
    layer.set_weights([normal([0, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


@dataclass(frozen=True, eq=False, kw_only=True)
class IdsRow(Row):
    """A layer on integers."""

    shape: tuple[int, ...] = (BATCH, TIME)

    @property
    def unknown_time(self):
        return (None, None)

    def inputs(self, seed=1):
        return np.random.default_rng(seed).integers(0, 9, self.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class RecurrentRow(Row):
    """A cell in its loop. `oracle(weights) -> step(x, states)`, as `tests.reference.loop.run` takes it."""

    sizes: tuple[int, ...]  # of the states
    peer: Callable[..., Any] | None = None  # the keras.layers maker with the arguments of make
    mutants: dict[str, Callable[..., Any]]  # name -> another oracle
    positive: tuple[int, ...] = ()  # the states that are divided by, and never negative

    def states(self, seed=2, batch=BATCH):
        drawn = [normal([seed, k], batch, size) for k, size in enumerate(self.sizes)]
        return [np.abs(state) if k in self.positive else state for k, state in enumerate(drawn)]

    def call_arguments(self, mask=None):
        return {"initial_state": self.states(), "mask": mask}

    def layer(self, **arguments):
        return super().layer(**{"return_sequences": True, "return_state": True, **arguments})

    def own_layer(self, **arguments):
        return super().own_layer(**{"return_sequences": True, "return_state": True, **arguments})

    def expected(self, weights, x, *, oracle=None, **options):
        """What a layer with `return_state` gives: the output, then the states."""
        step = (oracle or self.oracle)(weights)
        return run(step, x, self.sizes, **options)


@dataclass(frozen=True, eq=False, kw_only=True)
class BidirectionalRow(RecurrentRow):
    merge_mode: str | None

    def expected(self, weights, x, *, oracle=None, merge=loop.bidirectional, **options):
        return run_both_ways(oracle or self.oracle, weights, x, self.sizes, merge, self.merge_mode, **options)


def run(step, x, sizes, initial_state=None, return_sequences=True, loop_run=loop.run, **options):
    initial_state = [np.zeros((len(x), size)) for size in sizes] if initial_state is None else initial_state
    outputs, last, states = loop_run(step, x, initial_state, **options)
    return [outputs if return_sequences else last, *states]


def run_both_ways(
    oracle,
    weights,
    x,
    sizes,
    merge,
    mode,
    initial_state=None,
    return_sequences=True,
    reset_mask=None,
    go_backwards=False,
    loop_run=loop.run,
    **options,
):
    """Two runs, merged. A sequence that begins at t has, read from the right, ended before t - 1."""
    half = len(weights) // 2
    initial_state = [np.zeros((len(x), size)) for size in sizes] if initial_state is None else initial_state
    options["zero_output_for_mask"] = return_sequences
    runs = []
    for own, states, backwards in zip(
        (weights[:half], weights[half:]), np.array_split(initial_state, 2), (go_backwards, not go_backwards)
    ):
        resets = reset_mask
        if backwards and np.ndim(reset_mask) == 2:
            resets = np.pad(reset_mask[:, 1:], [(0, 0), (0, 1)])
        runs.append(
            loop_run(oracle(own), x, list(states), reset_mask=resets, go_backwards=backwards, **options)
        )
    merged = merge(*runs, mode, return_sequences)
    return [*(merged if mode is None else [merged]), *runs[0][2], *runs[1][2]]


# ---------------------------------------------------------------------------- makers of rows


def bound(step):
    """oracle(weights, **options of the cell) -> step(x, states)"""
    return partial(cells.bind, step)


def cell_mutants(step, **options):
    """The mutants of a cell that show with these options."""
    options = {"use_bias": True, **options}
    needs = NEEDS[step.__name__]
    return {
        mutant: bound(wrong)
        for mutant, wrong in MUTANTS[step.__name__].items()
        if all(options[key] in values for key, values in needs[mutant].items())
    }


def architecture(
    layer,
    cell,
    oracle,
    states=1,
    sizes=None,
    peer=None,
    biases=(True, False),
    also=(),
    without=(),
    **options,
):
    """The rows of one cell and its layer.

    `states` is the number of states of UNITS units each; `sizes` says it where they have others. A cell that
    takes no `use_bias` has `biases=(True,)`. `also` names what it promises beyond others, `without` what not.
    """
    found = []
    for use_bias in biases:
        own = options if use_bias else {**options, "use_bias": False}
        name = ", ".join(f"{key}={value}" for key, value in own.items())
        promises = CAUSAL.union(also, SAMPLE if use_bias else (), {"peer"} if peer else ())
        found.append(
            RecurrentRow(
                name=f"{layer.__name__}({name})" if name else layer.__name__,
                covers=(layer, cell),
                make=partial(layer, UNITS, **own),
                peer=peer and partial(peer, UNITS, **own),
                oracle=bound(oracle),
                mutants=cell_mutants(oracle, **own),
                sizes=sizes or (UNITS,) * states,
                promises=promises.difference(without),
            )
        )
    return found


def stack_oracle(*parts, stacked=cells.stacked):
    """oracle of cells that have three weights each, lowest first."""

    def oracle(weights):
        layers = [(step, weights[3 * k : 3 * k + 3]) for k, step in enumerate(parts)]
        return lambda x, states: stacked(x, states, layers)

    return oracle


def over(cell_maker, peer=None, **row):
    """A row of `Recurrent` over what cell_maker(dtype=...) gives."""

    def make(dtype=None, **loop_arguments):
        return layers.Recurrent(cell_maker(dtype=dtype), dtype=dtype, **loop_arguments)

    def make_peer(dtype=None, **loop_arguments):
        return keras.layers.RNN(peer(dtype=dtype), dtype=dtype, **loop_arguments)

    return RecurrentRow(make=make, peer=peer and make_peer, **row)


def in_both_directions(layer, oracle, states, peer, merge_mode):
    def make(bidirectional, layer, dtype=None, **loop_arguments):
        return bidirectional(layer(UNITS, dtype=dtype, **loop_arguments), merge_mode=merge_mode, dtype=dtype)

    return BidirectionalRow(
        name=f"Bidirectional({layer.__name__}, {merge_mode})",
        covers=(layers.Bidirectional,),
        make=partial(make, layers.Bidirectional, layer),
        peer=partial(make, keras.layers.Bidirectional, peer),
        oracle=bound(oracle),
        mutants={},
        sizes=(UNITS,) * (2 * states),
        promises=RECURRENT | {"peer"} | (SAMPLE if (layer, merge_mode) == (layers.LSTM, "concat") else set()),
        merge_mode=merge_mode,
    )


def pooling(modes, bidirectional=False):
    return Row(
        name=f"SequencePooling({modes}{', bidirectional' * bidirectional})",
        covers=(layers.SequencePooling,),
        make=partial(layers.SequencePooling, modes, bidirectional=bidirectional),
        oracle=partial(plain_oracles.sequence_pooling, modes=modes, bidirectional=bidirectional),
        promises=frozenset({"pooling", "mask", "gradient", "sample"}),
        shift=-3.0,  # a zero is then no harmless number: it is a maximum
    )


def head(layer, outputs, oracle):
    return Row(
        name=f"{layer.__name__}({outputs})",
        covers=(layer,),
        make=partial(layer, outputs),
        oracle=oracle,
        promises=frozenset({"gradient", "sample"}),
        shape=(BATCH, FEATURES),
    )
