"""Properties of masks: what counts, counts in every form."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from keras_rnn.ops import sequence_mask
from keras_rnn.ops.masking import as_mask

sizes = st.integers(0, 6)
masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6))
DTYPES = ["bool", "int8", "int32", "int64", "uint8", "float16", "float32", "float64"]


def values(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=5), sizes, st.sampled_from(["int32", "int64", "uint8"]))
def test_a_sequence_mask_counts_the_first_steps(lengths, maximum, dtype):
    mask = values(sequence_mask(np.array(lengths, dtype), maximum))
    assert mask.dtype == bool
    assert mask.tolist() == [[t < length for t in range(maximum)] for length in lengths]


@settings(deadline=None)
@given(masks, st.sampled_from(DTYPES), st.booleans())
def test_a_mask_means_the_same_in_every_form(mask, dtype, trailing_axis):
    form = mask.astype(dtype)[..., None] if trailing_axis else mask.astype(dtype)
    found = values(as_mask(form))
    assert found.dtype == bool
    assert np.array_equal(found, mask)


@settings(deadline=None)
@given(arrays("float32", (2, 3), elements=st.floats(-2, 2, width=32, allow_subnormal=False)))
def test_any_number_but_zero_counts(mask):
    assert np.array_equal(values(as_mask(mask)), mask != 0)


@settings(deadline=None)
@given(masks)
def test_a_mask_of_a_mask_is_the_mask(mask):
    once = as_mask(mask)
    assert np.array_equal(values(as_mask(once)), values(once))


def test_lists_are_masks():
    assert values(as_mask([[1, 0], [0, 1]])).tolist() == [[True, False], [False, True]]


@settings(deadline=None)
@given(array_shapes(min_dims=0, max_dims=4, min_side=2, max_side=3))
def test_another_number_of_axes_is_refused(shape):
    if len(shape) == 2:
        assert as_mask(np.ones(shape)).shape == shape
    else:
        with pytest.raises(ValueError, match=r"`mine` must have shape \(batch, time\); received shape"):
            as_mask(np.ones(shape), "mine")


def test_ranks_that_are_legal_are_named():
    for shape in [(3,), (3, 2)]:
        assert as_mask(np.ones(shape), ranks=(1, 2)).shape == shape
    with pytest.raises(ValueError, match=r"shape \(batch,\) or \(batch, time\); received shape \(2, 2, 2\)"):
        as_mask(np.ones((2, 2, 2)), ranks=(1, 2))


def test_lengths_may_be_a_list_and_the_maximum_a_tensor():
    mask = sequence_mask([3, 0, 2], keras.ops.convert_to_tensor(3))
    assert values(mask).sum(axis=1).tolist() == [3, 0, 2]
