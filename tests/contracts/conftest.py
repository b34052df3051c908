import keras
import pytest


@pytest.fixture(autouse=True)
def a_clean_keras():
    """The same random numbers in every run, and the dtype policy back in place after it."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")
