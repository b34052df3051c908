"""A layer is made again from its configuration: no argument is lost, none is changed."""

import copy
import inspect
import json

import keras
import pytest

from keras_rnn import layers
from keras_rnn.parametrizations import Skew
from tests.contracts.catalogue import ROWS, rows

#: A value for each constructor argument that is not its default.
OTHER = {
    "activation": "elu",
    "recurrent_activation": "hard_sigmoid",
    "use_bias": False,
    "kernel_initializer": "ones",
    "recurrent_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "recurrent_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": "l2",
    "kernel_constraint": "non_neg",
    "recurrent_constraint": "unit_norm",
    "recurrent_parametrization": Skew(),
    "bias_constraint": "max_norm",
    "dropout": 0.25,
    "recurrent_dropout": 0.125,
    "seed": 7,
    "unit_forget_bias": False,
    "reset_after": False,
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "zero_output_for_mask": True,
    "use_cudnn": False,
    "implementation": "plain",
    "recompute": True,
    "merge_mode": "mul",
    "modes": ["max", "last"],
    "bidirectional": True,
    "rate": 0.125,
    "label_smoothing": 0.125,
    "unknown_id": 5,
    "outputs": 2,
    "rates": 0.125,
    "input_rate": 0.125,
    "recurrent_rate": 0.25,
    "output_rate": 0.375,
    "initializer": "ones",
    "peephole_initializer": "ones",
    "epsilon": 0.01,
    "gamma": 0.5,
    "gated": True,
    "permutation_seed": 3,
    "complex_pairs": True,
    "depth": 2,
    "transform_bias": -1.0,
    "words": ["other", "words"],
    "character_size": 4,
    "filters": [2, 3],
    "highways": 2,
    "state_units": 5,
    "r_min": 0.25,
    "r_max": 0.75,
    "max_phase": 3.0,
    "blocks": 3,
    "dt_min": 0.01,
    "dt_max": 0.5,
    "input_dim": 8,
    "output_dim": 2,
    "mask_zero": True,
    "embeddings_initializer": "ones",
    "embeddings_regularizer": "l2",
    "embeddings_constraint": "non_neg",
    "alpha": 0.25,
    "beta": 0.125,
    "vocabulary_size": 8,
    "tied": True,
    "experts": 3,
    "latent_size": 5,
    "cutoffs": [2, 5],
    "factor": 2,
    "samples": 6,
    "temperature": 5.0,
    "rounds": 3,
    "projection_units": 2,
    "projection_initializer": "ones",
    "window": 3,
    "connectivity": 0.5,
    "leaky": 0.5,
    "spectral_radius": 0.5,
    "rank": 2,
    "heads": 3,
    "forget_gate": "exp",
    "chunk": 5,
    "carry_normalized": True,
    "key_dimension": 4,
    "causal": True,
    "rotary": True,
    "attention_dropout": 0.125,
    "feed_forward": 7,
    "normalize": "after",
    "limit": 8,
    "hops": 4,
    "penalty": 0.5,
    "counts": [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
}
#: Arguments that are other layers, or weights: the rows make these.
PARTS = {"cell", "cells", "layer", "backward_layer", "weights", "embedding"}
CLASSES = sorted({covered for row in ROWS for covered in row.covers}, key=lambda cls: cls.__name__)


def arguments_of(cls):
    """The named arguments of a constructor, and of those of ours that it hands the rest to."""
    found = {}
    for base in cls.__mro__:
        if base.__module__.startswith("keras_rnn.") and "__init__" in vars(base):
            for parameter in list(inspect.signature(base.__init__).parameters.values())[1:]:
                if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
                    found.setdefault(parameter.name, parameter)
            if getattr(cls, "cell_class", None):
                break  # a derived layer shows all it takes, and makes the cell itself
    return list(found.values())


def make(cls, **arguments):
    """The smallest layer of this class with these arguments."""
    needed = {
        "units": 3,
        "projection_units": 3,
        "cell": layers.LSTMCell(3),
        "cells": [layers.LSTMCell(3), layers.GRUCell(2)],
        "layer": layers.LSTM(3),
        "rate": 0.5,
        "rates": 0.5,
        "embedding": layers.TiedEmbedding(9, 3),
        "input_dim": 9,
        "output_dim": 3,
        "alpha": 2.0,
        "beta": 1.0,
        "vocabulary_size": 9,
        "experts": 2,
        "latent_size": 3,
        "cutoffs": [3],
        "samples": 4,
        "words": ["a", "word"],
        "heads": 2,
        "limit": 9,
    }
    parts = {p.name: needed[p.name] for p in arguments_of(cls) if p.default is inspect.Parameter.empty}
    return cls(**{**parts, **arguments})


def again(layer):
    """The layer after a trip through JSON."""
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    return keras.saving.deserialize_keras_object(json.loads(text))


@rows()
def test_a_layer_is_made_again_from_its_configuration(row):
    layer = row.make()
    found = again(layer)
    assert type(found) is type(layer)
    assert found.get_config() == layer.get_config()
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


@rows(without="foreign")  # keras.layers.StackedRNNCells empties the configuration that it is given
def test_from_config_leaves_the_configuration_alone(row):
    config = row.make().get_config()
    before = copy.deepcopy(config)
    type(row.make()).from_config(config)
    assert config == before


CASES = [(cls, p.name) for cls in CLASSES for p in arguments_of(cls) if p.name not in PARTS | {"units"}]


@pytest.mark.parametrize(("cls", "name"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_no_argument_is_lost(cls, name):
    default, other = make(cls), make(cls, **{name: OTHER[name]})
    assert other.get_config()[name] != default.get_config()[name]
    assert again(other).get_config()[name] == other.get_config()[name]


@pytest.mark.parametrize("cls", [layers.LSTM, layers.LSTMCell, layers.Bidirectional, layers.BernoulliHead])
def test_the_arguments_of_every_keras_layer_survive(cls):
    layer = make(cls, name="mine", trainable=False, dtype="mixed_bfloat16")
    config = again(layer).get_config()
    assert config["name"] == "mine"
    assert config["trainable"] is False
    assert again(layer).compute_dtype == "bfloat16"


def test_an_activity_regularizer_survives():
    layer = layers.LSTM(3, activity_regularizer="l2")
    assert isinstance(again(layer).activity_regularizer, keras.regularizers.L2)


def test_the_cell_in_a_layer_has_the_arguments_of_the_layer():
    for cls in (layers.SimpleRNN, layers.LSTM, layers.GRU):
        names = {p.name for p in arguments_of(cls.cell_class)} - {"units"}
        layer = make(cls, **{name: OTHER[name] for name in names})
        alone = make(cls.cell_class, **{name: OTHER[name] for name in names})
        config, expected = layer.cell.get_config(), alone.get_config()
        assert {k: v for k, v in config.items() if k != "name"} == {
            k: v for k, v in expected.items() if k != "name"
        }


def test_arguments_are_attributes_of_the_layer():
    layer = layers.GRU(3, dropout=0.25, reset_after=False, activation="relu")
    assert (layer.units, layer.dropout, layer.reset_after) == (3, 0.25, False)
    assert layer.activation is keras.activations.relu
