"""The real-gated linear recurrent unit: a diagonal recurrence whose decay the input sets."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, ops

from keras_rnn.layers.cell import Constants
from keras_rnn.layers.input_gated_cell import InputGatedCell
from keras_rnn.layers.recurrent import Recurrent

#: The constant c of the paper.
SHARPNESS = 8.0


@keras.saving.register_keras_serializable("keras_rnn")
class RGLRUCell(InputGatedCell):
    """One step of the real-gated linear recurrent unit.

        r = sigmoid(x[t] W_r + b_r)                                recurrence gate
        i = sigmoid(x[t] W_i + b_i)                                input gate
        a = sigmoid(Lambda)^(8 r)
        h[t] = a * h[t-1] + sqrt(1 - a^2) * (i * activation(x[t])) output y[t] = h[t]

    Gates and candidate do not depend on h[t-1], so the step is linear in the state and all steps of a
    sequence can be run in parallel. r = 0 holds the state as it is: what is not worth keeping is passed over.
    With the root a state has the size of its inputs, whatever a. Where the number of features is not `units`,
    x[t] W_x stands in the place of x[t] in the last line.

    State: h, `(batch, units)`.

    Weights (the blocks of columns stand in the order r, i, and, if there is one, x):
        kernel W: `(features, 2 * units)`, or `(features, 3 * units)` where features is not units.
        bias b: `(2 * units,)`, in the order r, i; absent with `use_bias=False`.
        decay Lambda: `(units,)`, such that at first sigmoid(Lambda)^8 is uniform from 0.9 to 0.999.
        In all `2 * units * units + 3 * units` parameters, or `3 * units * (features + 1)`.

    Differences from the paper: full matrices W_r and W_i, where its experiments take block-diagonal ones. The
    convolution and the branches around the unit in the paper's block are left to other layers.

    Args:
        units: positive integer, number of units of the state.
        activation: the function of the candidate. Default `"linear"`, as in the paper.
        use_bias: whether there is a bias. Default `True`.
        kernel_initializer, bias_initializer: starting values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections after each update.
        dropout: share of the input features that is dropped, in [0, 1). One mask per sequence,
            the same at every step, for both gates and the candidate.
        seed: integer, makes the dropout masks reproducible.

    Raises:
        ValueError: if `units` is not a positive integer or `dropout` is outside [0, 1).

    Source: S. De et al., "Griffin: Mixing Gated Linear Recurrences with Local Attention for Efficient
    Language Models", arXiv 2402.19427 (2024), section 2.4.

    Example:

    >>> cell = RGLRUCell(4)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 12), (8,), (4,)])
    """

    gates = 2
    reads_inputs = True
    biased = 2
    state_names = ("h",)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        # a is 0.999 and more on long sequences: a 16-bit policy must not round what makes it.
        self.decay = self.add_weight(
            name="decay", shape=(self.units,), initializer=_initial_decay, autocast=False
        )

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """With 8 log sigmoid(Lambda), in `state_dtype`."""
        constants = super().get_constants(batch_size, training)
        Lambda = ops.cast(self.decay, self.state_dtype)
        return {**constants, "log_a": -SHARPNESS * ops.softplus(-Lambda)}

    def coefficients(self, projected: Any, constants: Constants) -> tuple[list[Any], list[Any]]:
        x_r, x_i, x = ops.split(projected, 3, axis=-1)
        log_a = ops.sigmoid(x_r) * constants["log_a"]
        square = -ops.expm1(2 * log_a)  # 1 - a^2, exact near a = 1
        # The root has no derivative at 0, where a gate is so far closed that a is 1.
        root = ops.where(square > 0, ops.sqrt(ops.where(square > 0, square, 1)), 0)
        return [ops.exp(log_a)], [root * ops.sigmoid(x_i) * self.activation(x)]


def _initial_decay(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Lambda with sigmoid(Lambda)^8 uniform from 0.9 to 0.999."""
    a = initializers.RandomUniform(0.9, 0.999)(shape, dtype) ** (1 / SHARPNESS)
    return ops.log(a) - ops.log1p(-a)


@keras.saving.register_keras_serializable("keras_rnn")
class RGLRU(Recurrent):
    """`Recurrent(RGLRUCell(...))`: takes the arguments of both.

    >>> layer = RGLRU(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = RGLRUCell
