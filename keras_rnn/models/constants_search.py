"""Beam search by the steps of a model that reads what never changes, such as the memory of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import tree

from keras_rnn.layers.cell import Constants, States
from keras_rnn.ops.beam_search import beam_search
from keras_rnn.ops.decoding_step import Hypotheses


def search_with_constants(
    step: Callable[[Any, States, Constants], Any], states: States, constants: Constants, **settings: Any
) -> Hypotheses:
    """`keras_rnn.ops.beam_search`; of the constants those of rows are repeated, and no others.

    Args:
        step: `(y, states, constants)` to `(log_p, states)` or `(log_p, states, attention)`.
        states: the first ones.
        constants: any nested structure. What has a line for each row has a name that ends with `rows` or
            `mask`.
        settings: see `keras_rnn.ops.beam_search`.
    """
    leaves = tree.flatten_with_path(constants)
    of_rows = [str(path[-1]).endswith(("mask", "rows")) for path, _ in leaves]

    def with_rows(y: Any, states: States, rows: list[Any]) -> Any:
        left = iter(rows)
        own = [next(left) if of_row else leaf for of_row, (_, leaf) in zip(of_rows, leaves)]
        return step(y, states, tree.pack_sequence_as(constants, own))

    repeated = [leaf for of_row, (_, leaf) in zip(of_rows, leaves) if of_row]
    return beam_search(with_rows, states, constants=repeated, **settings)
