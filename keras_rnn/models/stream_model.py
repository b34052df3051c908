"""The shell around a language model's core: streams of ids into `fit`, `evaluate` and `perplexity`."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_rnn.callbacks import ResetStates, VariableSteps
from keras_rnn.datasets.token_stream import TokenStream
from keras_rnn.layers.cell import States
from keras_rnn.metrics import Perplexity, perplexity_of
from keras_rnn.models.carried_states import CarriedStates
from keras_rnn.models.compiled import compiled
from keras_rnn.models.inputs import is_dataset


class StreamModel(keras.Model):
    """Abstract: a language model that reads a long text in pieces and carries its states between them.

    A subclass gives `embedding`, from ids to vectors, `softmax`, such as `keras_rnn.layers.FullSoftmax`,
    `initial_states(batch)`, and `run(tokens, states)`, the pure function between the two.

    Called with ids it begins with fresh states and gives log probabilities. Called with
    `{"tokens", "targets"}` and perhaps `"weights"` it takes the states in `carried_states(rows)`, leaves the
    new ones there, and returns `{"total", "nll"}`: the weighted sum of the negative log likelihoods, which
    has a gradient, and each of them, which has none.

    The loss of a batch, to which the model's penalties are added:

        total / sum of the weights              the mean over its tokens
        total / rows                            with `sum_over_steps`

    The metrics `loss` and `perplexity` are the mean over all tokens since the epoch began, each counted once
    or by its weight, without penalties, and exp of it.

    Args:
        vocabulary_size: number of ids.
        sum_over_steps: which of the two losses is trained.
    """

    embedding: Any
    softmax: Any

    def __init__(self, vocabulary_size: int, sum_over_steps: bool, **kwargs: Any) -> None:
        # autocast would round the weights of the tokens.
        super().__init__(autocast=False, **kwargs)
        self.vocabulary_size = vocabulary_size
        self.sum_over_steps = sum_over_steps
        #: The three that `keras_rnn.callbacks.ResetStates` looks for: this, `states` and `reset_state()`.
        self.stateful = True
        self.likelihood = Perplexity()
        self._carried = CarriedStates(self.initial_states)

    @cached_property
    def _compiled_score(self) -> Any:
        return compiled(self, self.score)

    @abstractmethod
    def initial_states(self, batch_size: Any) -> States:
        """The states of fresh sequences, a flat list of `(batch_size, size)`."""

    @abstractmethod
    def run(self, tokens: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """The features `(batch, time, units)` that the softmax reads, and the states after the last step."""

    def log_likelihoods(self, h: Any, training: bool = False, **targets: Any) -> Any:
        """What the softmax makes of features: see `keras_rnn.layers.FullSoftmax`."""
        embeddings = {"embeddings": self.embedding.embeddings} if self.softmax.tied else {}
        return self.softmax(h, training=training, **targets, **embeddings)

    def score(self, tokens: Any, targets: Any, states: States) -> tuple[Any, States]:
        """The negative log likelihoods of `targets` `(batch, time)`, and the states after them."""
        h, states = self.run(tokens, states)
        _, nll = self.log_likelihoods(h, targets=targets)
        return nll, states

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not isinstance(inputs, dict):
            h, _ = self.run(inputs, self.initial_states(ops.shape(inputs)[0]), training)
            return self.log_likelihoods(h, training)
        carried = self.carried_states(inputs["tokens"].shape[0])
        states = [ops.convert_to_tensor(state) for state in carried]
        h, states = self.run(inputs["tokens"], states, training)
        for variable, state in zip(carried, states):
            variable.assign(state)
        total, nll = self.log_likelihoods(
            h, training, targets=inputs["targets"], sample_weight=inputs.get("weights")
        )
        return {"total": total, "nll": nll}

    def carried_states(self, rows: int) -> list[Any]:
        """The variables that hold the states between batches of so many rows."""
        return self._carried.of(rows)

    @property
    def states(self) -> list[Any]:
        return self._carried.variables

    def reset_state(self) -> None:
        """Sets the carried states to those of fresh sequences."""
        self._carried.reset()

    @property
    def variables(self) -> list[Any]:
        # JAX hands a step the values of these and takes new ones back; no weights, so no file has them.
        return [*super().variables, *self.states]

    def fit(self, x: Any = None, *, validation_data: Any = None, callbacks: Any = None, **kwargs: Any) -> Any:
        """Trains the model on streams, each epoch and each validation from fresh states.

        `keras_rnn.callbacks.ResetStates` is added to the callbacks, and `VariableSteps` for a stream with
        `variable_steps`, unless they are there.

        Args:
            x: a `keras_rnn.datasets.TokenStream`, or what its `for_keras()` gives; its batch size is known.
            validation_data: another one, of any batch size.
            callbacks: as in Keras. The other arguments, too.

        Raises:
            TypeError: if `x` or `validation_data` is something else.
            ValueError: if an id is not in the vocabulary.
        """
        needed: list[Any] = [ResetStates()]
        if isinstance(x, TokenStream) and x.variable_steps:
            needed.append(VariableSteps(x))
        if validation_data is not None:
            validation_data = self._batches("validation_data", validation_data)
        return super().fit(
            self._batches("x", x),
            validation_data=validation_data,
            callbacks=_with(needed, callbacks),
            **{"shuffle": False, **kwargs},
        )

    def evaluate(self, x: Any = None, *, callbacks: Any = None, **kwargs: Any) -> Any:
        """Loss and perplexity of a stream, read from fresh states; those of a training are left alone.

        Exact over all its tokens; with `keep_tail=True` these are all that the text has.
        """
        return super().evaluate(self._batches("x", x), callbacks=_with([ResetStates()], callbacks), **kwargs)

    def perplexity(self, ids: ArrayLike, batch_size: int = 1, steps: int = 100) -> dict[str, Any]:
        """The perplexity of a text, each id but the first predicted once.

        The text is cut into `batch_size` streams, each read from a fresh state on, which is carried from
        piece to piece. Of one stream the length of the pieces changes nothing.

        Args:
            ids: one row of ids.
            batch_size: number of streams; published numbers are those of one.
            steps: number of steps of a piece.

        Returns:
            `nll`, the mean negative log likelihood in nats, `perplexity`, exp of it, and `tokens`, how many
            were predicted.

        Raises:
            ValueError: if an id is not in the vocabulary, or there are fewer than two.
        """
        stream = TokenStream(ids, batch_size, steps, keep_tail=True)
        self.prepare(stream)
        total, states = 0.0, self.initial_states(batch_size)
        for tokens, targets, weights in (stream[k] for k in range(len(stream))):
            nll, states = self._compiled_score(tokens, targets, states)
            total += float(np.sum(ops.convert_to_numpy(nll) * weights, dtype=np.float64))
        return perplexity_of(total, stream.predicted)

    def prepare(self, stream: TokenStream) -> None:
        """Builds the model if it is not; ValueError if an id of the stream is not in the vocabulary."""
        self._check_ids(stream.ids)
        self._build(stream.batch_size)

    def _batches(self, name: str, x: Any) -> Any:
        """What Keras is to read, once it is checked and the model has the states for its rows."""
        if isinstance(x, TokenStream):
            self._check_ids(x.ids)
            rows, x = x.batch_size, x.for_keras()
        elif is_dataset(x):
            rows = keras.tree.flatten(x.element_spec)[0].shape[0]
        else:
            raise TypeError(
                f"`{name}` must be a keras_rnn.datasets.TokenStream; received {type(x).__name__}. "
                "Make one: TokenStream(ids, batch_size, steps)."
            )
        if rows is None:
            raise ValueError(
                f"`{name}` must have a known batch size, for the states are carried from batch to batch; "
                f"received {x.element_spec}. Use `.batch(batch_size, drop_remainder=True)`."
            )
        self._build(rows)
        self.carried_states(rows)
        return x

    def _build(self, rows: int) -> None:
        if not self.built:
            self.build((rows, None))

    def _check_ids(self, ids: np.ndarray) -> None:
        if ids.min() >= 0 and ids.max() < self.vocabulary_size:
            return
        place = int(np.argmax((ids < 0) | (ids >= self.vocabulary_size)))
        raise ValueError(
            f"Each id must be one of the vocabulary, from 0 to {self.vocabulary_size - 1}; received "
            f"{ids[place]} at place {place}. Encode the text with the vocabulary of the model."
        )

    # JAX hands a step its state before the batch, TensorFlow the batch alone.

    def train_step(self, *state_and_batch: Any) -> Any:
        *state, batch = state_and_batch
        return super().train_step(*state, _named(batch))

    def test_step(self, *state_and_batch: Any) -> Any:
        *state, batch = state_and_batch
        return super().test_step(*state, _named(batch))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        total, nll = y_pred["total"], y_pred["nll"]
        if self.sum_over_steps:
            divisor = ops.shape(nll)[0]
        else:
            weights = x.get("weights")
            divisor = ops.size(nll) if weights is None else ops.sum(weights)
        # A batch of padding alone teaches nothing.
        return ops.divide_no_nan(total, ops.cast(divisor, total.dtype)) + sum(self.losses)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        self.likelihood.update_state(y_pred["nll"], x.get("weights"))
        return self.get_metrics_result()


def _named(batch: Any) -> dict[str, Any]:
    return dict(zip(("tokens", "targets", "weights"), batch))


def _with(needed: list[Any], given: Any) -> Any:
    """`given` callbacks and those of the `needed` ones that are not among them."""
    if isinstance(given, keras.callbacks.CallbackList):
        return given  # `fit` hands its own to each validation
    given = [given] if isinstance(given, keras.callbacks.Callback) else list(given or ())
    return [*(c for c in needed if not any(isinstance(other, type(c)) for other in given)), *given]
