"""The S5 layer: a diagonal state space in continuous time, and a time step for each of its states."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import initializers, ops

from keras_rnn.layers.cell import Constants
from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.complex_cell import ComplexCell
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.linear_recurrence import linear_step


@keras.saving.register_keras_serializable("keras_rnn")
class S5Cell(ComplexCell):
    """One step of a simplified state space. h, Lambda, A, B and C are complex, everything else is real.

        Lambda = -exp(nu) + i omega                         of negative real part, for every nu
        Delta = exp(log_Delta)
        A = exp(Lambda * Delta)
        h[t] = A * h[t-1] + (A - 1) / Lambda * (x[t] B)     B = B_re + i B_im
        y[t] = 2 Re(h[t] C) + D * x[t]                      C = C_re + i C_im

    In continuous time it is h' = Lambda * h + x B, with x held for a time Delta at each step (zero-order
    hold). Each number of the state stands for itself and its conjugate, hence the 2: n of them are a real
    system of 2 n states. The recurrence is linear, so all steps of a sequence can be run in parallel; what
    is not linear stands between layers.

    At the start Lambda has the eigenvalues, one of each conjugate pair, of HiPPO-N, the normal part of the
    HiPPO-LegS matrix, with 2 n / blocks rows, `blocks` times over; their real part is -1/2. Delta is uniform
    from dt_min to dt_max on a logarithmic scale; it takes some 2 / Delta steps to forget an input. In the
    paper B and C are real random matrices turned by the eigenvectors. As these are unitary, Gaussian ones
    become complex Gaussian ones, and as such they are drawn.

    States: `h_real` and `h_imag`, each `(batch, state_units)`.

    Weights (n is state_units):
        nu, omega, log_Delta: `(n,)` each.
        B_re, B_im: `(features, n)` each, at first of variance 1 / (2 features).
        C_re, C_im: `(n, units)` each, at first of variance 1 / (4 n).
        D: `(units,)`, at first of variance 1. Where the number of features is not `units`,
            `(features, units)`, at first of variance 1 / features, and x[t] D stands for D * x[t].
        In all `3 n + 2 n (features + units) + units` parameters, or with `features * units` for the last.

    Differences from the paper: nu is the weight, where there Re(Lambda) is, which could turn positive; D as a
    matrix, as `units` may differ from the number of features.

    Args:
        units: positive integer, number of units of the output.
        state_units: positive integer, number of complex units of the state. Default `None`: as `units`.
        blocks: positive integer that divides the number of complex units. Default `1`.
        dt_min: smallest Delta at the start. Default `0.001`.
        dt_max: largest Delta at the start. Default `0.1`.

    Raises:
        ValueError: if `units`, `state_units` or `blocks` is not a positive integer, if `blocks` does not
            divide the number of complex units, or if not 0 < dt_min <= dt_max.

    Source: J. T. H. Smith, A. Warrington, S. W. Linderman, "Simplified State Space Layers for Sequence
    Modeling", ICLR 2023, section 3 and appendix B.

    Example:

    >>> cell = S5Cell(4, state_units=6, blocks=2)
    >>> y, [h_real, h_imag] = cell(np.zeros((2, 4)), [np.zeros((2, 6)), np.zeros((2, 6))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(6,), (6,), (6,), (4, 6), (4, 6), (6, 4), (6, 4), (4,)])
    """

    def __init__(
        self,
        units: int,
        state_units: int | None = None,
        blocks: int = 1,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, state_units, **kwargs)
        self.blocks = checked_size("blocks", blocks)
        if self.state_size[0] % self.blocks:
            raise ValueError(
                f"`blocks` must divide the {self.state_size[0]} complex units of the state; "
                f"received blocks={blocks!r}. Change it or `state_units`."
            )
        if not 0 < dt_min <= dt_max:
            raise ValueError(
                "`dt_min` and `dt_max` must be time steps with 0 < dt_min <= dt_max; "
                f"received dt_min={dt_min!r}, dt_max={dt_max!r}. Use 0.001 and 0.1 as the paper does."
            )
        self.dt_min, self.dt_max = dt_min, dt_max

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        d, n, u = known_features(self, input_shape), self.state_size[0], self.units
        self.nu = self.add_diagonal("nu", initializers.Constant(math.log(0.5)))
        self.omega = self.add_diagonal("omega", self._initial_omega)
        log_dt = initializers.RandomUniform(math.log(self.dt_min), math.log(self.dt_max))
        self.log_Delta = self.add_diagonal("log_Delta", log_dt)
        self.B_re, self.B_im = (self.add_gaussian(name, (d, n), 1 / (2 * d)) for name in ("B_re", "B_im"))
        self.C_re, self.C_im = (self.add_gaussian(name, (n, u), 1 / (4 * n)) for name in ("C_re", "C_im"))
        self.D = self.add_gaussian("D", (u,), 1.0) if d == u else self.add_gaussian("D", (d, u), 1 / d)

    def _initial_omega(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The normal part of HiPPO-LegS is -1/2 and a skew matrix, whose eigenvalues are +-i omega."""
        n = shape[0] // self.blocks
        root = np.sqrt(2 * np.arange(2 * n) + 1)
        upper = np.triu(np.outer(root, root), 1) / 2
        omega = np.linalg.eigvalsh(1j * (upper - upper.T))[n:]
        return ops.convert_to_tensor(np.tile(omega, self.blocks), dtype)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """A, (A - 1) / Lambda in `state_dtype`; [B_re B_im], 2 [C_re; -C_im], D in the compute dtype."""
        nu, omega, log_Delta = (ops.cast(w, self.state_dtype) for w in (self.nu, self.omega, self.log_Delta))
        Delta = ops.exp(log_Delta)
        A, mean = _held(-ops.exp(nu) * Delta, omega * Delta)
        B_re, B_im, C_re, C_im, D = (
            ops.cast(w, self.compute_dtype) for w in (self.B_re, self.B_im, self.C_re, self.C_im, self.D)
        )
        return {
            "a": A,
            "gamma": (Delta * mean[0], Delta * mean[1]),
            "B": ops.concatenate([B_re, B_im], axis=1),
            "C": 2 * ops.concatenate([C_re, -C_im], axis=0),
            "D": D,
        }

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """(A - 1) / Lambda * (x B), as a real and an imaginary part, and D * x."""
        x, D = ops.cast(inputs, self.compute_dtype), constants["D"]
        product = ops.cast(ops.matmul(x, constants["B"]), self.state_dtype)
        (re, im), (gamma_re, gamma_im) = ops.split(product, 2, axis=-1), constants["gamma"]
        direct = D * x if len(D.shape) == 1 else ops.matmul(x, D)
        return {
            "b": (gamma_re * re - gamma_im * im, gamma_re * im + gamma_im * re),
            "direct": ops.cast(direct, self.state_dtype),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "blocks": self.blocks,
            "dt_min": self.dt_min,
            "dt_max": self.dt_max,
        }


def _held(a: Any, b: Any) -> tuple[Any, Any]:
    """exp(z) and (exp(z) - 1) / z of z = a + i b, each as a pair: what a unit of time does."""
    exp_re, exp_im = ops.exp(a) * ops.cos(b), ops.exp(a) * ops.sin(b)
    # Near 0 the quotient loses its digits, and is 0 / 0 at last; there it is 1 + z / 2! + ... + z^5 / 6!.
    # Each of the two is kept away from where the other one is taken, for the sake of its gradient.
    near = a * a + b * b < 1e-4
    z = ops.where(near, a, 0), ops.where(near, b, 0)
    series: Any = (1.0, 0.0)
    for k in (6, 5, 4, 3, 2):
        series = linear_step((z[0] / k, z[1] / k), series, (1.0, 0.0))
    a, b = ops.where(near, 1, a), ops.where(near, 0, b)
    square = a * a + b * b
    quotient = ((exp_re - 1) * a + exp_im * b) / square, (exp_im * a - (exp_re - 1) * b) / square
    return (exp_re, exp_im), tuple(ops.where(near, *pair) for pair in zip(series, quotient))


@keras.saving.register_keras_serializable("keras_rnn")
class S5(Recurrent):
    """`Recurrent(S5Cell(...))`: takes the arguments of both.

    >>> layer = S5(4, state_units=6, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = S5Cell
