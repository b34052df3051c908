"""Random arrays, masks of every form, and the distance between two results."""

import keras
import numpy as np

ON_JAX = keras.backend.backend() == "jax"

#: How close a layer is to its oracle in float64, and to itself computed another way. On JAX, Keras computes
#: tanh and others in float32, whatever the dtype of the layer and JAX_ENABLE_X64 say.
EXACT = 3e-6 if ON_JAX else 1e-10
SAME = 1e-6 if ON_JAX else 1e-12

# All different, so that no axis can be taken for another.
BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 4

MASKS = {
    "none": None,
    "right padding": np.arange(TIME) < [[5], [3], [1]],
    "left padding": np.arange(TIME) >= [[0], [2], [4]],
    "gaps": np.array([[0, 1, 1, 0, 1], [1, 0, 1, 1, 0], [0, 0, 1, 1, 1]], dtype=bool),
    "empty row": np.array([[1, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 1]], dtype=bool),
    "all rows empty": np.zeros((BATCH, TIME), dtype=bool),
}
GAPS = MASKS["gaps"]
RESETS = {
    None: None,
    "start": np.array([1, 1, 0], dtype=bool),
    "steps": np.array([[0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]], dtype=bool),
}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def flat(outputs):
    """All tensors of a result as float64 arrays, in order."""
    return [_array(y) for y in keras.tree.flatten(outputs)]


def _array(y):
    if "bfloat16" in str(getattr(y, "dtype", "")):
        y = keras.ops.cast(y, "float32")  # NumPy has no such numbers
    return np.asarray(keras.ops.convert_to_numpy(y), "float64")


def distance(a, b):
    """The largest difference between two results of the same shapes."""
    a, b = flat(a), flat(b)
    assert [y.shape for y in a] == [y.shape for y in b]
    # NumPy's maximum: Python's passes over what is no number.
    return float(np.max([np.max(np.abs(y - z), initial=0.0) for y, z in zip(a, b)], initial=0.0))


def identical(a, b):
    return all(np.array_equal(y, z) for y, z in zip(flat(a), flat(b), strict=True))
