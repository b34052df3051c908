"""The mean of a memory, in the form of an attention: the baseline of those that look."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.attention import Attention
from keras_rnn.layers.cell import Constants


@keras.saving.register_keras_serializable("keras_rnn")
class UniformAttention(Attention):
    """Reads the mean of the memory, whatever is asked.

        a[i] = 1 / S,  c = sum_i a[i] m[i]          S positions that the mask leaves

    It has no weights. Beside an attention it shows what looking is worth.

    Args:
        dropout, seed: see `keras_rnn.layers.Attention`, which also has the arguments of a call.

    Example:

    >>> memory = np.array([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]])
    >>> mask = np.array([[True, True, False]])
    >>> np.asarray(UniformAttention()(np.zeros((1, 5)), memory, memory_mask=mask)).tolist()
    [[2.0, 4.0]]
    """

    def __init__(self, dropout: float = 0.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(False, dropout, seed, **kwargs)

    def build(self, query_shape: Any, memory_shape: Any, **_: Any) -> None:
        pass

    def get_constants(self, memory: Any, memory_mask: Any = None, training: bool = False) -> Constants:
        constants = super().get_constants(memory, memory_mask, training)
        # Made here: in a loop the memory is there to be multiplied alone. It has no gradient: a mask.
        return {**constants, "scores_mask": self.no_coverage(constants)}

    def score(self, query: Any, constants: Constants, coverage: Any = None) -> Any:
        e = constants["scores_mask"]
        if len(query.shape) == 2:
            return e
        return ops.zeros_like(query[:, :, :1], self.score_dtype) + ops.expand_dims(e, 1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["coverage"]
        return config
