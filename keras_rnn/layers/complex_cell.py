"""Cells of a diagonal complex recurrence: their states, what they read, and what they show."""

from __future__ import annotations

from typing import Any

from keras import initializers, ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_size
from keras_rnn.layers.linear_cell import LinearCell


class ComplexCell(LinearCell):
    """Abstract: a linear cell of n complex numbers.

        h[t] = a * h[t-1] + b[t]                a: constants["a"], b[t]: projected["b"]
        y[t] = Re(h[t] C) + projected["direct"]

    A subclass gives the constants `a`, a pair `(real, imaginary)`, and `C`, `(2 n, units)`, which multiplies
    the real parts and then the imaginary ones; its `project_inputs` gives `b`, a pair, too, and `direct`.

    States: `h_real` and `h_imag`, each `(batch, state_units)`.

    Args:
        units: positive integer, number of units of the output.
        state_units: positive integer, n. Default `None`: as `units`.

    Raises:
        ValueError: if one of the two is not a positive integer.
    """

    state_names = ("h_real", "h_imag")
    output_state = None

    def __init__(self, units: int, state_units: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = checked_size("units", units)
        self.state_units = None if state_units is None else checked_size("state_units", state_units)

    @property
    def state_size(self) -> list[int]:
        return [self.state_units or self.units] * 2

    @property
    def output_size(self) -> int:
        return self.units

    def add_diagonal(self, name: str, initializer: Any) -> Any:
        """A weight `(n,)`."""
        n = self.state_size[0]
        # |a| is 0.999 and more on long sequences: a 16-bit policy must not round what makes it.
        return self.add_weight(name=name, shape=(n,), initializer=initializer, autocast=False)

    def add_gaussian(self, name: str, shape: tuple[int, ...], variance: float) -> Any:
        """A weight of normal numbers."""
        # An initializer of its own for each: one that is used twice draws the same numbers twice.
        initializer = initializers.RandomNormal(stddev=variance**0.5)
        return self.add_weight(name=name, shape=shape, initializer=initializer)

    def coefficients(self, projected: Any, constants: Constants) -> tuple[list[Any], list[Any]]:
        return [constants["a"]], [projected["b"]]

    def readout(self, states: States, projected: Any, constants: Constants) -> Any:
        """Re(h C) and what passes h by."""
        h = ops.cast(ops.concatenate(states, axis=-1), self.compute_dtype)
        return ops.cast(ops.matmul(h, constants["C"]), self.state_dtype) + projected["direct"]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "state_units": self.state_units}
