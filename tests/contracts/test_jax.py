"""The same contracts with KERAS_BACKEND=jax, in a process of its own; and without TensorFlow at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
#: Contracts that ask nothing of TensorFlow, as much of them as takes a minute.
NEUTRAL = [
    "test_oracle.py::test_a_recurrent_layer_is_its_oracle",
    "test_oracle.py::test_a_layer_is_its_oracle",
    "test_oracle.py::test_pooling_is_its_oracle",
    "test_gradients.py::test_gradients_with_a_mask",
    "test_masks.py::test_a_mask_may_have_any_form",
    "test_masks.py::test_what_stands_in_a_masked_step_changes_no_gradient",
    "test_mask_propagation.py::test_the_mask_of_an_embedding_reaches_two_layers[LSTM]",
    "test_pieces.py::test_a_stateful_layer_carries_its_state_itself",
    "test_dropout.py::test_one_mask_serves_all_steps[GRU]",
    "test_dropout.py::test_ones_come_out_as_the_mask",
    "test_unroll.py::test_unrolled_steps_are_the_loop[LSTM]",
    "test_empty.py::test_a_sequence_without_steps_gives_zeros_and_the_states_it_began_with[LSTM-True]",
    "test_fit.py::test_fit_learns_to_remember[LSTM]",
    "test_fit.py::test_a_stateful_layer_learns_over_calls",
    "../layers/test_s5.py::test_it_is_the_real_state_space_of_twice_the_states_held_over_each_step",
    "../layers/test_family_cells.py::test_without_bias_it_is_its_oracle",
    "../layers/test_attention.py::test_it_is_its_oracle[general scaled covering-masked]",
    "../layers/test_attention_rnn.py::test_it_is_its_oracle[before, LSTM, bahdanau-gaps and left padding]",
    "../layers/test_attention_rnn.py::test_gradients[fed, stack, general, no layer]",
    "../layers/test_self_attention.py::test_the_fused_operation_is_the_plain_one[gaps-True]",
    "../layers/test_self_attention.py::test_weights_have_32_bits_at_least[float32]",
    "../layers/test_self_attention_block.py::test_beam_search_over_blocks_scores_as_the_whole_does",
]


#: Nearly all the time goes into compiling small functions: as little as can be, and what is compiled is kept.
QUICK = {
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "JAX_COMPILATION_CACHE_DIR": str(HERE.parents[1] / ".pytest_cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def run_on_jax(*command, **environment):
    # Without x64 JAX makes float32 of every float64.
    jax = {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu", **QUICK, **environment}
    result = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **jax},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    return result.stdout


@pytest.mark.slow
def test_the_contracts_hold_on_jax():
    tests = [f"{HERE}/{name}" for name in NEUTRAL]
    run_on_jax("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests)


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
