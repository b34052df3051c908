"""A model of polyphonic music: which keys sound next, given all that sounded before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.layers.cell import States
from keras_rnn.layers.checked import check_rate, checked_size
from keras_rnn.layers.heads import BernoulliHead
from keras_rnn.models.checked_layers import checked_layers
from keras_rnn.models.compiled import compiled
from keras_rnn.models.inputs import is_dataset
from keras_rnn.models.piano_roll_batches import PianoRollBatches
from keras_rnn.models.piano_roll_generation import continued


@keras.saving.register_keras_serializable("keras_rnn")
class PianoRollModel(keras.Model):
    """A stack of recurrent layers over frames of keys, and a Bernoulli distribution for each key.

        h[t]             = layers(drop(x[1]) .. drop(x[t-1]))           x[0] = 0
        p(x[t] | x[<t])  = product over keys k of Bernoulli(x[t, k]; q[t, k])
        q[t]             = sigmoid(drop(h[t]) W + b)
        loss             = - sum over t of log p(x[t] | x[<t]) / number of steps

    The keys of one step are independent given the steps before: chords are learned in time, not within
    a step. The first step of a piece is predicted, too, and counts as any other.

    Weights: those of the layers, lowest first; W `(units, keys)`, b `(keys,)`.

    Args:
        layers: the recurrent layers, lowest first, each a `keras_rnn.layers.Recurrent`, such as `GRU`.
        keys: how many there are. Default 88.
        input_dropout: share of the keys of x that training drops.
        hidden_dropout: share of the features between two layers.
        output_dropout: share of the features of h.
        seed: integer, makes the dropout reproducible.

    Call arguments:
        inputs: 0 or 1, `(batch, time, keys)`; or a dict of these as `rolls`, and `weights` `(batch, time)` of
            the steps.
        training: whether dropout is on.

    Returns:
        q, `(batch, time, keys)`: of each step the probabilities given the steps before it alone; or a dict of
        `nll` `(batch, time)`, the negative log likelihoods of the steps, and `weights`.

    Raises:
        TypeError, ValueError: if one of `layers` is no such layer, or a rate is outside [0, 1).

    Source: N. Boulanger-Lewandowski, Y. Bengio, P. Vincent, "Modeling Temporal Dependencies in
    High-Dimensional Sequences", ICML 2012; J. Chung and others, "Empirical Evaluation of Gated Recurrent
    Neural Networks on Sequence Modeling", 2014.

    Example:

    >>> model = PianoRollModel([GRU(4)], keys=5)
    >>> model(np.zeros((2, 3, 5))).shape, model.generate(6, seed=1).shape
    (TensorShape([2, 3, 5]), (6, 5))
    """

    def __init__(
        self,
        layers: Sequence[Any],
        keys: int = 88,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        output_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._config: dict[str, Any] = {
            "keys": checked_size("keys", keys),
            "input_dropout": input_dropout,
            "hidden_dropout": hidden_dropout,
            "output_dropout": output_dropout,
            "seed": seed,
        }
        for name in ("input_dropout", "hidden_dropout", "output_dropout"):
            check_rate(name, self._config[name])
        self.recurrent_layers = checked_layers(layers)
        self.head = BernoulliHead(keys, dtype=self.dtype_policy)
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.likelihood = keras.metrics.Mean(name="nll")

    def build(self, input_shape: Any = None) -> None:
        shape: Any = (None, None, self._config["keys"])
        layers: list[Any] = [*self.recurrent_layers, self.head]
        for layer in layers:
            if not layer.built:
                layer.build(shape)
            layer.built = True
            shape = (None, None, getattr(layer, "output_size", None))
        self.built = True

    def initial_states(self, batch_size: Any) -> States:
        """The states before the first step."""
        return [state for layer in self.recurrent_layers for state in layer.get_initial_state(batch_size)]

    def run(self, before: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """The scores, q = sigmoid(scores), of the steps after `before`, and the last states.

        Args:
            before: 0 or 1, `(batch, time, keys)`.
            states: as `initial_states` or this method returns them.
            training: whether dropout is on.
        """
        x = self._drop(before, "input_dropout", training)
        new_states: States = []
        for k, layer in enumerate(self.recurrent_layers):
            x = self._drop(x, "hidden_dropout", training) if k else x
            start = len(new_states)
            x, *last = layer(
                x, initial_state=states[start : start + len(layer.state_size)], training=training
            )
            new_states += last
        return self.head.scores(self._drop(x, "output_dropout", training)), new_states

    def call(self, inputs: Any, training: bool = False) -> Any:
        rolls = inputs["rolls"] if isinstance(inputs, dict) else inputs
        x = ops.cast(rolls, self.compute_dtype)
        before = ops.concatenate([ops.zeros_like(x[:, :1]), x[:, :-1]], axis=1)
        scores, _ = self.run(before, self.initial_states(ops.shape(x)[0]), training)
        if not isinstance(inputs, dict):
            return ops.sigmoid(scores)
        # - log sigmoid(s) and - log (1 - sigmoid(s)), without a logarithm of 0
        nll = ops.sum(ops.softplus(scores) - ops.cast(rolls, scores.dtype) * scores, axis=-1)
        return {"nll": nll, "weights": inputs["weights"]}

    # ------------------------------------------------------------------------ training

    def fit(
        self,
        x: Sequence[np.ndarray],
        batch_size: int = 16,
        *,
        length: int | None = None,
        validation_data: Sequence[np.ndarray] | None = None,
        seed: int = 0,
        epochs: int = 1,
        initial_epoch: int = 0,
        **kwargs: Any,
    ) -> Any:
        """Trains on piano rolls. As `keras.Model.fit` otherwise.

        Args:
            x: one array `(time, keys)` for each piece, as `keras_rnn.datasets.polymusic.load` gives them.
            batch_size: pieces in a batch.
            length: the most steps of a piece that are read in an epoch, from a place drawn in each.
            validation_data: as `x`; read whole.
            seed: decides the batches of each epoch, together with the number of the epoch.
        """
        own = {"shuffle": True, "seed": seed, "first_epoch": initial_epoch}
        if validation_data is not None:
            validation_data = self._batches(validation_data, batch_size)
        return super().fit(
            self._batches(x, batch_size, length, **own),
            validation_data=validation_data,
            epochs=epochs,
            initial_epoch=initial_epoch,
            **{"shuffle": False, **kwargs},
        )

    def evaluate(self, x: Sequence[np.ndarray], batch_size: int = 16, **kwargs: Any) -> Any:
        """The negative log likelihood of piano rolls, in nats for a step."""
        return super().evaluate(self._batches(x, batch_size), **kwargs)

    def _batches(self, rolls: Any, batch_size: int, *length: Any, **options: Any) -> Any:
        if not self.built:
            self.build()
        if is_dataset(rolls):  # `fit` validates by `evaluate`
            return rolls
        return PianoRollBatches(rolls, self._config["keys"], batch_size, *length, **options).for_keras()

    # JAX hands a step its state before the batch, TensorFlow the batch alone.

    def train_step(self, *state_and_batch: Any) -> Any:
        *state, batch = state_and_batch
        return super().train_step(*state, _named(batch))

    def test_step(self, *state_and_batch: Any) -> Any:
        *state, batch = state_and_batch
        return super().test_step(*state, _named(batch))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        nll, weights = y_pred["nll"], y_pred["weights"]
        return ops.sum(nll * weights) / ops.sum(weights) + sum(self.losses)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        # Keras takes the mean over all axes but the first, and counts rows.
        self.likelihood.update_state(ops.ravel(y_pred["nll"]), ops.ravel(y_pred["weights"]))
        return {"loss": self.likelihood.result()}

    # ------------------------------------------------------------------------ music

    def generate(self, steps: int, prompt: Any = None, seed: int = 0, temperature: float = 1.0) -> np.ndarray:
        """A piece, drawn from the model step by step in one compiled loop.

        Args:
            steps: how many, after the prompt.
            prompt: `(time, keys)`, what goes before. Default: nothing.
            seed: the same seed gives the same piece.
            temperature: divides the scores; 0 takes what is more probable than not.

        Returns:
            `(steps, keys)`, 0 or 1, uint8.
        """
        if steps < 1 or not 0 <= temperature < float("inf"):
            raise ValueError(
                "`steps` must be a positive integer and `temperature` a finite number from 0; "
                f"received steps={steps}, temperature={temperature}."
            )
        if not self.built:
            self.build()
        before = np.zeros((1, 1, self._config["keys"]), np.float32)
        if prompt is not None:
            before = np.concatenate([before, np.asarray(prompt, np.float32)[None]], axis=1)
        u = np.random.default_rng(seed).random((steps, 1, before.shape[2]), np.float32)
        drawn = self._continued(before, u, np.float32(temperature))
        return ops.convert_to_numpy(drawn)[:, 0].astype(np.uint8)

    @cached_property
    def _continued(self) -> Any:
        return compiled(self, partial(continued, self))

    def _drop(self, x: Any, rate: str, training: bool) -> Any:
        if not training or not self._config[rate]:
            return x
        return keras.random.dropout(x, self._config[rate], seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        layers = [serialize(layer) for layer in self.recurrent_layers]
        return {**super().get_config(), **self._config, "layers": layers}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> PianoRollModel:
        made = [keras.saving.deserialize_keras_object(own, custom_objects) for own in config["layers"]]
        return cls(**{**config, "layers": made})


def _named(batch: Any) -> dict[str, Any]:
    return dict(zip(("rolls", "weights"), batch))
