"""The same contracts with KERAS_BACKEND=jax, in a process of its own; and without TensorFlow at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: The contracts that ask nothing of TensorFlow.
NEUTRAL = [
    "catalogue",
    "oracle",
    "masks",
    "gradients",
    "pieces",
    "mask_propagation",
    "dropout",
    "fit",
    "unroll",
]
HERE = Path(__file__).parent


def run_on_jax(*command):
    # Without x64 JAX makes float32 of every float64.
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    result = subprocess.run(
        [sys.executable, *command], env=environment, cwd=HERE.parents[1], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    return result.stdout


@pytest.mark.slow
def test_the_contracts_hold_on_jax():
    files = [HERE / f"test_{name}.py" for name in NEUTRAL]
    run_on_jax("-m", "pytest", "-q", "-x", "-m", "not tensorflow", "-p", "no:cacheprovider", *files)


WITHOUT_TENSORFLOW = """
import sys

class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_text"):
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, NoTensorFlow())

import numpy as np
import keras_rnn

layer = keras_rnn.layers.LSTM(4, return_sequences=True)
print(layer(np.ones((2, 5, 3))).shape)
assert not [name for name in sys.modules if name.split(".")[0] == "tensorflow"]
"""


def test_without_tensorflow_the_package_is_imported_and_a_layer_runs():
    assert run_on_jax("-c", WITHOUT_TENSORFLOW) == "(2, 5, 4)\n"
