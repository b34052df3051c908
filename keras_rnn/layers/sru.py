"""The simple recurrent unit: a forget gate over time, a highway over depth."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.input_gated_cell import InputGatedCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class SRUCell(InputGatedCell):
    """One step of the simple recurrent unit.

        f = sigmoid(x[t] W_f + b_f)                                forget gate
        r = sigmoid(x[t] W_r + b_r)                                highway gate
        c[t] = f * c[t-1] + (1 - f) * (x[t] W_c)
        y[t] = r * activation(c[t]) + (1 - r) * x[t]

    Gates and candidate do not depend on c[t-1], so the step is linear in the state and all steps of a
    sequence can be run in parallel. Where the number of features is not `units`, the highway carries
    x[t] W_x in the place of x[t].

    State: c, `(batch, units)`. The output is not the state.

    Weights (the blocks of columns stand in the order f, r, c, and, if there is one, x):
        kernel W: `(features, 3 * units)`, or `(features, 4 * units)` where features is not units.
        bias b: `(2 * units,)`, in the order f, r; absent with `use_bias=False`.
        In all `3 * units * units + 2 * units` parameters, or `4 * units * features + 2 * units`.

    Differences from the paper: its equations of 2018 add v_f * c[t-1] and v_r * c[t-1] within the two gates,
    which only steps one after the other can compute; this is the form without them, that of the paper's first
    version ("Training RNNs as Fast as CNNs", 2017). No constant scales the highway.

    Args:
        units: positive integer, number of units of the state and of the output.
        activation: the function of c in the output. Default `"linear"`.
        use_bias: whether there is a bias. Default `True`.
        kernel_initializer, bias_initializer: starting values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections after each update.
        dropout: share of the input features that is dropped, in [0, 1). One mask per sequence,
            the same at every step, for all blocks and the highway.
        seed: integer, makes the dropout masks reproducible.

    Raises:
        ValueError: if `units` is not a positive integer or `dropout` is outside [0, 1).

    Source: T. Lei, Y. Zhang, S. I. Wang, H. Dai, Y. Artzi, "Simple Recurrent Units for Highly Parallelizable
    Recurrence", EMNLP 2018, section 3.

    Example:

    >>> cell = SRUCell(4)
    >>> y, [c] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 16), (8,)])
    """

    gates = 3
    biased = 2
    reads_inputs = True
    state_names = ("c",)
    output_state = None

    def coefficients(self, projected: Any, constants: Constants) -> tuple[list[Any], list[Any]]:
        x_f, _, x_c, _ = ops.split(projected, 4, axis=-1)
        f = ops.sigmoid(x_f)
        return [f], [(1 - f) * x_c]

    def readout(self, states: States, projected: Any, constants: Constants) -> Any:
        _, x_r, _, x = ops.split(projected, 4, axis=-1)
        r = ops.sigmoid(x_r)
        return r * self.activation(states[0]) + (1 - r) * x


@keras.saving.register_keras_serializable("keras_rnn")
class SRU(Recurrent):
    """`Recurrent(SRUCell(...))`: takes the arguments of both.

    >>> layer = SRU(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = SRUCell
