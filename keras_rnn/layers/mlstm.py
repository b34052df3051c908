"""Long short-term memory with exponential gates and a matrix memory, the mLSTM of the xLSTM."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_heads, checked_size
from keras_rnn.layers.forget_gate import LOG_FORGET, checked_forget_gate
from keras_rnn.layers.input_kernel_cell import InputKernelCell
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.matrix_memory import memory_chunk, memory_step


@keras.saving.register_keras_serializable("keras_rnn")
class MLSTMCell(InputKernelCell):
    """One step of the mLSTM, in each of the heads. d is the number of features of a query.

        q = x[t] W_q + b_q,    k = x[t] W_k / sqrt(d) + b_k        query, key
        v = activation(x[t] W_v + b_v)                             value
        o = sigmoid(x[t] W_o + b_o)                                output gate
        a = x[t] W_i + b_i                                         logarithm of the input gate
        log f = log sigmoid(x[t] W_f + b_f)                        forget gate
        m[t] = max(log f + m[t-1], a)
        i' = exp(a - m[t]),    f' = exp(log f + m[t-1] - m[t])
        C[t] = f' C[t-1] + i' v k^T                                matrix memory
        n[t] = f' n[t-1] + i' k                                    normalizer
        y[t] = o * (C[t] q) / max(|n[t]^T q|, exp(-m[t]))

    With `forget_gate="exp"`, log f = x[t] W_f + b_f. Each head has a C, an n and gates i and f of its own. C
    exp(m) and n exp(m) are the memory without a stabilizer, which could overflow; the bound is then 1.

    Nothing of this depends on y[t-1], so all gates are known before the first step. A sequence is run in
    chunks: the steps of a chunk at once, as products of matrices, and C, n and m from chunk to chunk, with
    the numbers of single steps. (The mLSTM of another paper is `MultiplicativeLSTM`.)

    States: C `(batch, units * d)`, the matrices of all heads row by row, n `(batch, heads * d)`,
    m `(batch, heads)`. The output is no state. C and n are in the scale of m: in `Zoneout` give all three the
    rate 0.

    Weights (the blocks of columns stand in the order q, k, v, o, i, f, within a block head by head):
        kernel W: `(features, 2 * heads * d + 2 * units + 2 * heads)`.
        bias b: `(2 * heads * d + 2 * units + 2 * heads,)`; absent with `use_bias=False`. That of a sigmoid
            forget gate starts between 3 and 6, evenly over the heads, as in the authors' code.
        In all `2 * (heads * d + units + heads) * (features + 1)` parameters.

    Differences from the paper: none to its equations; of the two forget gates that it names the sigmoid is
    the default, as in its authors' code. Norms, convolution and projections around the cell are left to
    other layers.

    Args:
        units: positive integer, number of units of the output.
        heads: positive integer that divides `units`. Default `1`.
        key_dimension: positive integer, d. Default `None`: as the value of a head has, units / heads.
        forget_gate: `"sigmoid"` or `"exp"`. Default `"sigmoid"`.
        chunk: positive integer, the most steps of a chunk. It changes the time and memory that a run takes,
            and no number but by rounding. Where the length is unknown, each chunk is as long. Default `64`.
        activation: the function of the value. Default `"linear"`, as in the paper.
        use_bias: whether there is a bias. Default `True`.
        kernel_initializer, bias_initializer: starting values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections after each update.
        dropout: share of the input features that is dropped, in [0, 1). One mask per sequence,
            the same at every step and for all blocks.
        seed: integer, makes the dropout masks reproducible.

    Raises:
        ValueError: if `units`, `heads`, `key_dimension` or `chunk` is not a positive integer, if `heads` does
            not divide `units`, if `forget_gate` is unknown, or if `dropout` is outside [0, 1).

    Source: M. Beck et al., "xLSTM: Extended Long Short-Term Memory", NeurIPS 2024, section 2.3, equations 19
    to 27.

    Example:

    >>> cell = MLSTMCell(4, heads=2, key_dimension=3)
    >>> y, [C, n, m] = cell(np.zeros((2, 5)), cell.get_initial_state(2))
    >>> y.shape, [tuple(w.shape) for w in cell.weights], C.shape, n.shape, m.shape
    (TensorShape([2, 4]), [(5, 24), (24,)], TensorShape([2, 12]), TensorShape([2, 6]), TensorShape([2, 2]))
    """

    state_names = ("C", "n", "m")

    def __init__(
        self,
        units: int,
        heads: int = 1,
        key_dimension: int | None = None,
        forget_gate: str = "sigmoid",
        chunk: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        self.heads = checked_heads(heads, self.units)
        self.key_dimension = None if key_dimension is None else checked_size("key_dimension", key_dimension)
        self.forget_gate = checked_forget_gate(forget_gate)
        self.chunk = checked_size("chunk", chunk)

    @property
    def _sizes(self) -> tuple[int, int]:
        """Features of a value and of a key."""
        value = self.units // self.heads
        return value, self.key_dimension or value

    @property
    def state_size(self) -> list[int]:
        value, key = self._sizes
        return [self.heads * value * key, self.heads * key, self.heads]

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2 * (self.heads * self._sizes[1] + self.units + self.heads),)

    def kernel_shape(self, features: int) -> tuple[int, ...]:
        return (features, *self.bias_shape)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        b = super().initial_bias(shape, dtype)
        if self.forget_gate == "exp":
            return b
        return ops.concatenate([b[: -self.heads], ops.linspace(3.0, 6.0, self.heads, dtype=b.dtype)])

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """W_k divided by sqrt(d)."""
        constants = super().get_constants(batch_size, training)
        d = self._sizes[1]
        W_q, W_k, rest = ops.split(constants["W"], [self.heads * d, 2 * self.heads * d], axis=-1)
        return {**constants, "W": ops.concatenate([W_q, W_k / d**0.5, rest], axis=-1)}

    def _parts(self, projected: Any) -> tuple[Any, ...]:
        """q, k, v, a and log f, each `(.., heads, size)`, and o `(.., units)`."""
        keys, units, heads = self.heads * self._sizes[1], self.units, self.heads
        ends = [keys, 2 * keys, 2 * keys + units, 2 * (keys + units), 2 * (keys + units) + heads]
        q, k, v, o, a, f = ops.split(projected, ends, axis=-1)
        v, log_f = self.activation(v), LOG_FORGET[self.forget_gate](f)
        parts = (
            ops.reshape(part, (*ops.shape(part)[:-1], heads, part.shape[-1] // heads)) for part in (q, k, v)
        )
        return (*parts, a, log_f, ops.sigmoid(o))

    def _memory(self, states: States) -> tuple[Any, Any]:
        """[C; n] `(batch, heads, value + 1, key)`, and m."""
        C, n, m = states
        value, key = self._sizes
        C, n = (ops.reshape(part, (-1, self.heads, rows, key)) for part, rows in ((C, value), (n, 1)))
        return ops.concatenate([C, n], axis=2), m

    def _states(self, M: Any, m: Any) -> States:
        parts = ops.split(M, [self._sizes[0]], axis=2)
        return [*(ops.reshape(part, (-1, n)) for part, n in zip(parts, self.state_size)), m]

    # The products of queries, keys and memory are in `state_dtype`: n^T q may be small, and is divided by.

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        q, k, v, a, log_f, o = self._parts(projected)
        y, M, m = memory_step(q, k, v, a, log_f, *self._memory(states))
        return o * ops.reshape(y, (-1, self.units)), self._states(M, m)

    def run_chunk(
        self,
        projected: Any,
        states: States,
        fresh: States,
        constants: Constants,
        counts: Any,
        reset: Any = None,
    ) -> tuple[Any, States]:
        """As `keras_rnn.layers.chunked_loop.ChunkedCell` has it."""
        q, k, v, a, log_f, o = self._parts(projected)
        # (batch, heads, time, size) and (batch, heads, time)
        q, k, v = (ops.transpose(part, (1, 2, 0, 3)) for part in (q, k, v))
        a, log_f, counts = (ops.transpose(part, (1, 2, 0)) for part in (a, log_f, counts))
        k, v = (ops.where(counts[..., None], part, 0) for part in (k, v))
        a, log_f = ops.where(counts, a, -float("inf")), ops.where(counts, log_f, 0)
        starts = None if reset is None else ops.transpose(reset, (1, 2, 0))
        y, M, m = memory_chunk(q, k, v, a, log_f, *self._memory(states), starts, self._memory(fresh))
        y = ops.reshape(ops.transpose(y, (2, 0, 1, 3)), ops.shape(o))
        return o * y, self._states(M, m)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "key_dimension": self.key_dimension,
            "forget_gate": self.forget_gate,
            "chunk": self.chunk,
        }


@keras.saving.register_keras_serializable("keras_rnn")
class MLSTM(Recurrent):
    """`Recurrent(MLSTMCell(...))`: takes the arguments of both.

    >>> layer = MLSTM(4, heads=2, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = MLSTMCell
