"""Additive attention."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.attention import Attention
from keras_rnn.layers.cell import Constants
from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.ops.affine import project
from keras_rnn.ops.attention import additive_scores


@keras.saving.register_keras_serializable("keras_rnn")
class BahdanauAttention(Attention):
    """Additive attention: a small network with one hidden layer scores each pair of query and memory.

        e[i] = v . tanh(query W_q + m[i] W_m + b)
        a    = softmax(e),  c = sum_i a[i] m[i]

    with `normalize` g v / |v| takes the place of v; with `coverage` n[i] u is added inside tanh, where n[i]
    is the sum of the weights of position i before.

    Weights:
        query_kernel W_q: `(query features, units)`.
        memory_kernel W_m: `(memory features, units)`.
        bias b: `(units,)`.
        score_kernel v: `(units,)`.
        coverage_kernel u: `(units,)`, with `coverage`.
        scale g: `()`, with `normalize`, starts at sqrt(1 / units).
        In all `(query features + memory features + 2) * units` parameters, units more with `coverage`, 1 more
        with `normalize`.

    Differences from the paper: the bias, which there is none of.

    Args:
        units: positive integer, size of the hidden layer.
        normalize: scale v to the learned length g (Salimans and Kingma 2016). Default `False`.
        kernel_initializer: starting values of W_q and W_m, and of v and u as columns.

    The other arguments and those of a call: see `keras_rnn.layers.Attention`.

    Sources: D. Bahdanau, K. Cho, Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and
    Translate", ICLR 2015, appendix A.1.2; coverage: A. See, P. J. Liu, C. D. Manning, "Get To The Point",
    ACL 2017, equation 11.

    Example:

    >>> attention = BahdanauAttention(8)
    >>> c, a = attention(np.zeros((2, 5, 3)), np.zeros((2, 7, 4)), return_weights=True)
    >>> c.shape, a.shape, [tuple(w.shape) for w in attention.weights]
    (TensorShape([2, 5, 4]), TensorShape([2, 5, 7]), [(3, 8), (4, 8), (8,), (8,)])
    """

    recurrent_constants = ("W_q", "values_rows")

    def __init__(
        self,
        units: int,
        normalize: bool = False,
        coverage: bool = False,
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(coverage, dropout, seed, **kwargs)
        self.units = checked_size("units", units)
        self.normalize = normalize
        self.kernel_initializer = initializers.get(kernel_initializer)

    def build(self, query_shape: Any, memory_shape: Any, **_: Any) -> None:
        def column(shape: Any, dtype: Any = None) -> Any:
            return ops.squeeze(self.kernel_initializer((*shape, 1), dtype=dtype), -1)

        of_query, of_memory = (
            known_features(self, s, w) for s, w in ((query_shape, "query"), (memory_shape, "memory"))
        )
        start = self.kernel_initializer
        self.query_kernel = self.add_weight(
            name="query_kernel", shape=(of_query, self.units), initializer=start
        )
        self.memory_kernel = self.add_weight(
            name="memory_kernel", shape=(of_memory, self.units), initializer=start
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.score_kernel = self.add_weight(name="score_kernel", shape=(self.units,), initializer=column)
        if self.coverage:
            self.coverage_kernel = self.add_weight(
                name="coverage_kernel", shape=(self.units,), initializer=column
            )
        if self.normalize:
            length = initializers.Constant(math.sqrt(1 / self.units))
            self.scale = self.add_weight(name="scale", shape=(), initializer=length)

    def get_constants(self, memory: Any, memory_mask: Any = None, training: bool = False) -> Constants:
        constants = super().get_constants(memory, memory_mask, training)
        dtype = self.score_dtype
        v = ops.cast(self.score_kernel, dtype)
        if self.normalize:
            v = ops.cast(self.scale, dtype) * v / ops.sqrt(ops.sum(ops.square(v)))
        W_m, b = ops.cast(self.memory_kernel, self.compute_dtype), ops.cast(self.bias, dtype)
        constants |= {
            "W_q": ops.cast(self.query_kernel, self.compute_dtype),
            "keys_rows": project(constants["values_rows"], W_m, b, dtype),
            "v": v,
        }
        if self.coverage:
            constants["u"] = ops.cast(self.coverage_kernel, dtype)
        return constants

    def score(self, query: Any, constants: Constants, coverage: Any = None) -> Any:
        keys = constants["keys_rows"]
        if coverage is not None:
            keys = keys + ops.expand_dims(coverage, -1) * constants["u"]
        return additive_scores(self._product(query, constants["W_q"]), keys, constants["v"])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "normalize": self.normalize,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }
