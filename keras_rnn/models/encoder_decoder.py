"""A network that reads ids and one that writes others: what is the same whatever stands in between."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import check_rate, checked_size
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.metrics import Perplexity
from keras_rnn.models.constants_search import search_with_constants
from keras_rnn.models.translation_model import TranslationModel
from keras_rnn.ops.decoding import greedy
from keras_rnn.ops.decoding_step import Hypotheses, limits
from keras_rnn.text import PADDING


class EncoderDecoder(TranslationModel):
    """Abstract: the core of a translator, on ids.

        o[1] .. o[T]       = decoder(E_y[y[0]] .. E_y[y[T-1]]; encoder(E_x[x]))        y[0] = `start`
        p(y[t] | y[<t], x) = softmax(o[t] W^T + b)                                     y[T] = `end`

    While training the true y[t-1] is read (teacher forcing). The loss is the mean over the tokens of y.
    Padding is id 0, on the right, and counts nowhere.

    A subclass gives `decoder_outputs` for all steps, and `begin` and `step` for one after the other. It calls
    `make_embeddings` and `make_softmax`, and builds what they make.

    Args:
        source_vocabulary_size, target_vocabulary_size: V_x, V_y.
        share_embeddings: whether E_y is E_x, for a vocabulary that both have. Default `False`.
        tie_embeddings: whether W is E_y. Default `False`.
        label_smoothing: see `keras_rnn.layers.FullSoftmax`.
        start, end: the ids that begin and end a target.
        seed: integer, makes the dropout reproducible.
        config: the arguments of the subclass. Those named `.._dropout` are shares.
        source_tokenizer, target_tokenizer, decoding: see `keras_rnn.models.TranslationModel`.

    Call arguments:
        inputs: a dict of `source` `(batch, source)` and `target` `(batch, time)`, which begins with `start`.
        training: whether dropout is on.

    Returns:
        A dict of `total`, the sum of the losses of the ids after the first of each target; `nll`
        `(batch, time - 1)`, their negative log likelihoods; `weights`, 1 where an id counts, else 0; and,
        unless training, `correct`, whether an id is the most probable one.

    Raises:
        ValueError: if a share is outside [0, 1), or vocabularies are shared and differ.
    """

    source_embedding: Any
    target_embedding: Any
    softmax: Any
    #: Whether the decoder tells what it reads of the source: `step` then returns weights.
    attends: bool

    def __init__(
        self,
        source_vocabulary_size: int,
        target_vocabulary_size: int,
        config: dict[str, Any],
        share_embeddings: bool = False,
        tie_embeddings: bool = False,
        label_smoothing: float = 0.0,
        start: int = 2,
        end: int = 3,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # autocast would round the weights of the tokens.
        super().__init__(autocast=False, **kwargs)
        self._config: dict[str, Any] = {
            "source_vocabulary_size": checked_size("source_vocabulary_size", source_vocabulary_size),
            "target_vocabulary_size": checked_size("target_vocabulary_size", target_vocabulary_size),
            **config,
            "share_embeddings": share_embeddings,
            "tie_embeddings": tie_embeddings,
            "label_smoothing": label_smoothing,
            "start": start,
            "end": end,
            "seed": seed,
        }
        for name in config:
            if name.endswith("dropout"):
                check_rate(name, config[name])
        if share_embeddings and source_vocabulary_size != target_vocabulary_size:
            raise ValueError(
                "`share_embeddings` needs one vocabulary of both languages; received "
                f"{source_vocabulary_size} and {target_vocabulary_size} types."
            )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.likelihood = Perplexity(name="likelihood")
        self.accuracy = keras.metrics.Mean(name="accuracy")

    # ------------------------------------------------------------------------ both ends

    def make_embeddings(
        self, size: int, initializer: Callable[[], Any] = keras.initializers.RandomUniform
    ) -> None:
        """E_x `(V_x, size)`, and E_y `(V_y, size)` unless it is E_x."""

        def made(vocabulary_size: int) -> Any:
            return keras.layers.Embedding(vocabulary_size, size, initializer(), dtype=self.dtype_policy)

        self.source_embedding = made(self._config["source_vocabulary_size"])
        self.target_embedding = self.source_embedding
        if not self._config["share_embeddings"]:
            self.target_embedding = made(self._config["target_vocabulary_size"])

    def make_softmax(self) -> None:
        """W, unless it is E_y, and b."""
        self.softmax = FullSoftmax(
            self._config["target_vocabulary_size"],
            tied=self._config["tie_embeddings"],
            label_smoothing=self._config["label_smoothing"],
            dtype=self.dtype_policy,
        )

    def build_embeddings(self) -> None:
        """Builds them."""
        for table in dict.fromkeys((self.source_embedding, self.target_embedding)):
            build_once(table, (None, None))

    @property
    def matrix(self) -> dict[str, Any]:
        """What a call of the softmax is given where it is tied."""
        return {"embeddings": self.target_embedding.embeddings} if self._config["tie_embeddings"] else {}

    # ------------------------------------------------------------------------ one step after the other

    @abstractmethod
    def begin(self, source: Any, limit: Any) -> tuple[States, Constants]:
        """The first states, and what all steps share, for source ids and at most `limit` steps.

        Constants whose names end with `rows` or `mask` have a line for each row of the source: they may be
        repeated for the hypotheses of a beam.
        """

    @abstractmethod
    def step(self, y: Any, states: States, constants: Constants) -> Any:
        """`(log_p, states)`, or with attention `(log_p, states, weights)`, after the ids y `(batch,)`."""

    def decode(
        self,
        source: Any,
        max_length: Any = None,
        beam_size: Any = 5,
        length_penalty: Any = 1.0,
        shrinking: bool = False,
        **settings: Any,
    ) -> Hypotheses:
        """The target ids of source ids, by beam search; with `beam_size=1` the most probable id each time.

        The latter needs none of what belongs to a beam, and is a beam search where it is given `n_best` or
        `coverage_penalty`.

        Args:
            source: ids `(batch, source)`, padded with 0 on the right.
            max_length: most ids of a hypothesis. Default: twice those of the source, and 10 more.
            beam_size, length_penalty, shrinking, **settings: see `keras_rnn.ops.beam_search`.
        """
        source = ops.convert_to_tensor(source)
        mask = ops.not_equal(source, PADDING)
        if max_length is None:
            max_length = 2 * ops.sum(ops.cast(mask, "int32"), axis=1) + 10
        states, constants = self.begin(source, limits(max_length)[1])
        ids = {"start": self._config["start"], "end": self._config["end"], "max_length": max_length}
        if self.attends:
            settings = {"source_mask": mask, **settings}
        of_beams = settings.keys() & {"n_best", "coverage_penalty"}
        if isinstance(beam_size, int) and beam_size == 1 and not of_beams:
            return greedy(lambda y, s: self.step(y, s, constants), states, **ids, **settings)
        settings |= {"beam_size": beam_size, "length_penalty": length_penalty, "shrinking": shrinking}
        return search_with_constants(self.step, states, constants, **ids, **settings)

    # ------------------------------------------------------------------------ training

    @abstractmethod
    def decoder_outputs(self, source: Any, target: Any, training: bool = False) -> Any:
        """o `(batch, time - 1, units)`, which the softmax reads, of the ids of both sides."""

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        o = self.decoder_outputs(inputs["source"], inputs["target"], training)
        y = inputs["target"][:, 1:]
        weights = ops.cast(ops.not_equal(y, PADDING), self.softmax.output_dtype)
        total, nll = self.softmax(o, targets=y, sample_weight=weights, training=training, **self.matrix)
        outputs = {"total": total, "nll": nll, "weights": weights}
        if not training:
            best = ops.argmax(self.softmax(o, **self.matrix), axis=-1)
            outputs["correct"] = ops.cast(ops.equal(best, ops.cast(y, best.dtype)), weights.dtype)
        return outputs

    def drop(self, x: Any, rate: str, training: bool) -> Any:
        """x, with the dropout of that name while training."""
        if not training or not self._config[rate]:
            return x
        return keras.random.dropout(x, self._config[rate], seed=self.seed_generator)

    # JAX hands a step its state before the batch, TensorFlow the batch alone.

    def train_step(self, *state_and_batch: Any) -> Any:
        *state, batch = state_and_batch
        return super().train_step(*state, _named(batch))

    def test_step(self, *state_and_batch: Any) -> Any:
        *state, batch = state_and_batch
        return super().test_step(*state, _named(batch))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
        return ops.divide_no_nan(y_pred["total"], ops.sum(y_pred["weights"])) + sum(self.losses)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        self.likelihood.update_state(y_pred["nll"], y_pred["weights"])
        results = self.likelihood.result()
        if "correct" in y_pred:
            weights = ops.ravel(y_pred["weights"])
            self.accuracy.update_state(ops.ravel(y_pred["correct"]), weights)
            results["accuracy"] = self.accuracy.result()
        return results

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> EncoderDecoder:
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects))


def build_once(layer: Any, *shapes: Any) -> None:
    """Builds a layer, unless it is: from a file the parts are built before the whole."""
    if not layer.built:
        layer.build(*shapes)
        layer.built = True


def _named(batch: Any) -> dict[str, Any]:
    return dict(zip(("source", "target"), batch))
