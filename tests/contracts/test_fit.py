"""`fit()` trains a layer to remember one of several tokens: the first, or the last that counts."""

import keras
import numpy as np
import pytest

from tests.contracts.arrays import UNITS
from tests.contracts.catalogue import row_named, rows

TOKENS, LENGTH = 3, 4
# Of one-hot tokens, all sequences there are: the first says all that is asked.
SEQUENCES = np.stack(np.meshgrid(*[range(TOKENS)] * LENGTH, indexing="ij"), axis=-1).reshape(-1, LENGTH)
X, Y = np.eye(TOKENS, dtype="float32")[SEQUENCES], SEQUENCES[:, 0]
# Gates that see the input alone cannot tell the first token from the others. They can tell 0 from the rest.
LAST = np.array([next((token for token in reversed(s) if token), 0) for s in SEQUENCES])
CHANCE = np.log(TOKENS)


def train(row, **compile_arguments):
    arguments = {"return_sequences": False, "return_state": False}
    layer = row.make(**arguments)
    asked = LAST if "input_gated" in row.promises else Y
    last = [layer, keras.layers.Dense(TOKENS, activation="softmax")]
    model = keras.Sequential([keras.Input((None, TOKENS)), *last])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", **compile_arguments)
    before, start = model.evaluate(X, asked, verbose=0), model.get_weights()
    model.fit(X, asked, epochs=30, batch_size=27, verbose=0)
    assert before > 0.7 * CHANCE
    assert model.evaluate(X, asked, verbose=0) < 0.4 * CHANCE
    assert all((new != old).any() for new, old in zip(model.get_weights(), start))


@rows("recurrent", "sample", without="fixed")
def test_fit_learns_to_remember(row):
    train(row)


def test_fit_learns_under_xla():
    train(row_named("SimpleRNN"), jit_compile=True)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_fit_learns_in_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    train(row_named("LSTM"))


def test_a_stateful_layer_learns_over_calls():
    """What the first half of a sequence says is asked in the second, in another call."""
    layer = row_named("LSTM").make(stateful=True)
    x = keras.Input(batch_shape=(27, 2, TOKENS))
    model = keras.Sequential([x, layer, keras.layers.Dense(TOKENS, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    halves = X[:, :2], X[:, 2:]
    for _ in range(15):
        for batch in range(0, len(X), 27):
            layer.reset_state()
            own = slice(batch, batch + 27)
            for half in halves:
                loss = model.train_on_batch(half[own], Y[own])
    assert layer.states[0].shape == (27, UNITS)
    assert loss < 0.4 * CHANCE
