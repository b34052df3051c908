"""What the softmax output layers have in common: one call for looking, and one for training."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.ops.affine import project


class OutputSoftmax(keras.layers.Layer):
    """Abstract: a distribution over V types, given features h.

        log p(v | h)                        layer(h)
        total = sum_i w[i] nll[i]           layer(h, targets=y, sample_weight=w)
        nll[i] = -log p(y[i] | h[i])

    As it stands it has one matrix, its own or that of an embedding, and one bias; a subclass with others
    gives `build` and `log_probabilities`. Every subclass gives `negative_log_likelihood`.
    """

    #: Whether the matrix is that of an embedding, handed in at each call.
    tied = False
    #: Features of a row of that matrix; known when the layer is built.
    row_size: int

    def __init__(
        self,
        vocabulary_size: int,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        # No autocast: it would round an embedding that is handed in, and weights of rows.
        super().__init__(autocast=False, **kwargs)
        self.vocabulary_size = checked_size("vocabulary_size", vocabulary_size)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.supports_masking = True

    @property
    def output_dtype(self) -> str:
        """Dtype of what comes out: the compute dtype, but at least float32."""
        return "float32" if self.compute_dtype in ("float16", "bfloat16") else self.compute_dtype

    def build(self, input_shape: Any) -> None:
        self.row_size = known_features(self, input_shape)
        if not self.tied:
            self.kernel = self.add_matrix("kernel", (self.vocabulary_size, self.row_size))
        self.bias = self.add_bias("bias", self.vocabulary_size)

    def log_probabilities(self, h: Any, embeddings: Any, training: bool) -> Any:
        """`(..., V)` from h `(..., d)`."""
        return self.log_softmax(h, self.matrix(embeddings), self.bias)

    @abstractmethod
    def negative_log_likelihood(
        self, h: Any, y: Any, w: Any, embeddings: Any, training: bool
    ) -> tuple[Any, Any]:
        """`(total, nll)` from h `(..., d)` and, of as many rows, y and w `(rows,)`; nll is `(rows,)`."""

    def call(
        self,
        inputs: Any,
        targets: Any = None,
        sample_weight: Any = None,
        embeddings: Any = None,
        training: bool = False,
    ) -> Any:
        self._check(inputs, targets, sample_weight, embeddings)
        h = ops.cast(inputs, self.compute_dtype)
        if targets is None:
            return self.log_probabilities(h, embeddings, training)
        y = ops.reshape(ops.cast(targets, "int32"), (-1,))
        if sample_weight is None:
            w = ops.ones(ops.shape(y), self.output_dtype)
        else:
            w = ops.reshape(ops.cast(sample_weight, self.output_dtype), (-1,))
        total, nll = self.negative_log_likelihood(h, y, w, embeddings, training)
        return total, ops.reshape(nll, ops.shape(targets))

    def add_matrix(self, name: str, shape: tuple[int, ...]) -> Any:
        # No autocast: products have the compute dtype, the gradient of the matrix has 32 bits.
        return self.add_weight(name=name, shape=shape, initializer=self.kernel_initializer, autocast=False)

    def add_bias(self, name: str, size: int) -> Any:
        return self.add_weight(name=name, shape=(size,), initializer=self.bias_initializer, autocast=False)

    def log_softmax(self, h: Any, matrix: Any, bias: Any) -> Any:
        """`log softmax(h E^T + b)` over all leading axes: the product in the compute dtype, else 32 bits."""
        E_T = ops.transpose(ops.cast(matrix, self.compute_dtype))
        z = project(h, E_T, ops.cast(bias, self.output_dtype), self.output_dtype)
        return ops.log_softmax(z, axis=-1)

    def matrix(self, embeddings: Any) -> Any:
        """E `(V, row_size)`, its own or that of an embedding."""
        return embeddings if self.tied else self.kernel

    def _check(self, inputs: Any, targets: Any, sample_weight: Any, embeddings: Any) -> None:
        if self.tied:
            expected = (self.vocabulary_size, self.row_size)
            received = None if embeddings is None else tuple(embeddings.shape)
            if received != expected:
                raise ValueError(
                    f"`embeddings` must be a matrix of shape {expected} where `{self.name}` is tied; "
                    f"received {'None' if received is None else f'shape {received}'}. Hand in that of the "
                    "embedding at each call."
                )
        elif embeddings is not None:
            raise ValueError(
                f"`embeddings` must be None: `{self.name}` has a matrix of its own; received shape "
                f"{tuple(embeddings.shape)}. Leave it out, or use a layer with `tied=True`."
            )
        if targets is None and sample_weight is not None:
            raise ValueError(
                f"`sample_weight` must be None without `targets`; received shape "
                f"{tuple(sample_weight.shape)}. Leave it out, or hand in the targets."
            )
        for name, value in (("targets", targets), ("sample_weight", sample_weight)):
            axes = tuple(inputs.shape[:-1])
            if value is not None and not _agree(tuple(value.shape), axes):
                raise ValueError(
                    f"`{name}` must have the axes of the features but the last, {axes}; "
                    f"received shape {tuple(value.shape)}. There is one for each row."
                )

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape[:-1], self.vocabulary_size)

    def compute_output_spec(
        self,
        inputs: Any,
        targets: Any = None,
        sample_weight: Any = None,
        embeddings: Any = None,
        training: bool = False,
    ) -> Any:
        self._check(inputs, targets, sample_weight, embeddings)
        if targets is None:
            return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.output_dtype)
        return tuple(keras.KerasTensor(shape, dtype=self.output_dtype) for shape in ((), targets.shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }


def as_rows(x: Any) -> Any:
    """`(rows, d)` of `(..., d)`."""
    return ops.reshape(x, (-1, x.shape[-1]))


def _agree(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two shapes can be the same; None is a size that is not known yet."""
    return len(one) == len(other) and all(a == b or None in (a, b) for a, b in zip(one, other))
