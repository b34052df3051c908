"""The text of a class is true: examples run, all arguments are described, defaults are the real ones."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest

import keras_rnn.layers
from keras_rnn import layers
from tests.contracts.catalogue import ABSTRACT, FACTORIES
from tests.contracts.test_config import arguments_of

MODULES = [f"keras_rnn.layers.{module.name}" for module in pkgutil.iter_modules(keras_rnn.layers.__path__)]
CLASSES = [getattr(layers, name) for name in layers.__all__]
NAMES = {"np": np, **{name: getattr(layers, name) for name in layers.__all__}}


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    found = importlib.import_module(module)
    assert doctest.testmod(found, extraglobs=NAMES, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


@pytest.mark.parametrize("name", sorted(set(layers.__all__) - ABSTRACT))
def test_a_class_has_an_example(name):
    assert ">>> " in getattr(layers, name).__doc__


def described_arguments(cls):
    """name -> text, of the section Args."""
    match = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.cleandoc(cls.__doc__), re.DOTALL | re.MULTILINE)
    found = {}
    for entry in re.split(r"\n(?=    \w)", match[1] if match else ""):
        names, _, text = entry.partition(": ")
        if text:
            found |= {name.strip(): " ".join(text.split()) for name in names.split(",")}
    return found


def all_described_arguments(cls):
    """Its own, and those of the classes that the text points to."""
    found = described_arguments(cls)
    if "see `keras_rnn.layers.AffineCell`" in " ".join(cls.__doc__.split()):
        found = {**described_arguments(layers.AffineCell), **found}
    if "The other arguments and those of a call: see `keras_rnn.layers.Attention`" in cls.__doc__:
        found = {**described_arguments(layers.Attention), **found}
    if re.search(r"`Recurrent\(\w+\(\.\.\.\)\)`: takes the arguments of both", cls.__doc__):
        found |= described_arguments(layers.Recurrent) | all_described_arguments(cls.cell_class)
        del found["cell"]
    return found


DESCRIBED = [cls for cls in CLASSES if cls is not layers.RecurrentCell and cls.__name__ not in FACTORIES]
#: What a class sets itself, and does not take, though the one that it derives from does.
NOT_TAKEN = {
    "AttentionRNN": {"go_backwards", "stateful", "use_cudnn", "zero_output_for_mask"},
    "UniformAttention": {"coverage"},
}


@pytest.mark.parametrize("cls", DESCRIBED, ids=lambda cls: cls.__name__)
def test_every_argument_is_described_and_nothing_else(cls):
    taken = {p.name for p in arguments_of(cls)} - NOT_TAKEN.get(cls.__name__, set())
    assert set(all_described_arguments(cls)) == taken


def written_defaults():
    for cls in DESCRIBED:
        defaults = {p.name: p.default for p in arguments_of(cls)}
        for name, text in described_arguments(cls).items():
            written = re.search(r"Default `?([^`]+?)`?\.(?:\s|$)", text)
            if written:
                yield pytest.param(written[1], defaults[name], id=f"{cls.__name__}-{name}")


WRITTEN = list(written_defaults())


@pytest.mark.parametrize(("written", "default"), WRITTEN)
def test_a_default_that_is_written_is_the_real_one(written, default):
    assert ast.literal_eval(written) == default


def test_written_defaults_are_found():
    found = {parameter.id for parameter in WRITTEN}
    assert found >= {
        "GRUCell-reset_after",
        "LSTMCell-activation",
        "Recurrent-stateful",
        "WordDropout-unknown_id",
    }
