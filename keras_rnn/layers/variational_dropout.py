"""Dropout with one mask for a whole sequence, around any cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.cell import Constants, RecurrentCell, States, dropout_mask
from keras_rnn.layers.checked import check_rate, known_features
from keras_rnn.layers.wrapped_cell import WrappedCell, edit_innermost


@keras.saving.register_keras_serializable("keras_rnn")
class VariationalDropout(WrappedCell):
    """A cell with dropout of its inputs, its state and its output, one mask of each for all steps.

        y'[t], states[t] = cell(x[t] * m_x, h[t-1] * m_h)
        y[t] = y'[t] * m_y

    While training each entry of a mask is 0 with probability `rate` and else 1 / (1 - rate), drawn once per
    call for each row and unit. At inference all masks are 1.

    h is the state that is also the output. m_h acts where h is read by a matrix product, and what a cell
    carries over by other ways, as the GRU its h, is not dropped; this is so for all affine cells, wrapped
    or not. Any other cell reads h[t-1] * m_h wherever it reads h[t-1]. m_y acts on what is shown alone: the
    state that is carried on is whole.

    Weights:
        Those of the cell.

    Differences from the paper: the masks of inputs and state are the same for all gates (the paper's tied
    weights); m_y is the input mask of the next layer, given to this one so that the last layer can have it.

    Args:
        cell: a `keras_rnn.layers.RecurrentCell`. Of a stack, wrap each cell.
        input_rate: share of the input features that is dropped, in [0, 1). Default 0.0.
        recurrent_rate: share of the units of h that is dropped, in [0, 1). Default 0.0.
        output_rate: share of the output units that is dropped, in [0, 1). Default 0.0.
        seed: integer, makes the masks reproducible.

    Raises:
        TypeError: if `cell` is no `RecurrentCell`.
        ValueError: if a rate is outside [0, 1), if there is a `recurrent_rate` and the output of the cell is
            none of its states, or when it is built, if the number of features is unknown.

    Source: Y. Gal, Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural
    Networks", NIPS 2016, section 4.

    Example:

    >>> cell = VariationalDropout(GRUCell(4), input_rate=0.5, recurrent_rate=0.25, seed=1)
    >>> Recurrent(cell)(np.zeros((2, 5, 3)), training=True).shape
    TensorShape([2, 4])
    """

    def __init__(
        self,
        cell: RecurrentCell,
        input_rate: float = 0.0,
        recurrent_rate: float = 0.0,
        output_rate: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cell, **kwargs)
        check_rate("input_rate", input_rate)
        check_rate("recurrent_rate", recurrent_rate)
        check_rate("output_rate", output_rate)
        if recurrent_rate and cell.output_state is None:
            raise ValueError(
                f"`recurrent_rate` must be 0 where the output of `cell` is none of its states; received "
                f"recurrent_rate={recurrent_rate!r}, cell={cell!r}. Wrap the cell inside that one."
            )
        self.input_rate = input_rate
        self.recurrent_rate = recurrent_rate
        self.output_rate = output_rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def output_state(self) -> int | None:  # type: ignore[override]
        return None if self.output_rate else self.cell.output_state

    @property
    def keeps_step(self) -> bool:
        # The mask on the state then stands among the constants of the inner cell.
        own_step = type(self).step is VariationalDropout.step
        return own_step and not self.output_rate and isinstance(self.innermost, AffineCell)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.features = known_features(self, input_shape)
        super().build(input_shape)

    def get_constants(self, batch_size: Any, training: bool = False) -> Constants:
        constants = super().get_constants(batch_size, training)
        if not training:
            return constants

        def mask(size: int, rate: float, dtype: str) -> Any:
            return dropout_mask((batch_size, size), rate, self.seed_generator, dtype)

        if self.input_rate:
            constants["input_mask"] = mask(self.features, self.input_rate, self.compute_dtype)
        if self.recurrent_rate:
            size = self.state_size[self.cell.output_state]  # type: ignore[index]
            m_h = mask(size, self.recurrent_rate, self.state_dtype)
            if isinstance(self.innermost, AffineCell):
                # Such a cell has a place for the mask, which spares what it carries over.
                constants = edit_innermost(self, constants, lambda inner: _with_recurrent_mask(inner, m_h))
            else:
                constants["recurrent_mask"] = m_h
        if self.output_rate:
            constants["output_mask"] = mask(self.output_size, self.output_rate, self.state_dtype)
        return constants

    def project_inputs(self, inputs: Any, constants: Constants) -> Any:
        if "input_mask" in constants:
            inputs = ops.cast(inputs, self.compute_dtype) * constants["input_mask"]
        return super().project_inputs(inputs, constants)

    def step(self, projected: Any, states: States, constants: Constants) -> tuple[Any, States]:
        if "recurrent_mask" in constants:
            states, h = list(states), self.cell.output_state
            states[h] = states[h] * constants["recurrent_mask"]  # type: ignore[index]
        y, new_states = super().step(projected, states, constants)
        if "output_mask" in constants:
            y = y * constants["output_mask"]
        return y, new_states

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_rate": self.input_rate,
            "recurrent_rate": self.recurrent_rate,
            "output_rate": self.output_rate,
            "seed": self.seed,
        }


def _with_recurrent_mask(constants: Constants, mask: Any) -> Constants:
    own = constants.get("recurrent_dropout_mask")
    return {**constants, "recurrent_dropout_mask": mask if own is None else own * mask}
