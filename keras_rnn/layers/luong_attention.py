"""Multiplicative attention."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.attention import Attention
from keras_rnn.layers.cell import Constants
from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.ops.affine import project
from keras_rnn.ops.attention import additive_scores, dot_scores

SCORES = ("dot", "scaled_dot", "general", "concat")


@keras.saving.register_keras_serializable("keras_rnn")
class LuongAttention(Attention):
    """Attention by likeness: query and memory are compared by a product.

        dot            e[i] = q . m[i]
        scaled_dot     e[i] = q . m[i] / sqrt(d)
        general        e[i] = q W m[i]
        concat         e[i] = v . tanh(q W_q + m[i] W)

        a = softmax(e),  c = sum_i a[i] m[i]

    with `scale` g e takes the place of e; with `coverage` n[i] u is added to it, where n[i] is the sum of the
    weights of position i before. dot and scaled_dot want queries as long as the memory's vectors, d.

    Weights:
        general: memory_kernel W `(memory features, query features)`, which is the paper's, transposed.
        concat: memory_kernel W `(memory features, units)`, query_kernel W_q `(query features, units)`,
        score_kernel v `(units,)`.
        scale g: `()`, with `scale`, starts at 1.
        coverage_scale u: `()`, with `coverage`, starts at 0.

    Differences from the paper: scale and coverage, which there are none of; no local attention.

    Args:
        score: `"dot"`, `"scaled_dot"`, `"general"` or `"concat"`. Default `"general"`.
        units: size of the hidden layer of `"concat"`; not for the others.
        scale: multiply scores by a learned number. Default `False`.
        kernel_initializer: starting values of the kernels.

    The other arguments and those of a call: see `keras_rnn.layers.Attention`.

    Raises:
        ValueError: if `score` is none of these, if `units` is missing for concat or given for another; when
            it is built, if query and memory do not go together.

    Source: M.-T. Luong, H. Pham, C. D. Manning, "Effective Approaches to Attention-based Neural Machine
    Translation", EMNLP 2015, section 3.1.

    Example:

    >>> attention = LuongAttention("general")
    >>> c = attention(np.zeros((2, 5, 3)), np.zeros((2, 7, 4)))
    >>> c.shape, [tuple(w.shape) for w in attention.weights]
    (TensorShape([2, 5, 4]), [(4, 3)])
    """

    recurrent_constants: tuple[str, ...] = ("W_q", "keys_rows", "values_rows")

    def __init__(
        self,
        score: str = "general",
        units: int | None = None,
        scale: bool = False,
        coverage: bool = False,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(coverage, dropout, seed, **kwargs)
        if score not in SCORES:
            raise ValueError(f"`score` must be one of {SCORES}; received score={score!r}.")
        if (units is not None) != (score == "concat"):
            raise ValueError(
                "`units` is the size of the hidden layer of score='concat', and of no other; received "
                f"units={units!r}, score={score!r}."
            )
        self.score_name = score
        self.units = None if units is None else checked_size("units", units)
        self.learns_scale = scale
        self.kernel_initializer = initializers.get(kernel_initializer)
        if score == "concat":  # its keys stand within tanh, and no product reads them
            self.recurrent_constants = ("W_q", "values_rows")

    def build(self, query_shape: Any, memory_shape: Any, **_: Any) -> None:
        of_query = known_features(self, query_shape, "query")
        of_memory = known_features(self, memory_shape, "memory")
        if "dot" in self.score_name and of_query != of_memory:
            raise ValueError(
                f"`{self.name}` with score={self.score_name!r} needs queries as long as the vectors of the "
                f"memory, {of_memory}; received {of_query}. Take score='general'."
            )
        start = self.kernel_initializer
        if "dot" not in self.score_name:
            size = self.units or of_query
            self.memory_kernel = self.add_weight(
                name="memory_kernel", shape=(of_memory, size), initializer=start
            )
        if self.score_name == "concat":

            def column(shape: Any, dtype: Any = None) -> Any:
                return ops.squeeze(start((*shape, 1), dtype=dtype), -1)

            self.query_kernel = self.add_weight(
                name="query_kernel", shape=(of_query, self.units), initializer=start
            )
            self.score_kernel = self.add_weight(name="score_kernel", shape=(self.units,), initializer=column)
        if self.learns_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.coverage:
            self.coverage_scale = self.add_weight(name="coverage_scale", shape=(), initializer="zeros")

    def get_constants(self, memory: Any, memory_mask: Any = None, training: bool = False) -> Constants:
        constants = super().get_constants(memory, memory_mask, training)
        dtype, keys = self.score_dtype, constants["values_rows"]
        if "dot" not in self.score_name:
            W = ops.cast(self.memory_kernel, self.compute_dtype)
            keys = project(keys, W, None, dtype if self.units else self.compute_dtype)
        if self.score_name == "concat":
            constants |= {
                "W_q": ops.cast(self.query_kernel, self.compute_dtype),
                "keys_rows": keys,
                "v": ops.cast(self.score_kernel, dtype),
            }
        else:
            constants["keys_rows"] = ops.swapaxes(keys, 1, 2)
        factor = 1 / math.sqrt(keys.shape[-1]) if self.score_name == "scaled_dot" else 1.0
        if self.learns_scale:
            constants["g"] = ops.cast(self.scale, dtype) * factor
        elif factor != 1:
            constants["g"] = ops.convert_to_tensor(factor, dtype)
        if self.coverage:
            constants["u"] = ops.cast(self.coverage_scale, dtype)
        return constants

    def score(self, query: Any, constants: Constants, coverage: Any = None) -> Any:
        if self.score_name == "concat":
            q = self._product(query, constants["W_q"])
            e = additive_scores(q, constants["keys_rows"], constants["v"])
        else:
            q = ops.cast(query, self.compute_dtype)
            e = ops.cast(dot_scores(q, constants["keys_rows"]), self.score_dtype)
        e = e * constants["g"] if "g" in constants else e
        return e if coverage is None else e + coverage * constants["u"]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "score": self.score_name,
            "units": self.units,
            "scale": self.learns_scale,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }
