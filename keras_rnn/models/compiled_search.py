"""The search of a translator, compiled once for each of its kinds and not for each of its numbers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


class CompiledSearch:
    """`model.decode`; on TensorFlow one graph for each kind of search, whatever the shapes and numbers.

    Args:
        model: a `keras_rnn.models.EncoderDecoder`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._graphs: dict[Any, Any] = {}

    def __call__(
        self,
        source: Any,
        longest: Any,
        n_best: int,
        beam_size: int,
        length_penalty: float,
        coverage_penalty: float,
    ) -> Any:
        """The hypotheses of padded source ids, each of at most as many ids as `longest` says of its row.

        Raises:
            ValueError: if a coverage penalty is asked of a model without attention.
        """
        greedy = beam_size == 1
        covers = bool(coverage_penalty) and not greedy
        if covers and not self.model.attends:  # a tensor, as which it goes on, could not be asked
            raise ValueError(
                f"`coverage_penalty` needs a model with attention; received {coverage_penalty} for "
                f"{self.model.name}. Leave it out."
            )

        def decode(source: Any, longest: Any, beam: Any, penalty: Any, coverage: Any) -> Any:
            own = {} if greedy else {"length_penalty": penalty, "n_best": n_best}
            if covers:
                own["coverage_penalty"] = coverage
            return self.model.decode(source, longest, beam_size=1 if greedy else beam, shrinking=True, **own)

        values = [
            np.asarray(source, np.int32),
            np.asarray(longest, np.int32),
            np.asarray(beam_size, np.int32),
            np.asarray(length_penalty, np.float32),
            np.asarray(coverage_penalty, np.float32),
        ]
        if keras.backend.backend() != "tensorflow":
            # Compiled as a whole it would have to know the sizes; its loop is compiled all the same.
            return decode(values[0], values[1], beam_size, length_penalty, coverage_penalty)
        import tensorflow as tf

        key = (greedy, n_best, covers)
        if key not in self._graphs:
            signature = [tf.TensorSpec((None,) * value.ndim, value.dtype) for value in values]
            self._graphs[key] = tf.function(decode, input_signature=signature, autograph=False)
        return self._graphs[key](*values)
