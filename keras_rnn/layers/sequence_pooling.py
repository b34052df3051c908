"""One vector from a sequence of states."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.ops.masking import as_mask

MODES = ("last", "mean", "max")


@keras.saving.register_keras_serializable("keras_rnn")
class SequencePooling(keras.layers.Layer):
    """Pools a sequence over time; several ways are concatenated in the order given.

        last    y = x[t*], t* the last step that counts
        mean    y = sum of x[t] over the steps that count, divided by their number
        max     y = the maximum of each feature over the steps that count

    A row in which no step counts gives zeros.

    Args:
        modes: one of `"last"`, `"mean"`, `"max"`, or a list of them. Default `"last"`.
        bidirectional: whether the second half of the features was read backwards, as
            `Bidirectional` gives them: the last step of that half is the first one of the sequence.

    Call arguments:
        inputs: `(batch, time, features)`.
        mask: `(batch, time)`, nonzero where a step counts. Default: all count.

    Returns:
        `(batch, features * number of modes)`.

    Raises:
        ValueError: if a mode is unknown, or there is none.

    Example:

    >>> SequencePooling(["mean", "max"])(np.array([[[1.0], [5.0], [9.0]]]), mask=np.array([[1, 1, 0]]))
    <tf.Tensor: shape=(1, 2), dtype=float32, numpy=array([[3., 5.]], dtype=float32)>
    """

    def __init__(self, modes: Any = "last", bidirectional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.modes = [modes] if isinstance(modes, str) else list(modes)
        if not self.modes or any(mode not in MODES for mode in self.modes):
            raise ValueError(f"`modes` must be one or more of {MODES}; received modes={modes!r}.")
        self.bidirectional = bidirectional
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], "bool")
        mask = as_mask(mask)
        return ops.concatenate([getattr(self, f"_{mode}")(inputs, mask) for mode in self.modes], axis=-1)

    def _last(self, x: Any, mask: Any) -> Any:
        forward = self._at_step(x, mask, ops.max)
        if not self.bidirectional:
            return forward
        half = x.shape[-1] // 2
        return ops.concatenate([forward[:, :half], self._at_step(x, mask, ops.min)[:, half:]], axis=-1)

    def _at_step(self, x: Any, mask: Any, extreme: Any) -> Any:
        """x at the last (`extreme` = max) or first (min) step that counts."""
        steps = ops.arange(ops.shape(x)[1])[None, :]
        outside = -1 if extreme is ops.max else ops.shape(x)[1]
        chosen = extreme(ops.where(mask, steps, outside), axis=1, keepdims=True, initial=outside)
        # A product and not a gather: the gradient stays dense, and an empty row gives zeros by itself.
        return ops.einsum("bt,btf->bf", ops.cast(steps == chosen, x.dtype), x)

    def _mean(self, x: Any, mask: Any) -> Any:
        weights = ops.cast(mask, x.dtype)
        return ops.einsum("bt,btf->bf", weights, x) / ops.maximum(ops.sum(weights, 1, keepdims=True), 1)

    def _max(self, x: Any, mask: Any) -> Any:
        lowest = -3e4 if keras.backend.standardize_dtype(x.dtype) == "float16" else -1e30
        highest = ops.max(ops.where(mask[..., None], x, lowest), axis=1, initial=lowest)
        return ops.where(ops.any(mask, axis=1, keepdims=True), highest, ops.zeros_like(highest))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], input_shape[-1] * len(self.modes))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "modes": self.modes, "bidirectional": self.bidirectional}
