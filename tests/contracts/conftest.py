import keras
import pytest

if keras.backend.backend() == "jax":
    # On JAX, ops.tanh and others of Keras bring float64 down to floatx.
    keras.config.set_floatx("float64")


@pytest.fixture(autouse=True)
def a_clean_keras():
    """The same random numbers in every run, and the dtype policy back in place after it."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy(keras.config.floatx())
