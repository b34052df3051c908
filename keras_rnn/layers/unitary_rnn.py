"""The unitary recurrent network: a complex state that no step makes longer or shorter."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import initializers, ops

from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.affine import project
from keras_rnn.ops.linalg import real_form
from keras_rnn.ops.mod_relu import as_pairs, complex_mod_relu, polar
from keras_rnn.ops.state_product import state_product


@keras.saving.register_keras_serializable("keras_rnn")
class UnitaryRNNCell(RecurrentCell):
    """One step of the unitary recurrent network. h, z, W and V are complex.

        W    = D_3 R_2 F^-1 D_2 P R_1 F D_1                 unitary, the rightmost acts first
        z    = W h[t-1] + V x[t]
        h[t] = (z / |z|) relu(|z| + b)                      output y[t] = (Re h[t], Im h[t])

        D_k = diag(exp(i phases_k))
        R_k = I - 2 v_k v_k^* / |v_k|^2                     v_k = reflections_k
        F, the discrete Fourier transform                   P, a fixed permutation

    W costs 7 numbers a unit. It is made a matrix once per call: the composition is applied to the columns of
    the identity, before the loop, in which a step then is one product with it. For some hundred units that is
    faster than the composition, whose steps are many and small; the numbers are the same.

    State: h, `(batch, 2 * units)`, the real parts and then the imaginary ones, as the output.

    Weights:
        kernel V: `(features, 2 * units)`, the real parts and then the imaginary ones.
        phases: `(3, units)`, at first uniform on (-pi, pi).
        reflections: `(2, 2 * units)`, v_1 and v_2, at first uniform on (-1, 1); laid out as h.
        modulus_bias b: `(units,)`, at first 0.
        In all `2 * units * (features + 4)` parameters.

    Differences from the paper: the first state is zero and not trained, which
    `keras_rnn.layers.LearnedInitialState` adds; the output layer is left to a Dense layer.

    Args:
        units: positive integer, number of complex units of the state.
        kernel_initializer: starting values of V. Default `"glorot_uniform"`.
        permutation_seed: integer from 0, that of P, which is saved with the model. Default `0`.

    Raises:
        ValueError: if `units` is not a positive integer, or `permutation_seed` is negative.

    Source: M. Arjovsky, A. Shah, Y. Bengio, "Unitary Evolution Recurrent Neural Networks", ICML 2016,
    equations 6 to 8.

    Example:

    >>> cell = UnitaryRNNCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 8))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 8]), [(3, 8), (3, 4), (2, 8), (4,)])
    """

    output_state = 0
    recurrent_constants = ("W",)
    has_adjoint = True

    def __init__(
        self,
        units: int,
        kernel_initializer: Any = "glorot_uniform",
        permutation_seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = checked_size("units", units)
        self.kernel_initializer = initializers.get(kernel_initializer)
        if permutation_seed < 0:
            raise ValueError(
                f"`permutation_seed` must be an integer from 0; received permutation_seed={permutation_seed}."
            )
        self.permutation_seed = permutation_seed
        # Of the generators of NumPy the one whose numbers are the same in every version.
        self.permutation = np.random.RandomState(permutation_seed).permutation(self.units)

    @property
    def state_size(self) -> list[int]:
        return [2 * self.units]

    @property
    def output_size(self) -> int:
        return 2 * self.units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        features, n = known_features(self, input_shape), self.units
        uniform = initializers.RandomUniform
        self.kernel = self.add_weight(
            name="kernel", shape=(features, 2 * n), initializer=self.kernel_initializer
        )
        # What makes W is not to be rounded by a 16-bit policy, and b meets the modulus in `state_dtype`.
        self.phases = self.add_weight(
            name="phases", shape=(3, n), initializer=uniform(-math.pi, math.pi), autocast=False
        )
        self.reflections = self.add_weight(
            name="reflections", shape=(2, 2 * n), initializer=uniform(-1, 1), autocast=False
        )
        self.modulus_bias = self.add_weight(
            name="modulus_bias", shape=(n,), initializer="zeros", autocast=False
        )

    def compose(self, real: Any, imaginary: Any) -> tuple[Any, Any]:
        """W h of complex rows h, `(rows, units)`, factor by factor: real and imaginary parts."""
        n = self.units
        d_1, d_2, d_3 = ops.unstack(ops.cast(self.phases, self.state_dtype), 3)
        v_1, v_2 = ops.unstack(ops.cast(self.reflections, self.state_dtype), 2)
        h = ops.fft(_rotate((real, imaginary), d_1))
        h = [ops.take(part, self.permutation, axis=-1) for part in _reflect(h, v_1)]
        real, imaginary = _rotate(h, d_2)
        # The inverse transform is the transform with the parts in each other's place.
        imaginary, real = ops.fft((imaginary, real))
        return _rotate(_reflect((real / n, imaginary / n), v_2), d_3)

    def composed(self) -> tuple[Any, Any]:
        """Rows h times this are W h: real and imaginary parts, in `state_dtype`."""
        eye = ops.eye(self.units, dtype=self.state_dtype)
        return self.compose(eye, ops.zeros_like(eye))

    def deviation(self) -> float:
        """The largest entry of |W^* W - I|, of W as it is composed in `state_dtype`."""
        real, imaginary = self.composed()
        W = ops.convert_to_numpy(real).astype("float64") + 1j * ops.convert_to_numpy(imaginary)
        return float(np.abs(W.conj().T @ W - np.eye(self.units)).max())

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """V and W in the compute dtype, W as the real matrix that rows h are multiplied by; b."""
        real, imaginary = self.composed()
        return {
            "V": ops.cast(self.kernel, self.compute_dtype),
            "W": ops.cast(real_form(real, imaginary), self.compute_dtype),
            "b": ops.cast(self.modulus_bias, self.state_dtype),
        }

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """V x."""
        return project(ops.cast(inputs, self.compute_dtype), constants["V"], None, self.state_dtype)

    def _product(self, h: Any, W: Any) -> Any:
        return ops.cast(state_product(ops.cast(h, self.compute_dtype), W), self.state_dtype)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h = complex_mod_relu(projected + self._product(states[0], constants["W"]), constants["b"])
        return h, [h]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        left = ops.cast(states[0], self.compute_dtype)
        z = projected + self._product(left, constants["W"])
        unit, r = polar(as_pairs(z))
        modulus = ops.relu(r + constants["b"])
        h = ops.reshape(modulus * unit, ops.shape(z))
        scale = ops.where(r > 0, modulus / ops.where(r > 0, r, ops.ones_like(r)), r)
        return h, [h], (unit, scale), [(("W",), left), (("b",), None)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        unit, scale = saved
        d_h = as_pairs(d_states[0])
        # Along z the modulus has the slope 1 or 0, across it h is z times the scale.
        along = ops.sum(unit * d_h, axis=-2, keepdims=True)
        db = ops.where(scale > 0, along, ops.zeros_like(along))
        dz = ops.reshape(scale * d_h + (1 - scale) * db * unit, ops.shape(d_states[0]))
        return dz, [self._product(dz, constants["W"])], [dz, ops.squeeze(db, -2)], []

    def backward_constants(self, constants: Constants) -> Constants:
        return {**constants, "W": ops.transpose(constants["W"])}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "permutation_seed": self.permutation_seed,
        }


def _rotate(h: Any, phase: Any) -> tuple[Any, Any]:
    """exp(i phase) h."""
    real, imaginary = h
    cos, sin = ops.cos(phase), ops.sin(phase)
    return real * cos - imaginary * sin, real * sin + imaginary * cos


def _reflect(h: Any, v: Any) -> tuple[Any, Any]:
    """h - 2 v (v^* h) / |v|^2, where v is (real, imaginary) in one row."""
    real, imaginary = h
    a, b = ops.split(v / ops.sqrt(ops.sum(v * v)), 2)
    inner_real = ops.sum(a * real + b * imaginary, axis=-1, keepdims=True)
    inner_imaginary = ops.sum(a * imaginary - b * real, axis=-1, keepdims=True)
    return (
        real - 2 * (a * inner_real - b * inner_imaginary),
        imaginary - 2 * (a * inner_imaginary + b * inner_real),
    )


@keras.saving.register_keras_serializable("keras_rnn")
class UnitaryRNN(Recurrent):
    """`Recurrent(UnitaryRNNCell(...))`: takes the arguments of both.

    >>> layer = UnitaryRNN(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 8])
    """

    cell_class = UnitaryRNNCell
