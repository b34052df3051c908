"""Orthogonal recurrent networks: a `SimpleRNN` with a parametrization, by the names of the papers."""

from __future__ import annotations

from typing import Any

from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.mod_relu import ModReLU
from keras_rnn.layers.simple_rnn import SimpleRNN
from keras_rnn.parametrizations import Cayley, Henaff, Orthogonal


def ExpRNN(
    units: int, activation: Any = None, recurrent_initializer: Any = None, **arguments: Any
) -> SimpleRNN:
    """The exponential RNN: a recurrent matrix that is orthogonal by the matrix exponential.

        h[t] = modReLU(x[t] W + h[t-1] U + b)        U = exp(A) B, A skew-symmetric

    With the callback `keras_rnn.callbacks.DynamicTrivialization(100)` the base point B follows U, as in the
    second paper; without it, B is where U began. The papers train A with a learning rate ten times smaller
    than that of the other weights.

    Differences from the first paper: there, B = I and A begins where here B = exp(A) does.

    Args:
        units: positive integer, number of units of the state.
        activation: Default: `ModReLU()`.
        recurrent_initializer: of U. Default: `keras_rnn.parametrizations.Henaff()`.
        arguments: the others of `keras_rnn.layers.SimpleRNN`.

    Returns:
        A `keras_rnn.layers.SimpleRNN`.

    Source: M. Lezcano-Casado, D. Martínez-Rubio, "Cheap Orthogonal Constraints in Neural Networks", ICML
    2019; M. Lezcano-Casado, "Trivializations for Gradient-Based Optimization on Manifolds", NeurIPS 2019.

    Example:

    >>> layer = ExpRNN(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """
    return SimpleRNN(
        units,
        ModReLU() if activation is None else activation,
        recurrent_initializer=Henaff() if recurrent_initializer is None else recurrent_initializer,
        recurrent_parametrization=Orthogonal("matrix_exp"),
        **arguments,
    )


def ScaledCayleyRNN(
    units: int,
    negative: int | None = None,
    activation: Any = None,
    recurrent_initializer: Any = None,
    **arguments: Any,
) -> SimpleRNN:
    """The scaled Cayley orthogonal RNN: a recurrent matrix that is orthogonal by the Cayley transform.

        h[t] = modReLU(x[t] W + h[t-1] U + b)        U = cayley(A) B, A skew-symmetric

    B begins as `cayley(A_0) D`, with a diagonal D of signs: cayley(A) alone never has the eigenvalue -1.

    Differences from the paper: there, U = cayley(A) D and A begins at A_0; here A_0 is part of the base
    point, and A begins at 0. The matrices that are reached differ by those of one eigenvalue.

    Args:
        units: positive integer, number of units of the state.
        negative: number of entries -1 of D. Default: `units // 2`.
        activation: Default: `ModReLU()`.
        recurrent_initializer: of U, in the place of A_0 and D.
            Default: `keras_rnn.parametrizations.Cayley(negative)`.
        arguments: the others of `keras_rnn.layers.SimpleRNN`.

    Returns:
        A `keras_rnn.layers.SimpleRNN`.

    Raises:
        ValueError: if `negative` is given beside `recurrent_initializer`.

    Source: K. Helfrich, D. Willmott, Q. Ye, "Orthogonal Recurrent Neural Networks with Scaled Cayley
    Transform", ICML 2018.

    Example:

    >>> layer = ScaledCayleyRNN(4, negative=1)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 4])
    """
    if negative is not None and recurrent_initializer is not None:
        raise ValueError(
            f"`negative` belongs to the start that `recurrent_initializer` replaces; received "
            f"negative={negative!r} with recurrent_initializer={recurrent_initializer!r}. Leave one out."
        )
    if recurrent_initializer is None:
        recurrent_initializer = Cayley(checked_size("units", units) // 2 if negative is None else negative)
    return SimpleRNN(
        units,
        ModReLU() if activation is None else activation,
        recurrent_initializer=recurrent_initializer,
        recurrent_parametrization=Orthogonal("cayley"),
        **arguments,
    )
