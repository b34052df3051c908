"""An embedding that is the output layer too."""

from __future__ import annotations

from typing import Any

import keras
from keras import constraints, initializers, ops, regularizers

from keras_rnn.layers.checked import checked_size


@keras.saving.register_keras_serializable("keras_rnn")
class TiedEmbedding(keras.layers.Layer):
    """One matrix E that turns ids into vectors and, in reverse, vectors into the scores of all ids.

        y[t] = E[x[t]]              layer(ids)
        z[t] = h[t] E^T + b         layer(h, reverse=True)

    Weights:
        embeddings E: `(input_dim, output_dim)`, with the gradients of both uses.
        bias b: `(input_dim,)`; absent with `use_bias=False`.

    Beside `keras.layers.ReversibleEmbedding`, which is for transformers, it has the bias of a language model
    (the log frequencies of the words are a good start), returns scores of at least 32 bits, and hands on the
    mask of h.

    Args:
        input_dim: positive integer, number of ids.
        output_dim: positive integer, features of a vector; h must have as many.
        use_bias: whether there is b. Default `True`.
        mask_zero: whether id 0 is padding: ids then get a mask. Default `False`.
        embeddings_initializer, bias_initializer: starting values of the weights.
        embeddings_regularizer, bias_regularizer: penalties added to the loss.
        embeddings_constraint, bias_constraint: projections after each update.

    Call arguments:
        inputs: integer ids `(batch, time)`; in reverse h, `(batch, time, output_dim)` or any other leading
            axes.
        reverse: whether vectors become scores.

    Returns:
        `(batch, time, output_dim)`; in reverse `(batch, time, input_dim)`, float32 under a 16-bit policy.

    Raises:
        ValueError: if a size is not a positive integer, or h has not `output_dim` features.

    Source: O. Press, L. Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017; H. Inan,
    K. Khosravi, R. Socher, "Tying Word Vectors and Word Classifiers", ICLR 2017.

    Example:

    >>> layer = TiedEmbedding(9, 4)
    >>> y = layer(np.array([[5, 3, 8]]))
    >>> y.shape, layer(y, reverse=True).shape, [tuple(w.shape) for w in layer.weights]
    (TensorShape([1, 3, 4]), TensorShape([1, 3, 9]), [(9, 4), (9,)])
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        use_bias: bool = True,
        mask_zero: bool = False,
        embeddings_initializer: Any = "uniform",
        bias_initializer: Any = "zeros",
        embeddings_regularizer: Any = None,
        bias_regularizer: Any = None,
        embeddings_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = checked_size("input_dim", input_dim)
        self.output_dim = checked_size("output_dim", output_dim)
        self.use_bias = use_bias
        self.mask_zero = mask_zero
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.supports_masking = True
        self._reversed = False

    @property
    def scores_dtype(self) -> str:
        """Dtype of the scores: the compute dtype, but at least float32."""
        return "float32" if self.compute_dtype in ("float16", "bfloat16") else self.compute_dtype

    def build(self, input_shape: Any = None) -> None:
        # No autocast: of E, only the rows that are asked for need another dtype; b meets 32-bit scores.
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            autocast=False,
        )
        self.bias = (
            self.add_weight(
                name="bias",
                shape=(self.input_dim,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                autocast=False,
            )
            if self.use_bias
            else None
        )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        self._set_direction(inputs, reverse)
        if not reverse:
            rows = ops.take(self.embeddings, ops.cast(inputs, "int32"), axis=0)
            return ops.cast(rows, self.compute_dtype)
        E = ops.cast(self.embeddings, self.compute_dtype)
        z = ops.cast(ops.matmul(inputs, ops.transpose(E)), self.scores_dtype)
        return z if self.bias is None else z + ops.cast(self.bias, self.scores_dtype)

    def _set_direction(self, inputs: Any, reverse: bool) -> None:
        # Keras asks for the mask right after the call, and does not say in which direction it went.
        self._reversed = reverse
        if reverse and inputs.shape[-1] != self.output_dim:
            raise ValueError(
                f"`inputs` must have output_dim={self.output_dim} features in reverse; "
                f"received shape {tuple(inputs.shape)}. Project them to that number first."
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero and not self._reversed else mask

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> tuple[Any, ...]:
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> keras.KerasTensor:
        self._set_direction(inputs, reverse)
        dtype = self.scores_dtype if reverse else self.compute_dtype
        return keras.KerasTensor(self.compute_output_shape(inputs.shape, reverse), dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "use_bias": self.use_bias,
            "mask_zero": self.mask_zero,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
