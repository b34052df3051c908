"""The linear recurrent unit: a diagonal complex recurrence."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.cell import Constants
from keras_rnn.layers.checked import known_features
from keras_rnn.layers.complex_cell import ComplexCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class LRUCell(ComplexCell):
    """One step of the linear recurrent unit. h, lambda, B and C are complex, everything else is real.

        lambda = exp(-exp(nu) + i exp(theta))                   of modulus below 1, for every nu
        gamma = exp(gamma_log)
        h[t] = lambda * h[t-1] + gamma * (x[t] B)               B = B_re + i B_im
        y[t] = Re(h[t] C) + x[t] D                              C = C_re + i C_im

    The recurrence is linear, so all steps of a sequence can be run in parallel; what is not linear stands
    between layers. At the start |lambda| lies on the ring from r_min to r_max, uniformly in its area, and
    the phase is uniform from 0 to max_phase: long sequences want r_min near 1 and a small max_phase.
    gamma starts at sqrt(1 - |lambda|^2), with which a state has the size of its inputs whatever |lambda|.

    States: `h_real` and `h_imag`, each `(batch, state_units)`.

    Weights (n is state_units):
        nu, theta, gamma_log: `(n,)` each.
        B_re, B_im: `(features, n)` each, at first of variance 1 / (2 features).
        C_re, C_im: `(n, units)` each, at first of variance 1 / n.
        D: `(features, units)`, at first of variance 1 / features.
        In all `3 n + 2 n (features + units) + features * units` parameters.

    Differences from the paper: D is a matrix and not one number per feature, as `units` may differ from the
    number of features.

    Args:
        units: positive integer, number of units of the output.
        state_units: positive integer, number of complex units of the state. Default `None`: as `units`.
        r_min: smallest modulus of lambda at the start. Default `0.0`.
        r_max: largest modulus of lambda at the start. Default `1.0`.
        max_phase: largest phase of lambda at the start. Default `6.28`.

    Raises:
        ValueError: if `units` or `state_units` is not a positive integer, if not 0 <= r_min < r_max <= 1, or
            if `max_phase` is not positive.

    Source: A. Orvieto et al., "Resurrecting Recurrent Neural Networks for Long Sequences", ICML 2023,
    sections 3.1 to 3.4.

    Example:

    >>> cell = LRUCell(4, state_units=5)
    >>> y, [h_real, h_imag] = cell(np.zeros((2, 3)), [np.zeros((2, 5)), np.zeros((2, 5))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(5,), (5,), (5,), (3, 5), (3, 5), (5, 4), (5, 4), (3, 4)])
    """

    def __init__(
        self,
        units: int,
        state_units: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 6.28,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, state_units, **kwargs)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(
                "`r_min` and `r_max` must be radii with 0 <= r_min < r_max <= 1; "
                f"received r_min={r_min!r}, r_max={r_max!r}. Use 0 and 1 for the whole unit disk."
            )
        if not max_phase > 0:
            raise ValueError(
                f"`max_phase` must be a positive angle; received max_phase={max_phase!r}. "
                "Use 6.28 for the whole circle."
            )
        self.r_min, self.r_max, self.max_phase = r_min, r_max, max_phase

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        d, n, u = known_features(self, input_shape), self.state_size[0], self.units
        self.nu = self.add_diagonal("nu", self._initial_nu)
        self.theta = self.add_diagonal("theta", self._initial_theta)
        self.gamma_log = self.add_diagonal("gamma_log", self._initial_gamma_log)
        self.B_re, self.B_im = (self.add_gaussian(name, (d, n), 1 / (2 * d)) for name in ("B_re", "B_im"))
        self.C_re, self.C_im = (self.add_gaussian(name, (n, u), 1 / n) for name in ("C_re", "C_im"))
        self.D = self.add_gaussian("D", (d, u), 1 / d)

    def _initial_nu(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """|lambda|^2 = exp(-2 exp(nu)) is uniform from r_max^2 down to r_min^2."""
        depth = (1 - (self.r_min / self.r_max) ** 2) * _uniform(shape, dtype)
        return ops.log(-math.log(self.r_max) - 0.5 * ops.log1p(-depth))

    def _initial_theta(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return ops.log(self.max_phase * _uniform(shape, dtype))

    def _initial_gamma_log(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """log sqrt(1 - |lambda|^2) of the lambda that nu has drawn."""
        return 0.5 * ops.log(-ops.expm1(-2 * ops.exp(ops.cast(self.nu, dtype))))

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """lambda and gamma in `state_dtype`; [B_re B_im D] and [C_re; -C_im] in the compute dtype."""
        nu, theta, gamma_log = (ops.cast(w, self.state_dtype) for w in (self.nu, self.theta, self.gamma_log))
        radius, phase = ops.exp(-ops.exp(nu)), ops.exp(theta)
        B_re, B_im, C_re, C_im, D = (
            ops.cast(w, self.compute_dtype) for w in (self.B_re, self.B_im, self.C_re, self.C_im, self.D)
        )
        return {
            "a": (radius * ops.cos(phase), radius * ops.sin(phase)),
            "gamma": ops.exp(gamma_log),
            "W": ops.concatenate([B_re, B_im, D], axis=1),
            "C": ops.concatenate([C_re, -C_im], axis=0),
        }

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """gamma * (x B), as a real and an imaginary part, and x D: one product."""
        n = self.state_size[0]
        product = ops.matmul(ops.cast(inputs, self.compute_dtype), constants["W"])
        real, imaginary, direct = ops.split(ops.cast(product, self.state_dtype), [n, 2 * n], axis=-1)
        return {"b": (constants["gamma"] * real, constants["gamma"] * imaginary), "direct": direct}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "r_min": self.r_min,
            "r_max": self.r_max,
            "max_phase": self.max_phase,
        }


def _uniform(shape: tuple[int, ...], dtype: Any) -> Any:
    """Uniform on (0, 1). The ends, of which the logarithms are infinite, are never drawn."""
    return initializers.RandomUniform(1e-6, 1 - 1e-6)(shape, dtype)


@keras.saving.register_keras_serializable("keras_rnn")
class LRU(Recurrent):
    """`Recurrent(LRUCell(...))`: takes the arguments of both.

    >>> layer = LRU(4, state_units=6, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = LRUCell
