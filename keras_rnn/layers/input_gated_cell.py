"""Linear cells whose gates see the input alone: x W + b, one block of columns per gate."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_rnn.layers.cell import Constants
from keras_rnn.layers.input_kernel_cell import InputKernelCell
from keras_rnn.layers.linear_cell import LinearCell
from keras_rnn.ops.affine import project


class InputGatedCell(InputKernelCell, LinearCell):
    """Abstract: a linear cell that owns `kernel` W and `bias` b, with the arguments of `InputKernelCell`.

    Weights:
        kernel: `(features, gates * units)`, W.
        bias: `(gates * units,)`, b; absent with `use_bias=False`.

    The blocks stand in the order that the subclass names. A subclass sets `gates` and writes `coefficients`.
    One with `reads_inputs` also gets the inputs themselves, as a last block: x where there are `units`
    features, else x W_x, with a further block of columns in the kernel. Where only the first blocks have a
    bias, `biased` is their number.
    """

    gates: int
    reads_inputs = False
    biased: int | None = None

    @property
    def state_size(self) -> list[int]:
        return [self.units]

    def kernel_shape(self, features: int) -> tuple[int, ...]:
        maps_inputs = self.reads_inputs and features != self.units
        return (features, (self.gates + maps_inputs) * self.units)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return ((self.biased or self.gates) * self.units,)

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        """x W + b for all gates, and x or x W_x."""
        inputs = self.drop_inputs(inputs, constants)
        projected = project(inputs, constants["W"], constants.get("b"), self.state_dtype)
        if not self.reads_inputs or inputs.shape[-1] != self.units:
            return projected
        return ops.concatenate([projected, ops.cast(inputs, self.state_dtype)], axis=-1)
