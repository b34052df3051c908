"""The echo state network: a reservoir of random, fixed weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import activations, initializers, ops

from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.checked import checked_size, known_features
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.ops.activation_gradients import gradient_from_output
from keras_rnn.ops.affine import project
from keras_rnn.ops.linalg import is_traced
from keras_rnn.ops.state_product import state_product


@keras.saving.register_keras_serializable("keras_rnn")
class EchoStateCell(RecurrentCell):
    """One step of the echo state network with leaky units.

        h[t] = (1 - leaky) * h[t-1] + leaky * activation(x[t] W + h[t-1] U + b)      output y[t] = h[t]

    No weight is trained: the layer is a fixed memory of its inputs, and a `Dense` layer behind it learns to
    read it. U is random and sparse, and scaled such that its spectral radius, the largest modulus of its
    eigenvalues, is the one that is asked for: with less than 1 old inputs fade, slowly near 1.

    State: h, `(batch, units)`.

    Weights, none of them trainable:
        kernel W: `(features, units)`.
        recurrent_kernel U: `(units, units)`.
        bias b: `(units,)`; absent with `use_bias=False`.
        In all `units * (features + units + 1)` parameters.

    Differences from the paper: leaky units, which came later (H. Jaeger, M. Lukosevicius, D. Popovici,
    U. Siewert, Neural Networks 20, 2007), and no feedback from the output. It is `tfa.rnn.ESNCell` without
    `use_norm2`, whose recurrent kernel is the first of its weights.

    Args:
        units: positive integer, number of units of the reservoir.
        connectivity: share of the entries of U that are not zero, in (0, 1], drawn one by one. Default `0.1`.
        leaky: leaking rate, in (0, 1]; with 1 no unit is leaky. Default `1.0`.
        spectral_radius: positive number, that of U. Default `0.9`.
        activation: the function around the sum. Default `"tanh"`.
        use_bias: whether there is a bias. Default `True`.
        kernel_initializer, recurrent_initializer, bias_initializer: what the weights are drawn from; of U
            before it is made sparse and scaled.
        seed: integer, makes the places of the zeros of U reproducible.

    Raises:
        ValueError: if `units` is not a positive integer, if `connectivity` or `leaky` is outside (0, 1], if
            `spectral_radius` is not positive; when it is built, if what is drawn for U has no eigenvalue
            but 0, as may happen to few units of low connectivity.

    Source: H. Jaeger, "The 'Echo State' Approach to Analysing and Training Recurrent Neural Networks", GMD
    Report 148 (2001).

    Example:

    >>> cell = EchoStateCell(4, connectivity=1.0)
    >>> y, [h] = cell(np.zeros((2, 3)), [np.zeros((2, 4))])
    >>> y.shape, [tuple(w.shape) for w in cell.weights], cell.trainable_weights
    (TensorShape([2, 4]), [(3, 4), (4, 4), (4,)], [])
    """

    state_names = ("h",)
    output_state = 0
    recurrent_constants = ("U",)

    def __init__(
        self,
        units: int,
        connectivity: float = 0.1,
        leaky: float = 1.0,
        spectral_radius: float = 0.9,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, share in (("connectivity", connectivity), ("leaky", leaky)):
            if not 0 < share <= 1:
                raise ValueError(
                    f"`{name}` must be in (0, 1]; received {name}={share!r}. Use 1 for all of it."
                )
        if not spectral_radius > 0:
            raise ValueError(
                f"`spectral_radius` must be positive; received spectral_radius={spectral_radius!r}. "
                "Use a number a little below 1 for a long memory."
            )
        self.units = checked_size("units", units)
        self.connectivity, self.leaky, self.spectral_radius = connectivity, leaky, spectral_radius
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.seed = seed

    @property
    def state_size(self) -> list[int]:
        return [self.units]

    @property
    def output_size(self) -> int:
        return self.units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        def add(name: str, shape: tuple[int, ...], initializer: Any, autocast: bool = True) -> Any:
            return self.add_weight(
                name=name, shape=shape, initializer=initializer, trainable=False, autocast=autocast
            )

        n = self.units
        self.kernel = add("kernel", (known_features(self, input_shape), n), self.kernel_initializer)
        self.recurrent_kernel = add("recurrent_kernel", (n, n), self.initial_recurrent_kernel)
        # The bias meets the sum in `state_dtype`: a 16-bit policy must not round it.
        self.bias = add("bias", (n,), self.bias_initializer, autocast=False) if self.use_bias else None

    def initial_recurrent_kernel(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """What `recurrent_initializer` draws, made sparse and scaled.

        Raises:
            ValueError: if it has no eigenvalue but 0.
        """
        drawn = self.recurrent_initializer(shape, dtype="float32")
        if is_traced(drawn):  # Keras asks for shapes, and draws the weight when it knows them all
            return ops.convert_to_tensor(drawn, dtype)
        connected = np.random.default_rng(self.seed).random(shape) < self.connectivity
        U = ops.convert_to_numpy(drawn).astype("float64") * connected
        radius = np.abs(np.linalg.eigvals(U)).max()
        if radius == 0:  # exactly: connections without a cycle make a triangular matrix, in another order
            raise ValueError(
                f"`connectivity` must leave U an eigenvalue other than 0; {self.units} units with "
                f"connectivity={self.connectivity} have none in this draw. Take more of one of them."
            )
        return ops.convert_to_tensor(U * (self.spectral_radius / radius), dtype)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """W and U in the compute dtype, b in `state_dtype`."""
        W, U = (ops.cast(w, self.compute_dtype) for w in (self.kernel, self.recurrent_kernel))
        return {"W": W, "U": U, **({} if self.bias is None else {"b": ops.cast(self.bias, self.state_dtype)})}

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """x W + b."""
        inputs = ops.cast(inputs, self.compute_dtype)
        return project(inputs, constants["W"], constants.get("b"), self.state_dtype)

    def _product(self, h: Any, U: Any) -> Any:
        return ops.cast(state_product(ops.cast(h, self.compute_dtype), U), self.state_dtype)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        (h,) = states
        new = self.activation(projected + self._product(h, constants["U"]))
        h = (1 - self.leaky) * h + self.leaky * new
        return h, [h]

    @property
    def has_adjoint(self) -> bool:
        return gradient_from_output(self.activation) is not None

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        left = ops.cast(states[0], self.compute_dtype)
        new = self.activation(projected + self._product(left, constants["U"]))
        h = (1 - self.leaky) * states[0] + self.leaky * new
        return h, [h], (new,), [(("U",), left)]

    def backward_constants(self, constants: Constants) -> Constants:
        return {**constants, "U": ops.transpose(constants["U"])}

    def step_backward(self, saved: Any, _: Any, d_states: States, constants: Constants) -> Any:
        dh = d_states[0]
        dz = gradient_from_output(self.activation)(saved[0], self.leaky * dh)  # type: ignore[misc]
        return dz, [(1 - self.leaky) * dh + self._product(dz, constants["U"])], [dz], []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "connectivity": self.connectivity,
            "leaky": self.leaky,
            "spectral_radius": self.spectral_radius,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable("keras_rnn")
class EchoState(Recurrent):
    """`Recurrent(EchoStateCell(...))`: takes the arguments of both.

    >>> layer = EchoState(4, connectivity=1.0, return_sequences=True)
    >>> layer(np.zeros((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    cell_class = EchoStateCell
