"""Layers that a language model may have: the states of the recurrent ones are the model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_rnn.layers.augmented_softmax import AugmentedSoftmax
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.layers.recurrent import Recurrent


def checked_layers(layers: Sequence[Any], equal_units: bool = False) -> list[Recurrent]:
    """The layers of a model that holds their states: set to return these and every output.

    Raises:
        TypeError: if one is no `Recurrent`.
        ValueError: if there is none, one reads backwards or is stateful itself, or they are to have equal
            units and have not.
    """
    if not layers:
        raise ValueError("`layers` must hold at least one layer; received none.")
    for layer in layers:
        if not isinstance(layer, Recurrent):
            raise TypeError(
                "Each of `layers` must be a keras_rnn.layers.Recurrent, such as LSTM(200); received "
                f"{layer!r}. A cell is given as Recurrent(cell)."
            )
        if layer.go_backwards or layer.stateful:
            raise ValueError(
                "Each of `layers` must read forwards, and leave its states to the model; received "
                f"{layer.name} with go_backwards={layer.go_backwards}, stateful={layer.stateful}. "
                "Leave both out."
            )
        # The model needs every output, and the states to carry them on.
        layer.return_sequences = layer.return_state = True
    units = [layer.output_size for layer in layers]
    if equal_units and len(set(units)) > 1:
        raise ValueError(
            f"`layers` must have equal units with skip_connections=True; received {units}. Change them."
        )
    return list(layers)


def check_softmax(softmax: Any, vocabulary_size: int, tied: bool, units: int, dimension: int | None) -> None:
    """Raises ValueError if an output layer does not fit its model.

    Args:
        softmax: the output layer.
        vocabulary_size, tied: of the model.
        units: features that it reads.
        dimension: that of the embedding, or None if it is not known.
    """
    own = getattr(softmax, "tied", False), softmax.vocabulary_size
    if own != (tied, vocabulary_size):
        raise ValueError(
            f"`softmax` must have tied={tied} and vocabulary_size={vocabulary_size}, as the model; "
            f"received tied={own[0]} and vocabulary_size={own[1]}."
        )
    if tied and isinstance(softmax, (FullSoftmax, AugmentedSoftmax)) and units != dimension:
        raise ValueError(
            f"The last of `layers` must have as many units as the embedding with tie_embeddings=True, "
            f"{dimension}; received {units}. Change one of them."
        )
