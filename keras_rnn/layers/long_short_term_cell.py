"""What the cells of the long short-term memory share: arguments, the bias, the gates and their gradient."""

from __future__ import annotations

from typing import Any

from keras import activations, ops

from keras_rnn.layers.affine_cell import AffineCell


class LongShortTermCell(AffineCell):
    """Abstract: a cell that keeps a state c behind gates, with the arguments of `keras.layers.LSTMCell`.

        i, f, o = recurrent_activation(..)        g = activation(..)
        c' = f * c + i * g                        y = o * activation(c')

    The four pre-activations stand side by side in the order i, f, g, o. A subclass gives `step`; one with
    these gates writes it, and its adjoint, with `remember`, `gates_forward` and `gates_backward`, one with
    others by itself.

    Args:
        units: positive integer, number of units of c.
        activation: the function of the candidate g and of c in the output. Default `"tanh"`.
        recurrent_activation: the function of the gates. Default `"sigmoid"`.
        unit_forget_bias: whether the bias of the forget gate starts at one. Default `True`.
    """

    gates = 4
    state_names: tuple[str, ...] = ("h", "c")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            **kwargs,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        if not self.unit_forget_bias:
            return super().initial_bias(shape, dtype)
        i = self.bias_initializer((self.units,), dtype=dtype)
        g_and_o = self.bias_initializer((2 * self.units,), dtype=dtype)
        return ops.concatenate([i, ops.ones((self.units,), dtype), g_and_o])

    def remember(self, z: Any, c: Any) -> tuple[Any, Any]:
        """(y, c') from the four pre-activations and c."""
        y, c, _ = self.gates_forward(z, c)
        return y, c

    def gates_forward(self, z: Any, c_before: Any) -> tuple[Any, Any, Any]:
        """The same, and what `gates_backward` asks for."""
        i, f, g, o = ops.split(z, 4, axis=-1)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        g = self.activation(g)
        c = f * c_before + i * g
        a = self.activation(c)
        return o * a, c, (i, f, g, o, c_before, a)

    def gates_backward(self, saved: Any, dy: Any, dc: Any) -> tuple[Any, Any]:
        """The gradients by z and by c, from those by y and c'."""
        i, f, g, o, c_before, a = saved
        gradient, gate_gradient = self.activation_gradients
        dc = dc + gradient(a, dy * o)
        dz = ops.concatenate(
            [
                gate_gradient(i, dc * g),
                gate_gradient(f, dc * c_before),
                gradient(g, dc * i),
                gate_gradient(o, dy * a),
            ],
            axis=-1,
        )
        return dz, dc * f

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }
