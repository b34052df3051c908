"""A model with a layer comes back from a `.keras` file and computes the same, batch and time unknown."""

import keras
import numpy as np
import pytest

from tests.contracts.arrays import GAPS, SAME, distance
from tests.contracts.catalogue import row_named, rows

# Keras hands its variables to h5py, and NumPy 2 finds their `__array__` out of date.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def functional(row):
    """All that a call can be given is an input of the model."""
    x = keras.Input(row.unknown_time[1:], dtype=row.inputs().dtype.name)
    call = row.call_arguments(mask=GAPS)
    symbolic = {}
    if "initial_state" in call:
        symbolic["initial_state"] = [keras.Input(s.shape[1:], dtype="float64") for s in call["initial_state"]]
    if "mask" in call:
        symbolic["mask"] = keras.Input((None,), dtype="bool")
    model = keras.Model([x, symbolic], row.own_layer()(x, **symbolic))
    return model, [row.inputs(), call]


def sequential(row):
    arguments = {"return_state": False} if "recurrent" in row.promises else {}
    x = keras.Input(row.unknown_time[1:], dtype=row.inputs().dtype.name)
    return keras.Sequential([x, row.own_layer(**arguments)]), row.inputs()


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """Makes its layer from the row, and knows its input from the first call alone."""

    def __init__(self, row, **kwargs):
        super().__init__(**{"dtype": "float64", **kwargs})
        self.row = row
        self.layer = row_named(row).make(dtype="float64")

    def call(self, x):
        return self.layer(x)

    def get_config(self):
        return {**super().get_config(), "row": self.row}


def subclassed(row):
    model = Subclassed(row.name)
    model(row.inputs())
    model.set_weights(row.layer().get_weights())
    return model, row.inputs()


@pytest.mark.parametrize("make", [functional, sequential, subclassed])
@rows("sample")
def test_a_saved_model_comes_back(row, make, tmp_path):
    model, inputs = make(row)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert distance(loaded.get_weights(), model.get_weights()) == 0
    assert distance(loaded(inputs), model(inputs)) == 0


@rows("recurrent")
def test_a_model_over_unknown_batch_and_time_computes_what_its_layer_does(row):
    model, (x, call) = functional(row)
    result = keras.tree.flatten(model([x, call]))
    assert distance(result, row.layer()(x, **call)) == 0
    for symbolic, y in zip(model.outputs, result, strict=True):
        assert len(symbolic.shape) == len(y.shape)
        assert symbolic.shape[0] is None
        assert all(d in (None, n) for d, n in zip(symbolic.shape, y.shape))
        assert symbolic.dtype == keras.backend.standardize_dtype(y.dtype)


@rows("recurrent", "sample")
def test_weights_move_between_a_layer_and_its_stateful_twin_in_a_file(row, tmp_path):
    """Trained without carried state, run with it."""

    def model(**arguments):
        x = keras.Input(batch_shape=row.inputs().shape, dtype="float64")
        return keras.Sequential([x, row.own_layer(return_state=False, **arguments)])

    plain, stateful = model(), model(stateful=True)
    stateful.set_weights([np.zeros_like(w) for w in stateful.get_weights()])
    plain.save_weights(tmp_path / "model.weights.h5")
    stateful.load_weights(tmp_path / "model.weights.h5")
    assert distance(stateful(row.inputs()), plain(row.inputs())) < SAME
    stateful.save_weights(tmp_path / "stateful.weights.h5")
    plain.load_weights(tmp_path / "stateful.weights.h5")
