"""Cells whose gates are affine in input and state: x W + h U + b, one block of columns per gate."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations, constraints, initializers, ops, regularizers

from keras_rnn.layers.activation_layer import activation_constants, build_activations
from keras_rnn.layers.cell import Constants, RecurrentCell, dropout_mask
from keras_rnn.layers.checked import check_rate, checked_size, known_features
from keras_rnn.layers.recurrent_weight import add_recurrent_weight, get_parametrization, value_of
from keras_rnn.ops.activation_gradients import gradient_from_output
from keras_rnn.ops.affine import project
from keras_rnn.ops.state_product import state_product


class AffineCell(RecurrentCell):
    """Abstract: owns `kernel` W, `recurrent_kernel` U and `bias` b, and their arguments.

    Weights:
        kernel: `(features, gates * units)`, W.
        recurrent_kernel: `(units, gates * units)`, U.
        bias: `(gates * units,)`, b; absent with `use_bias=False`.

    The blocks stand in the order that the subclass names. A subclass sets `gates` and writes `step`. Its own
    weights it adds in `add_own_weights`; they stand between `recurrent_kernel` and `bias`.

    Args:
        units: positive integer, number of units of the state and of the output.
        activation: function of the candidate.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: starting values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: projections after each update.
        dropout: share of the input features that is dropped, in [0, 1). One mask per sequence,
            the same at every step and for every gate.
        recurrent_dropout: share of the units of the previous state that is dropped, in [0, 1).
            One mask per sequence, the same at every step and for every gate.
        seed: integer, makes the dropout masks reproducible.
        recurrent_parametrization: holds U to a property, such as `keras_rnn.parametrizations.Orthogonal()`:
            the weight is then a free one, and U is made of it once a call. `recurrent_initializer` gives the
            first U and must give one with the property; of Keras's `"orthogonal"` the nearest one is taken.

    Raises:
        ValueError: if `units` is not a positive integer or a rate is outside [0, 1); when it is built, if an
            activation has weights and the cell no place for them.
    """

    gates: int
    output_state = 0
    #: One form of a cell may lack some of them.
    recurrent_constants: tuple[str, ...] = ("U",)
    #: Whether `step` calls `activate`, so that `activation` may be a layer with weights.
    activates_by_layer = False

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        recurrent_parametrization: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_rate("dropout", dropout)
        check_rate("recurrent_dropout", recurrent_dropout)
        self.units = checked_size("units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.recurrent_parametrization = get_parametrization(recurrent_parametrization)

    @property
    def state_size(self) -> list[int]:
        return [self.units] * len(self.state_names)

    @property
    def output_size(self) -> int:
        return self.units

    @property
    def recurrent_shape(self) -> tuple[int, ...]:
        return (self.units, self.gates * self.units)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def initial_recurrent_kernel(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return self.recurrent_initializer(shape, dtype=dtype)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return self.bias_initializer(shape, dtype=dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        features = known_features(self, input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, self.gates * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_weight = add_recurrent_weight(self)
        self.add_own_weights()
        # The bias meets the gates in `state_dtype`: a 16-bit policy must not round it.
        self.bias = (
            self.add_weight(
                name="bias",
                shape=self.bias_shape,
                initializer=self.initial_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                autocast=False,
            )
            if self.use_bias
            else None
        )
        build_activations(self)

    @property
    def recurrent_kernel(self) -> Any:
        """U: the variable, or what the parametrization makes of the free weight, each time it is read."""
        return value_of(self.recurrent_weight)

    def add_own_weights(self) -> None:
        """Adds what a subclass has beside kernel, recurrent kernel and bias."""

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """W and U in the compute dtype, b in `state_dtype`; while training, masks that multiply x and h."""
        constants = {
            "W": ops.cast(self.kernel, self.compute_dtype),
            "U": ops.cast(self.recurrent_kernel, self.compute_dtype),
            **activation_constants(self.activation, self.state_dtype),
        }
        if self.bias is not None:
            constants["b"] = ops.cast(self.bias, self.state_dtype)
        if training and self.dropout:
            shape = (batch_size, self.kernel.shape[0])
            constants["dropout_mask"] = dropout_mask(
                shape, self.dropout, self.seed_generator, self.compute_dtype
            )
        if training and self.recurrent_dropout:
            constants["recurrent_dropout_mask"] = dropout_mask(
                (batch_size, self.output_size), self.recurrent_dropout, self.seed_generator, self.state_dtype
            )
        return constants

    def input_product(self, inputs: Any, constants: Constants, bias: Any = None) -> Any:
        """x W (+ bias), the product in the compute dtype, returned in `state_dtype`."""
        inputs = ops.cast(inputs, self.compute_dtype)
        if "dropout_mask" in constants:
            inputs = inputs * constants["dropout_mask"]
        return project(inputs, constants["W"], bias, self.state_dtype)

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """x W + b for all gates."""
        return self.input_product(inputs, constants, constants.get("b"))

    @property
    def has_adjoint(self) -> bool:
        """Whether the cell writes its adjoint itself, which it does for activations of known derivative."""
        # A subclass with another step inherits an adjoint that is not its own.
        step, forward = (
            next((c for c in type(self).__mro__ if name in vars(c)), None)
            for name in ("step", "step_forward")
        )
        return step is forward and all(self.activation_gradients)

    @property
    def activation_gradients(self) -> tuple[Any, Any]:
        """Those of `activation` and, where the cell has one, of `recurrent_activation`; None if unknown."""
        gates = getattr(self, "recurrent_activation", self.activation)
        return gradient_from_output(self.activation), gradient_from_output(gates)

    def left_factor(self, h: Any, constants: Constants) -> Any:
        """The previous state as `product` multiplies it: a factor of the gradient of U."""
        return ops.cast(self.drop_state(h, constants), self.compute_dtype)

    def drop_state(self, h: Any, constants: Constants) -> Any:
        """The previous state as the gates see it."""
        return h * constants["recurrent_dropout_mask"] if "recurrent_dropout_mask" in constants else h

    def product(self, h: Any, U: Any) -> Any:
        """h U in the compute dtype, returned in `state_dtype`."""
        return ops.cast(state_product(ops.cast(h, self.compute_dtype), U), self.state_dtype)

    def backward_constants(self, constants: Constants) -> Constants:
        """U transposed: the backward steps multiply with it."""
        transposed = {k: ops.transpose(constants[k]) for k in self.recurrent_constants if k in constants}
        return {**constants, **transposed}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
            "recurrent_parametrization": keras.saving.serialize_keras_object(self.recurrent_parametrization),
        }
