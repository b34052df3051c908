"""Long short-term memory with exponential gates and a scalar memory, the sLSTM of the xLSTM."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_heads
from keras_rnn.layers.forget_gate import LOG_FORGET, checked_forget_gate
from keras_rnn.layers.long_short_term_cell import LongShortTermCell
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class SLSTMCell(LongShortTermCell):
    """One step of the sLSTM: exponential gates, a normalizer n and a stabilizer m.

        a_k = x[t] W_k + h[t-1] U_k + b_k                          for k of i, f, z, o
        z = activation(a_z)                                        candidate
        o = recurrent_activation(a_o)                              output gate
        log f = log sigmoid(a_f), or a_f with forget_gate="exp"    forget gate
        m[t] = max(log f + m[t-1], a_i)
        i' = exp(a_i - m[t])                                       input gate / exp(m[t])
        f' = exp(log f + m[t-1] - m[t])
        c[t] = f' * c[t-1] + i' * z
        n[t] = f' * n[t-1] + i'
        h[t] = o * c[t] / n[t]                                     output y[t] = h[t]

    Without m the input gate is exp(a_i), and c / n a weighted mean of all z so far: a later input can
    outweigh whatever was stored before. m takes the largest weight out of c and n, so that none overflows,
    and leaves c / n as it is. Where n is 0, as in a fresh sequence, nothing is stored yet, and m[t] = a_i.

    With heads the units stand in as many groups of one size, and a unit reads the units of h[t-1] of its own
    group alone: each U_k is block-diagonal. All heads are drawn as one matrix, so that the more there are,
    the weaker each begins.

    States: h, c, n, m, each `(batch, units)`; n is never negative.

    Weights (the four blocks of columns stand in the order i, f, z, o):
        kernel W: `(features, 4 * units)`.
        recurrent_kernel U: `(units / heads, 4 * units)`, the rows that a unit reads, head by head in a block.
        bias b: `(4 * units,)`; absent with `use_bias=False`.
        In all `4 * units * (features + units / heads + 1)` parameters.

    Differences from the paper: none to its equations; of the two forget gates that it names the sigmoid is
    the default, as in its authors' code. Norms, convolution and projections around the cell are left to
    other layers.

    Args:
        units: positive integer, number of units of each state.
        heads: positive integer that divides `units`. Default `1`.
        forget_gate: `"sigmoid"` or `"exp"`. Default `"sigmoid"`.
        activation: the function of z. Default `"tanh"`.
        recurrent_activation: the function of the output gate. Default `"sigmoid"`.
        unit_forget_bias: start the bias of a sigmoid forget gate at 1, the rest as `bias_initializer` says.
            An exponential one is open at 0. Default `True`.

    The other arguments are those of every affine cell: see `keras_rnn.layers.AffineCell`. c, n and m belong
    together: in `Zoneout` give them the rate 0. First states that are given must have no n below 0.

    Raises:
        ValueError: if `heads` does not divide `units`, or `forget_gate` is unknown.

    Source: M. Beck et al., "xLSTM: Extended Long Short-Term Memory", NeurIPS 2024, section 2.2, equations 8
    to 17.

    Example:

    >>> cell = SLSTMCell(4, heads=2)
    >>> y, [h, c, n, m] = cell(np.zeros((2, 3)), [np.zeros((2, 4))] * 4)
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 16), (2, 16), (16,)])
    """

    state_names = ("h", "c", "n", "m")
    positive_states = ("n",)

    def __init__(self, units: int, heads: int = 1, forget_gate: str = "sigmoid", **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.heads = checked_heads(heads, self.units)
        self.forget_gate = checked_forget_gate(forget_gate)

    @property
    def recurrent_shape(self) -> tuple[int, ...]:
        return (self.units // self.heads, 4 * self.units)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        if self.forget_gate == "exp":
            return self.bias_initializer(shape, dtype=dtype)
        return super().initial_bias(shape, dtype)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """U as a square for each gate, with zeros between the heads: one product serves all of them."""
        constants = super().get_constants(batch_size, training)
        if self.heads > 1:
            head = ops.arange(self.units) // (self.units // self.heads)
            same = ops.tile(head[:, None] == head[None, :], (1, 4))
            U = ops.tile(constants["U"], (self.heads, 1))
            constants["U"] = U * ops.cast(same, U.dtype)
        return constants

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        h, states, _, _ = self.step_forward(projected, states, constants)
        return h, states

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        h, c_before, n_before, m = states
        left = self.left_factor(h, constants)
        a = projected + self.product(left, constants["U"])
        a_i, a_f, a_z, a_o = ops.split(a, 4, axis=-1)
        log_f = LOG_FORGET[self.forget_gate](a_f)
        kept = log_f + m
        m = ops.where(n_before == 0, a_i, ops.maximum(kept, a_i))
        i, f = ops.exp(a_i - m), ops.exp(ops.minimum(kept - m, 0))  # above 0 only where n is 0
        z, o = self.activation(a_z), self.recurrent_activation(a_o)
        c = f * c_before + i * z
        n = f * n_before + i
        mean = c / n
        h = o * mean
        return h, [h, c, n, m], (i, f, z, o, log_f, c_before, n_before, n, mean), [(("U",), left)]

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        i, f, z, o, log_f, c_before, n_before, n, mean = saved
        dh, dc, dn, dm = d_states
        gradient, gate_gradient = self.activation_gradients
        d_mean = dh * o / n
        dc, dn = dc + d_mean, dn - d_mean * mean
        # a_i and kept, which is log f + m, act as they are and by way of m, which is one of them.
        d_i, d_kept = i * (dc * z + dn), f * (dc * c_before + dn * n_before)
        dm = dm - d_i - d_kept
        new = i == 1
        d_i, d_kept = d_i + ops.where(new, dm, 0), d_kept + ops.where(new, 0, dm)
        d_f = d_kept if self.forget_gate == "exp" else -ops.expm1(log_f) * d_kept
        da = ops.concatenate([d_i, d_f, gradient(z, dc * i), gate_gradient(o, dh * mean)], axis=-1)
        dh = self.drop_state(self.product(da, constants["U"]), constants)
        return da, [dh, dc * f, dn * f, d_kept], [da], []

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "forget_gate": self.forget_gate}


@keras.saving.register_keras_serializable("keras_rnn")
class SLSTM(Recurrent):
    """`Recurrent(SLSTMCell(...))`: takes the arguments of both.

    >>> layer = SLSTM(4, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = SLSTMCell
