"""Cells whose weights see the input alone: x W + b, and no recurrent matrix."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
from keras import activations, constraints, initializers, ops, regularizers

from keras_rnn.layers.cell import Constants, RecurrentCell, dropout_mask
from keras_rnn.layers.checked import check_rate, checked_size, known_features
from keras_rnn.ops.affine import project


class InputKernelCell(RecurrentCell):
    """Abstract: owns `kernel` W and `bias` b, and their arguments.

    Weights:
        kernel: `kernel_shape(features)`, W.
        bias: `bias_shape`, b, of the first columns of W; absent with `use_bias=False`.

    A subclass gives these shapes.

    Args:
        units: positive integer, number of units of the output.
        activation: function of the candidate.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: starting values of the weights.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections after each update.
        dropout: share of the input features that is dropped, in [0, 1). One mask per sequence,
            the same at every step and for all columns.
        seed: integer, makes the dropout masks reproducible.

    Raises:
        ValueError: if `units` is not a positive integer or `dropout` is outside [0, 1).
    """

    def __init__(
        self,
        units: int,
        activation: Any = "linear",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_rate("dropout", dropout)
        self.units = checked_size("units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def output_size(self) -> int:
        return self.units

    @abstractmethod
    def kernel_shape(self, features: int) -> tuple[int, ...]:
        """The shape of W."""

    @property
    @abstractmethod
    def bias_shape(self) -> tuple[int, ...]:
        """The shape of b."""

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return self.bias_initializer(shape, dtype=dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=self.kernel_shape(known_features(self, input_shape)),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
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

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        """W in the compute dtype, b in `state_dtype`; while training, a mask that multiplies x."""
        constants = {"W": ops.cast(self.kernel, self.compute_dtype)}
        if self.bias is not None:
            rest = self.kernel.shape[-1] - self.bias.shape[0]
            constants["b"] = ops.pad(ops.cast(self.bias, self.state_dtype), [(0, rest)])
        if training and self.dropout:
            shape = (batch_size, self.kernel.shape[-2])
            constants["dropout_mask"] = dropout_mask(
                shape, self.dropout, self.seed_generator, self.compute_dtype
            )
        return constants

    def drop_inputs(self, inputs: Any, constants: Constants) -> Any:
        """The inputs as the cell sees them, in the compute dtype."""
        inputs = ops.cast(inputs, self.compute_dtype)
        return inputs * constants["dropout_mask"] if "dropout_mask" in constants else inputs

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """x W + b."""
        inputs = self.drop_inputs(inputs, constants)
        return project(inputs, constants["W"], constants.get("b"), self.state_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "seed": self.seed,
        }
