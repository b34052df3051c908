"""A language model that knows a fixed number of tokens, and no more."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import States
from keras_rnn.layers.checked import checked_size
from keras_rnn.models.generative_model import GenerativeModel

#: Stands before the beginning of a text.
NOTHING = -1


class ContextModel(GenerativeModel):
    """Abstract: the distribution of the next token, given the n - 1 before it.

        e[t] = E[x[t]]                                          0 before the beginning of the text
        p(x[t+1] | x[1] .. x[t]) = p(x[t+1] | e[t], e[t-1], .., e[t-n+2])

    All positions of a batch are computed at once, from n - 1 shifted copies of e, which is a causal
    convolution. The state is the n - 2 ids before the batch: ids and not vectors, so that nothing is
    truncated, and the gradient the same however the text is cut.

    A subclass gives `softmax`, a layer, `build`, and `features`.

    Args:
        vocabulary_size: V, number of ids.
        order: n, at least 2.
        embedding: dimension of E.
    """

    def __init__(self, vocabulary_size: int, order: int, embedding: int, **kwargs: Any) -> None:
        super().__init__(vocabulary_size, sum_over_steps=False, **kwargs)
        self.order = checked_size("order", order)
        if order < 2:
            raise ValueError(f"`order` must be at least 2, for one token of context; received order={order}.")
        self.embedding = keras.layers.Embedding(
            vocabulary_size, checked_size("embedding", embedding), dtype=self.dtype_policy
        )

    @abstractmethod
    def features(self, e: list[Any]) -> Any:
        """What the softmax reads, from e[t], e[t-1], .., e[t-n+2], each `(batch, time, dimension)`."""

    def initial_states(self, batch_size: Any) -> States:
        return [ops.full((batch_size, self.order - 2), NOTHING, "int32")]

    def run(self, tokens: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """The features that the softmax reads, from ids and given states; nothing is carried.

        Args:
            tokens: ids `(batch, time)`.
            states: as `initial_states` or this method returns them.
            training: of no effect: there is no dropout.

        Returns:
            Features `(batch, time, units)`, and the states after the last step.
        """
        time = ops.shape(tokens)[1]
        ids = ops.concatenate([states[0], ops.cast(tokens, "int32")], axis=1)
        e = self.embedding(ops.maximum(ids, 0))
        e = e * ops.cast(ops.expand_dims(ids != NOTHING, -1), e.dtype)
        shifted = [e[:, k : k + time] for k in reversed(range(self.order - 1))]
        return self.features(shifted), [ids[:, time:]]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "order": self.order,
            "embedding": self.embedding.output_dim,
        }
