"""Masks over time: True where a step counts, False where it is padding. Any pattern is legal."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def sequence_mask(lengths: Any, maximum: Any) -> Any:
    """The mask of right-padded sequences: `mask[b, t] = t < lengths[b]`.

    Args:
        lengths: `(batch,)` integers.
        maximum: number of time steps of the mask.

    Returns:
        `(batch, maximum)` booleans.
    """
    return ops.arange(maximum, dtype="int32")[None, :] < ops.convert_to_tensor(lengths, "int32")[:, None]


def as_mask(mask: Any, name: str = "mask", ranks: tuple[int, ...] = (2,)) -> Any:
    """Brings a mask of any form (bool, integer or float; array or list; trailing axis of 1) to booleans.

    Args:
        mask: `(batch, time)` or `(batch, time, 1)`; nonzero means that the step counts.
        name: how the argument is called in the error.
        ranks: the numbers of axes that are legal once a trailing axis of 1 is gone.

    Returns:
        The same as booleans, without the trailing axis.

    Raises:
        ValueError: if it has another number of axes.
    """
    mask = ops.convert_to_tensor(mask)
    if len(mask.shape) == 3 and mask.shape[-1] == 1:
        mask = ops.squeeze(mask, -1)
    if len(mask.shape) not in ranks:
        legal = " or ".join({1: "(batch,)", 2: "(batch, time)"}[rank] for rank in ranks)
        raise ValueError(f"`{name}` must have shape {legal}; received shape {tuple(mask.shape)}.")
    return mask if keras.backend.standardize_dtype(mask.dtype) == "bool" else ops.not_equal(mask, 0)
