"""A drop-in for keras.layers: constructors take the arguments of Keras's, with its defaults."""

import inspect

import keras
import pytest

from keras_rnn import layers
from tests.contracts.test_config import OTHER, arguments_of

CLASSES = ["SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell", "Bidirectional"]


def keras_arguments(name):
    parameters = inspect.signature(getattr(keras.layers, name).__init__).parameters
    skipped = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [p for p in list(parameters.values())[1:] if p.kind not in skipped]


def made(module, name, **arguments):
    first = {"layer": module.LSTM(3)} if name == "Bidirectional" else {"units": 3}
    return getattr(module, name)(**first, **arguments)


TAKEN = [
    pytest.param(name, p, id=f"{name}-{p.name}")
    for name in CLASSES
    for p in keras_arguments(name)
    if p.name not in ("units", "layer", "weights", "backward_layer")
]


@pytest.mark.parametrize(("name", "parameter"), TAKEN)
def test_an_argument_of_keras_is_taken_with_its_default_and_another_value(name, parameter):
    default = made(layers, name)
    assert (
        made(layers, name, **{parameter.name: parameter.default}).get_config().keys()
        == default.get_config().keys()
    )
    other = made(layers, name, **{parameter.name: OTHER[parameter.name]}).get_config()
    theirs = made(keras.layers, name, **{parameter.name: OTHER[parameter.name]}).get_config()
    # Keras's SimpleRNN takes an `activity_regularizer` and forgets it.
    if theirs.get(parameter.name) is not None:
        assert other[parameter.name] == theirs[parameter.name]


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_are_those_of_keras(name):
    ours = {p.name: p.default for p in arguments_of(getattr(layers, name))}
    theirs = {p.name: p.default for p in keras_arguments(name)}
    assert {key: ours[key] for key in theirs if key in ours} == {
        key: theirs[key] for key in theirs if key in ours
    }
    # `activity_regularizer` goes to the base class, as in Keras; use_cudnn is the same word.
    assert set(theirs) - set(ours) <= {"activity_regularizer"}


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell"])
def test_arguments_by_position_stand_where_they_stand_in_keras(name):
    # Up to the initializers; nobody counts further.
    ours = [p.name for p in arguments_of(getattr(layers, name))]
    theirs = [p.name for p in keras_arguments(name)]
    count = theirs.index("bias_initializer") + 1
    assert ours[:count] == theirs[:count]
    assert count >= 6
