"""The recurrent highway network."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import activations, ops

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable("keras_rnn")
class RecurrentHighwayCell(AffineCell):
    """One step of the recurrent highway network: several highway layers from one time to the next.

        s_0 = h[t-1]
        for l = 1 .. depth:
            a   = activation([l = 1] x[t] W_h + s_{l-1} U_h[l] + b_h[l])              candidate
            t   = recurrent_activation([l = 1] x[t] W_t + s_{l-1} U_t[l] + b_t[l])    transform gate
            s_l = a * t + s_{l-1} * (1 - t)
        h[t] = s_depth                                             output y[t] = h[t]

    Only the first layer reads the input.

    Weights (the two blocks of columns stand in the order h, t):
        kernel W: `(features, 2 * units)`.
        recurrent_kernel U: `(depth, units, 2 * units)`.
        bias b: `(depth, 2 * units)`; absent with `use_bias=False`.
        In all `2 * units * (features + depth * (units + 1))` parameters.

    Differences from the paper: none with respect to its experiments, which couple the carry gate to the
    transform gate, c = 1 - t; its equations 6 to 9 also allow a carry gate of its own.

    Args:
        units: positive integer, number of units of the state h.
        depth: positive integer, number of highway layers in one time step. Default 5.
        transform_bias: number at which the bias of the transform gate starts at every depth; a negative
            one lets the network begin as one that carries its state on. The bias of the candidate starts
            as `bias_initializer` says. Without effect if `use_bias=False`. Default -2.0.
        activation: the function of the candidate. Default `"tanh"`.
        recurrent_activation: the function of the gate. Default `"sigmoid"`.
        recurrent_initializer: starting values of U, drawn for each depth on its own.

    With `recurrent_dropout` the products of all depths read their state through the same mask; what is
    carried over is not dropped. The other arguments are those of every affine cell:
    see `keras_rnn.layers.AffineCell`.

    Raises:
        ValueError: if `depth` is not a positive integer or `transform_bias` no finite number.

    Source: J. G. Zilly, R. K. Srivastava, J. Koutnik, J. Schmidhuber, "Recurrent Highway Networks",
    ICML 2017, equations 6 to 9.

    Example:

    >>> cell = RecurrentHighwayCell(4, depth=3)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights]
    (TensorShape([2, 4]), [(3, 8), (3, 4, 8), (3, 8)])
    """

    gates = 2
    state_names = ("h",)

    def __init__(
        self,
        units: int,
        depth: int = 5,
        transform_bias: float = -2.0,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, **kwargs)
        if not isinstance(transform_bias, (int, float)) or not math.isfinite(transform_bias):
            raise ValueError(
                f"`transform_bias` must be a finite number; received transform_bias={transform_bias!r}."
            )
        self.depth = checked_size("depth", depth)
        self.transform_bias = float(transform_bias)
        self.recurrent_activation = activations.get(recurrent_activation)

    @property
    def recurrent_shape(self) -> tuple[int, ...]:
        return (self.depth, self.units, 2 * self.units)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.depth, 2 * self.units)

    def initial_recurrent_kernel(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        # Of all depths at once an initializer would make one long matrix, and called again it gives the same
        # numbers: each depth has an initializer, and so a seed, of its own.
        depths = (_another(self.recurrent_initializer, l) for l in range(self.depth))
        return ops.stack([initializer(shape[1:], dtype=dtype) for initializer in depths])

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        half = (self.depth, self.units)
        h = self.bias_initializer(half, dtype=dtype)
        return ops.concatenate([h, ops.full(half, self.transform_bias, dtype)], axis=-1)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """U, one matrix for each depth; b of the first depth, which is added to x W, and of the others."""
        constants = super().get_constants(batch_size, training)
        constants["U"] = tuple(ops.unstack(constants["U"], self.depth))
        if "b" in constants:
            constants["b"], *deeper = ops.unstack(constants["b"], self.depth)
            constants["deeper_b"] = tuple(deeper)
        return constants

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        (s,) = states
        added = [projected, *constants.get("deeper_b", ())]
        for l, U in enumerate(constants["U"]):
            z = self.product(self.drop_state(s, constants), U)
            if l < len(added):
                z = z + added[l]
            a, t = ops.split(z, 2, axis=-1)
            t = self.recurrent_activation(t)
            s = self.activation(a) * t + s * (1 - t)
        return s, [s]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "depth": self.depth,
            "transform_bias": self.transform_bias,
            "recurrent_activation": activations.serialize(self.recurrent_activation),
        }


def _another(initializer: Any, k: int) -> Any:
    """An initializer of the same kind with the k-th seed after that of this one."""
    if not k or not hasattr(initializer, "get_config"):
        return initializer
    config = initializer.get_config()
    if isinstance(config.get("seed"), int):
        config["seed"] += k
    return type(initializer).from_config(config)


@keras.saving.register_keras_serializable("keras_rnn")
class RecurrentHighway(Recurrent):
    """`Recurrent(RecurrentHighwayCell(...))`: takes the arguments of both.

    >>> layer = RecurrentHighway(4, depth=3, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = RecurrentHighwayCell
