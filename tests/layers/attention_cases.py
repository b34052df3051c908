"""Attentions and layers that read a memory, each beside its oracle."""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn import layers
from tests.contracts.arrays import flat, normal
from tests.contracts.backend import loss
from tests.contracts.rows import bound, stack_oracle
from tests.reference import attention as oracle
from tests.reference import cells

# All different, so that no axis can be taken for another.
BATCH, TIME, SOURCE, FEATURES, MEMORY, UNITS, HIDDEN, READOUT = 3, 4, 5, 2, 6, 4, 7, 8

MEMORY_MASK = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1]], dtype=bool)
TIME_MASKS = {
    "none": None,
    "right padding": np.arange(TIME) < [[4], [2], [3]],
    "gaps and left padding": np.array([[0, 1, 0, 1], [1, 0, 0, 1], [0, 0, 1, 0]], dtype=bool),
    "an empty row": np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool),
}
GAPS = TIME_MASKS["gaps and left padding"]


@dataclass(frozen=True)
class Kind:
    """An attention: how it is made, its score in the oracle, and how long queries have to be."""

    make: Any
    score: Any
    query: int = UNITS


def _luong(name, likeness, units=None, **options):
    query = MEMORY if "dot" in name else UNITS
    make = partial(layers.LuongAttention, name, **({"units": units} if units else {}), **options)
    return Kind(make, oracle.luong_with(likeness), query)


def _bahdanau(**options):
    return Kind(partial(layers.BahdanauAttention, HIDDEN, **options), oracle.bahdanau)


BOTH = {"scale": True, "coverage": True}
ATTENTIONS = {
    "bahdanau": _bahdanau(),
    "bahdanau normalized": _bahdanau(normalize=True),
    "bahdanau covering": _bahdanau(coverage=True),
    "bahdanau normalized covering": _bahdanau(normalize=True, coverage=True),
    "dot": _luong("dot", oracle.dot),
    "dot scaled covering": _luong("dot", oracle.dot, **BOTH),
    "scaled_dot": _luong("scaled_dot", oracle.scaled_dot),
    "scaled_dot scaled covering": _luong("scaled_dot", oracle.scaled_dot, **BOTH),
    "general": _luong("general", oracle.general),
    "general scaled covering": _luong("general", oracle.general, **BOTH),
    "concat": _luong("concat", oracle.concat, HIDDEN),
    "concat scaled covering": _luong("concat", oracle.concat, HIDDEN, **BOTH),
    "uniform": Kind(layers.UniformAttention, oracle.uniform),
}


def fill(layer, seed=0):
    """Weights that are random and all different."""
    layer.set_weights([normal([seed, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def by_name(layer):
    return {w.name: np.asarray(ops.convert_to_numpy(w.value), "float64") for w in layer.weights}


def attention_of(name, /, dtype="float64", **options):
    layer = ATTENTIONS[name].make(dtype=dtype, **options)
    layer.build((None, None, ATTENTIONS[name].query), (None, None, MEMORY))
    return fill(layer)


# ---------------------------------------------------------------------------- layers


@dataclass(frozen=True)
class Case:
    """An AttentionRNN and the cell of its oracle."""

    cell: Any  # cell(dtype) -> a cell, or a list of them
    step: Any  # step(weights) -> step(x, states)
    sizes: tuple[int, ...]  # of the states of the cell
    attention: str
    order: str = "after"
    feeding: bool = False
    readout: int | None = READOUT
    output_state: int = 0

    @property
    def covers(self):
        return "covering" in self.attention

    def make(self, dtype="float64", attention=None, **options):
        return layers.AttentionRNN(
            self.cell(dtype=dtype),
            ATTENTIONS[self.attention].make(dtype=dtype, **(attention or {})),
            order=self.order,
            input_feeding=self.feeding,
            attentional_units=self.readout,
            **{"dtype": dtype, "return_sequences": True, "return_state": True, **options},
        )

    def layer(self, **options):
        layer = self.make(**options)
        layer.build((None, None, FEATURES), (None, None, MEMORY))
        return fill(layer)

    def states(self, batch=BATCH, seed=5):
        """First states of the cell, none of them zero."""
        return [normal([seed, k], batch, size) for k, size in enumerate(self.sizes)]

    def all_states(self, batch=BATCH):
        units = self.sizes[self.output_state]
        o = [normal([6, 0], batch, self.readout or units + MEMORY)] if self.feeding else []
        n = [np.abs(normal([6, 1], batch, SOURCE))] if self.covers else []
        return [*self.states(batch), *o, *n]

    def expected(self, layer, x, memory, states, run=oracle.attention_rnn, score=None, **masks):
        """[o, *states, weights]"""
        parts = layer.cell
        own = {w.name: w for w in parts._trainable_variables}
        own = {name: np.asarray(ops.convert_to_numpy(w.value), "float64") for name, w in own.items()}
        weights = {
            "C": own.pop("context_kernel", None),
            "readout": own,
            "cell": parts.cell.get_weights(),
            "attention": by_name(parts.attention),
        }
        o, a, states = run(
            x,
            memory,
            self.step,
            score or ATTENTIONS[self.attention].score,
            weights,
            states,
            self.order,
            self.feeding,
            output_state=self.output_state,
            **masks,
        )
        return [o, *states, a]


def _one(cell, step, states, attention, **options):
    return Case(partial(cell, UNITS), bound(step), (UNITS,) * states, attention, **options)


def _two(attention, **options):
    def make(dtype):
        return [layers.GRUCell(3, dtype=dtype), layers.LSTMCell(UNITS, dtype=dtype)]

    step = stack_oracle(cells.gru_reset_after, cells.lstm)
    return Case(make, step, (3, UNITS, UNITS), attention, output_state=1, **options)


def _as_long_as_the_memory(**options):
    def make(dtype):
        return layers.LSTMCell(MEMORY, dtype=dtype)

    return Case(make, bound(cells.lstm), (MEMORY, MEMORY), "dot scaled covering", **options)


LSTM = (layers.LSTMCell, cells.lstm, 2)
GRU = (layers.GRUCell, cells.gru_reset_after, 1)
CASES = {
    "before, LSTM, bahdanau": _one(*LSTM, "bahdanau normalized covering", order="before"),
    "before, GRU, general, no layer": _one(*GRU, "general", order="before", readout=None),
    "before, stack, uniform": _two("uniform", order="before"),
    "fed, LSTM, dot": _as_long_as_the_memory(feeding=True),
    "fed, GRU, bahdanau": _one(*GRU, "bahdanau", feeding=True),
    "fed, stack, general, no layer": _two("general scaled covering", feeding=True, readout=None),
    "after, LSTM, concat, covering": _one(*LSTM, "concat scaled covering"),
    "after, GRU, bahdanau": _one(*GRU, "bahdanau normalized"),
    "after, SimpleRNN, general, no layer": _one(
        layers.SimpleRNNCell, cells.simple_rnn, 1, "general", readout=None
    ),
}


cases = pytest.mark.parametrize("name", CASES)
#: One of each order.
some_cases = pytest.mark.parametrize(
    "name", ["before, LSTM, bahdanau", "fed, stack, general, no layer", "after, LSTM, concat, covering"]
)


@cache
def layer_of(name, **options):
    """A layer that no test changes."""
    return CASES[name].layer(**options)


def inputs(batch=BATCH, time=TIME, source=SOURCE):
    return normal(1, batch, time, FEATURES), normal(2, batch, source, MEMORY)


def run(name, states=None, x=None, layer=None, **call):
    x, memory = inputs() if x is None else x
    layer = layer or layer_of(name)
    return flat(layer(x, memory=memory, initial_state=states, return_attention=True, **call))


def value_and_gradients(layer, x, memory, states, **call):
    """The loss of all outputs, and its gradients by x, memory, states and weights."""
    arrays = [ops.convert_to_tensor(a) for a in (x, memory, *states)]
    backend = {"tensorflow": _tensorflow, "jax": _jax}[keras.backend.backend()]
    return backend(layer, arrays, {"return_attention": True, **call})


def _tensorflow(layer, arrays, call):
    import tensorflow as tf

    x, memory, *states = arrays
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        value = loss(layer(x, memory=memory, initial_state=states or None, **call))
    sources = [*arrays, *(w.value for w in layer.trainable_variables)]
    return value, tape.gradient(value, sources, unconnected_gradients="zero")


def _jax(layer, arrays, call):
    import jax

    def function(arrays, weights):
        x, memory, *states = arrays
        rest = layer.non_trainable_variables
        call_states = {"initial_state": states or None, **call}
        return loss(layer.stateless_call(weights, rest, x, memory=memory, **call_states)[0])

    weights = [w.value for w in layer.trainable_variables]
    value, found = jax.value_and_grad(function, (0, 1))(arrays, weights)
    return value, [*found[0], *found[1]]
