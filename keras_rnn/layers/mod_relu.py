"""modReLU as an activation with a trained bias."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.ops.mod_relu import complex_mod_relu, mod_relu


@keras.saving.register_keras_serializable("keras_rnn")
class ModReLU(keras.layers.Layer):
    """A rectifier of the modulus, which leaves the sign, or the phase, as it is.

        y = sign(z) relu(|z| + b)              real z
        y = (z / |z|) relu(|z| + b)            complex z

    A negative b makes a dead zone of that radius around 0, b = 0 leaves z alone. At z = 0, where sign and
    phase jump, value and gradient are 0. As the activation of a cell it keeps what an orthogonal or unitary
    recurrence has preserved: `SimpleRNN(4, activation=ModReLU())`. Each cell has one of its own.

    Weights:
        bias b: `(features,)`; of complex z, `(features / 2,)`.

    Differences from the paper: none for complex z; the real form is that of the papers on orthogonal
    recurrence.

    Args:
        complex_pairs: whether the last axis holds the real parts of complex numbers and then the imaginary
            ones. Default `False`.
        bias_initializer: starting values of b. Default `"zeros"`.

    Call arguments:
        z: `(..., features)`.

    Returns:
        The same shape.

    Raises:
        ValueError: if the last dimension is unknown, or odd with `complex_pairs`.

    Source: M. Arjovsky, A. Shah, Y. Bengio, "Unitary Evolution Recurrent Neural Networks", ICML 2016,
    equation 8; the real form: K. Helfrich, D. Willmott, Q. Ye, "Orthogonal Recurrent Neural Networks with
    Scaled Cayley Transform", ICML 2018, section 4.2.

    Example:

    >>> layer = ModReLU(bias_initializer=keras.initializers.Constant(-1.0))
    >>> print(layer(np.array([[-3.0, -0.5, 0.0, 2.0]])).numpy())
    [[-2. -0.  0.  1.]]
    >>> layer = ModReLU(complex_pairs=True, bias_initializer=keras.initializers.Constant(-2.5))
    >>> print(layer(np.array([[3.0, 4.0]])).numpy())
    [[1.5 2. ]]
    """

    def __init__(self, complex_pairs: bool = False, bias_initializer: Any = "zeros", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.complex_pairs = complex_pairs
        self.bias_initializer = initializers.get(bias_initializer)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        features = input_shape[-1]
        if features is None or (self.complex_pairs and features % 2):
            raise ValueError(
                f"The last dimension of the inputs of `{self.name}` must be known, and even with "
                f"complex_pairs=True; received shape {tuple(input_shape)}."
            )
        size = features // 2 if self.complex_pairs else features
        # A model under a 16-bit policy must not round it before a cell reads it.
        self.bias = self.add_weight(
            name="bias", shape=(size,), initializer=self.bias_initializer, autocast=False
        )

    def call(self, z: Any) -> Any:
        b = ops.cast(self.bias, z.dtype)
        return complex_mod_relu(z, b) if self.complex_pairs else mod_relu(z, b)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "complex_pairs": self.complex_pairs,
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }
