"""Long short-term memory."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.long_short_term_cell import LongShortTermCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class LSTMCell(LongShortTermCell):
    """One step of the long short-term memory with forget gate.

        i = recurrent_activation(x[t] W_i + h[t-1] U_i + b_i)      input gate
        f = recurrent_activation(x[t] W_f + h[t-1] U_f + b_f)      forget gate
        g = activation(x[t] W_c + h[t-1] U_c + b_c)                candidate
        o = recurrent_activation(x[t] W_o + h[t-1] U_o + b_o)      output gate
        c[t] = f * c[t-1] + i * g
        h[t] = o * activation(c[t])                                output y[t] = h[t]

    The cell state c is a conveyor belt: dc[t]/dc[t-1] = diag(f), as far as the gates do not depend on it.

    Weights (as `keras.layers.LSTMCell`; the four blocks of columns stand in the order i, f, c, o):
        kernel W: `(features, 4 * units)`.
        recurrent_kernel U: `(units, 4 * units)`.
        bias b: `(4 * units,)`.
        In all `4 * units * (features + units + 1)` parameters.

    Differences from the paper: the forget gate of Gers, Schmidhuber and Cummins (2000), without which c
    can only grow, and the exact gradient in place of the truncated one; both are today's usage.

    Args:
        units: positive integer, number of units of each of the states h and c.
        activation: the function of the candidate and of c. Default `"tanh"`.
        recurrent_activation: the function of the three gates. Default `"sigmoid"`.
        unit_forget_bias: start the bias of the forget gate at 1, the rest as `bias_initializer` says
            (Jozefowicz, Zaremba and Sutskever 2015). Default `True`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`.

    Source: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997);
    F. Gers, J. Schmidhuber, F. Cummins, "Learning to Forget", Neural Computation 12 (2000).

    Example:

    >>> cell = LSTMCell(4)
    >>> y, [h, c] = cell(np.zeros((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 16), (4, 16), (16,)])
    """

    @property
    def cudnn_mode(self) -> str | None:  # type: ignore[override]
        # A subclass may have another step, of which cuDNN would know nothing.
        return "lstm" if type(self) is LSTMCell else None

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, c = states
        h, c = self.remember(projected + self.product(self.drop_state(h, constants), constants["U"]), c)
        return h, [h, c]

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        h, c = states
        left = self.left_factor(h, constants)
        h, c, saved = self.gates_forward(projected + self.product(left, constants["U"]), c)
        return h, [h, c], saved, [(("U",), left)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        dz, dc = self.gates_backward(saved, *d_states)
        dh = self.drop_state(self.product(dz, constants["U"]), constants)
        return dz, [dh, dc], [dz], []


@keras.saving.register_keras_serializable("keras_rnn")
class LSTM(Recurrent):
    """`Recurrent(LSTMCell(...))`: takes the arguments of both, a drop-in for `keras.layers.LSTM`.

    >>> layer = LSTM(4, return_sequences=True, return_state=True)
    >>> y, h, c = layer(np.zeros((2, 5, 3)))
    >>> y.shape, h.shape, c.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = LSTMCell
