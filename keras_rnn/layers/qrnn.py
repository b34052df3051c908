"""The quasi-recurrent network: a convolution over time, and a pooling that is linear in its state."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.input_gated_cell import InputGatedCell
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.affine import project


@keras.saving.register_keras_serializable("keras_rnn")
class QRNNCell(InputGatedCell):
    """One step of the quasi-recurrent network with fo-pooling. k is the window.

        X = [x[t-k+1] .. x[t-1] x[t]]                              the inputs in the window
        z = activation(X W_z + b_z)                                candidate
        f = sigmoid(X W_f + b_f)                                   forget gate
        o = sigmoid(X W_o + b_o)                                   output gate
        c[t] = f * c[t-1] + (1 - f) * z
        y[t] = o * c[t]

    The products over all steps are a causal convolution, and the step is linear in c, so all steps of a
    sequence can be run in parallel. The inputs before x[t] are states: a sequence may be cut anywhere, and a
    masked step is one that the window does not see. Before a fresh sequence they are zeros.

    States: c `(batch, units)`, then x_1 .. x_{k-1}, each `(batch, features)`: x_j is the input j steps ago,
    as dropout has left it. The output is no state.

    Weights (the three blocks of columns stand in the order z, f, o):
        kernel W: `(window, features, 3 * units)`, the oldest input first, as in `keras.layers.Conv1D`.
        bias b: `(3 * units,)`; absent with `use_bias=False`.
        In all `3 * units * (window * features + 1)` parameters.

    Differences from the paper: biases; and its zoneout, f = 1 - dropout(1 - f), is left out. The wrapper
    `keras_rnn.layers.Zoneout` is another: it keeps old states after y was made, and runs step by step.

    Args:
        units: positive integer, number of units of the state c and of the output.
        window: positive integer, number of inputs that a step reads, its own among them. Default 2.
        activation: the function of the candidate. Default `"tanh"`.
        use_bias: whether there is a bias. Default `True`.
        kernel_initializer, bias_initializer: starting values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections after each update.
        dropout: share of the input features that is dropped, in [0, 1). One mask per sequence,
            the same at every step and for all blocks.
        seed: integer, makes the dropout masks reproducible.

    Raises:
        ValueError: if `units` or `window` is not a positive integer or `dropout` is outside [0, 1).

    Source: J. Bradbury, S. Merity, C. Xiong, R. Socher, "Quasi-Recurrent Neural Networks", ICLR 2017,
    section 2.

    Example:

    >>> cell = QRNNCell(4)
    >>> y, [c, x_1] = cell(np.zeros((2, 3)), [np.zeros((2, 4)), np.zeros((2, 3))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(2, 3, 12), (12,)])
    """

    gates = 3
    output_state = None

    def __init__(self, units: int, window: int = 2, activation: Any = "tanh", **kwargs: Any) -> None:
        super().__init__(units, activation, **kwargs)
        self.window = checked_size("window", window)
        self.past_inputs = self.window - 1
        self.state_names = ("c", *(f"x_{j}" for j in range(1, self.window)))

    @property
    def state_size(self) -> list[Any]:
        features = self.kernel.shape[1] if self.built else None  # known when it is built
        return [self.units, *[features] * self.past_inputs]

    def kernel_shape(self, features: int) -> tuple[int, ...]:
        return (self.window, *super().kernel_shape(features))

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """x, as it is carried."""
        return ops.cast(self.drop_inputs(inputs, constants), self.state_dtype)

    def look_back(self, projected: Any, past: list[Any], constants: Constants) -> Any:
        """X W + b."""
        W = ops.reshape(constants["W"], (-1, constants["W"].shape[-1]))
        X = ops.cast(ops.concatenate([*past[::-1], projected], axis=-1), self.compute_dtype)
        return project(X, W, constants.get("b"), self.state_dtype)

    def coefficients(self, projected: Any, constants: Constants) -> tuple[list[Any], list[Any]]:
        z, f, _ = ops.split(projected, 3, axis=-1)
        f = ops.sigmoid(f)
        return [f], [(1 - f) * self.activation(z)]

    def readout(self, states: States, projected: Any, constants: Constants) -> Any:
        _, _, o = ops.split(projected, 3, axis=-1)
        return ops.sigmoid(o) * states[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}


@keras.saving.register_keras_serializable("keras_rnn")
class QRNN(Recurrent):
    """`Recurrent(QRNNCell(...))`: takes the arguments of both.

    >>> layer = QRNN(4, window=3, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = QRNNCell
