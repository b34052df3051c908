"""What all kinds of attention share: a query reads a memory."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, dropout_mask
from keras_rnn.layers.checked import check_rate
from keras_rnn.layers.sequence_inputs import checked_mask
from keras_rnn.ops.attention import masked_softmax, read_memory
from keras_rnn.ops.recurrence import scan
from keras_rnn.ops.state_product import state_product


class Attention(keras.layers.Layer):
    """Abstract: reads from a memory m[1] .. m[S] what a query asks for.

        e[i] = score(query, m[i])
        a    = softmax(e) over the positions that the mask leaves            the attention weights
        c    = sum_i a[i] m[i]                                               the context

    What does not depend on the query is computed once for a memory, in `get_constants`; `attend` is then a
    pure function, for one query of each row or for many. A row whose mask leaves no position has weights and
    context 0.

    With `coverage`, queries that follow one another see how much each position has been read before:

        e[t, i] = score(query[t], m[i]; sum_{s < t} a[s, i])

    A subclass gives `build`, `get_constants` and `score`.

    Args:
        coverage: whether scores see the sum of the weights before. Default `False`.
        dropout: share of the weights that is set to 0 while training, in [0, 1). One mask for all queries.
        seed: integer, makes the dropout reproducible.

    Call arguments:
        query: `(batch, time, features)`, or `(batch, features)` for one.
        memory: `(batch, source, d)`.
        memory_mask: `(batch, source)`, true where there is something to read. Default: everywhere.
        training: whether weights are dropped.
        return_weights: return the weights, too.

    Returns:
        The context, `(batch, time, d)` or `(batch, d)`; with `return_weights` a tuple of it and the weights,
        `(batch, time, source)` or `(batch, source)`.

    Raises:
        ValueError: if query, memory or mask have another number of axes, or not the same rows.
    """

    #: Names of the constants that `state_product` multiplies.
    recurrent_constants: tuple[str, ...] = ("values_rows",)

    def __init__(
        self, coverage: bool = False, dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        # autocast would round queries that come from a state in float32; what is multiplied is cast.
        super().__init__(autocast=False, **kwargs)
        check_rate("dropout", dropout)
        self.coverage = coverage
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    @property
    def score_dtype(self) -> str:
        """Dtype of scores and weights: the compute dtype, but at least float32."""
        return "float32" if self.compute_dtype in ("float16", "bfloat16") else self.compute_dtype

    def get_constants(self, memory: Any, memory_mask: Any = None, training: bool = False) -> Constants:
        """What all queries of a memory share: the memory, its projection, masks, and the weights."""
        if len(memory.shape) != 3:
            raise ValueError(
                f"The `memory` of `{self.name}` must have shape (batch, source, d); received shape "
                f"{tuple(memory.shape)}."
            )
        values = ops.cast(memory, self.compute_dtype)
        constants = {"values_rows": values}
        if memory_mask is not None:
            constants["memory_mask"] = checked_mask(memory_mask, values, "memory_mask")
        if training and self.dropout:
            rows = (ops.shape(values)[0], ops.shape(values)[1])
            constants["dropout_mask"] = dropout_mask(
                rows, self.dropout, self.seed_generator, self.score_dtype
            )
        return constants

    @abstractmethod
    def score(self, query: Any, constants: Constants, coverage: Any = None) -> Any:
        """e, `(batch, source)` or `(batch, time, source)`, in `score_dtype`."""

    def attend(self, query: Any, constants: Constants, coverage: Any = None) -> tuple[Any, Any]:
        """Context and weights of one query of each row, or of many; a pure function.

        Args:
            query: `(batch, features)` or `(batch, time, features)`.
            constants: from `get_constants`.
            coverage: `(batch, source)`, the sum of the weights before, if the attention has `coverage`.
        """

        def of_queries(mask: Any) -> Any:
            return mask if len(query.shape) == 2 else ops.expand_dims(mask, 1)

        mask = of_queries(constants["memory_mask"]) if "memory_mask" in constants else None
        a = masked_softmax(self.score(query, constants, coverage), mask)
        dropped = a * of_queries(constants["dropout_mask"]) if "dropout_mask" in constants else a
        c = read_memory(ops.cast(dropped, self.compute_dtype), constants["values_rows"])
        return ops.cast(c, self.score_dtype), a

    def attend_in_order(
        self, queries: Any, constants: Constants, seen: Any = None, mask: Any = None
    ) -> tuple[Any, Any]:
        """Contexts and weights of queries `(batch, time, features)` that follow one another.

        Args:
            queries, constants: as for `attend`.
            seen: the coverage before the first of them. Default: 0.
            mask: booleans `(time, batch, 1)`, true where the weights of a query count. Default: everywhere.
        """
        if not self.coverage:
            return self.attend(queries, constants)

        def step(seen: Any, inputs: Any) -> tuple[Any, Any]:
            query, *counts = inputs
            c, a = self.attend(query, constants, seen)
            return ops.where(counts[0], seen + a, seen) if counts else seen + a, (c, a)

        seen = self.no_coverage(constants) if seen is None else seen
        queries = ops.swapaxes(queries, 0, 1)
        _, (c, a) = scan(step, seen, [queries] if mask is None else [queries, mask])
        return ops.swapaxes(c, 0, 1), ops.swapaxes(a, 0, 1)

    def no_coverage(self, constants: Constants) -> Any:
        """Zeros `(batch, source)`."""
        return ops.zeros_like(constants["values_rows"][:, :, 0], self.score_dtype)

    def call(
        self,
        query: Any,
        memory: Any,
        memory_mask: Any = None,
        training: bool = False,
        return_weights: bool = False,
    ) -> Any:
        if len(query.shape) not in (2, 3):
            raise ValueError(
                f"The `query` of `{self.name}` must have shape (batch, features) or (batch, time, features); "
                f"received shape {tuple(query.shape)}."
            )
        constants = self.get_constants(memory, memory_mask, training)
        check_rows(memory, query, "query")
        one = len(query.shape) == 2
        c, a = self.attend_in_order(ops.expand_dims(query, 1) if one else query, constants)
        c, a = (ops.squeeze(x, 1) if one else x for x in (c, a))
        c = ops.cast(c, self.compute_dtype)
        return (c, a) if return_weights else c

    def _product(self, x: Any, matrix: Any) -> Any:
        """The product in the compute dtype, returned in `score_dtype`."""
        return ops.cast(state_product(ops.cast(x, self.compute_dtype), matrix), self.score_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return previous_mask  # that of the queries

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "coverage": self.coverage,
            "dropout": self.dropout,
            "seed": self.seed,
        }


def check_rows(memory: Any, beside: Any, what: str) -> None:
    """Raises ValueError if the memory has not as many rows as what stands beside it."""
    if None not in (memory.shape[0], beside.shape[0]) and memory.shape[0] != beside.shape[0]:
        raise ValueError(
            f"`memory` must have as many rows as the {what}, {beside.shape[0]}; received {memory.shape[0]}."
        )
