"""A sequence read by one network and written by another: the core, on ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

from keras_rnn.layers.attention_rnn import AttentionRNN
from keras_rnn.layers.bidirectional import Bidirectional
from keras_rnn.layers.bridge import Bridge
from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.checked import check_rate, checked_size
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.metrics import Perplexity
from keras_rnn.models.scheduled_sampling import mixed_inputs
from keras_rnn.models.translation_model import TranslationModel
from keras_rnn.ops.beam_search import beam_search
from keras_rnn.ops.decoding import greedy
from keras_rnn.ops.decoding_step import Hypotheses
from keras_rnn.text import PADDING


@keras.saving.register_keras_serializable("keras_rnn")
class SequenceToSequence(TranslationModel):
    """Reads one sequence of ids and writes another, with or without attention.

        m[1] .. m[S], e = encoder(drop(E_x[x]))                 e: the last states of all its layers
        s[0]            = bridge(e)
        o[t], s[t]      = decoder(drop(E_y[y[t-1]]), s[t-1]; m)
        p(y[t] | y[<t], x) = softmax(drop(o[t]) W^T + b)

    y[0] is the id `start`, and the last y is `end`. The decoder is a `keras_rnn.layers.AttentionRNN`, or, to
    see what attention is worth, a `keras_rnn.layers.Recurrent`, which knows x by s[0] alone. While training
    the true y[t-1] is read (teacher forcing), and the loop runs once for a batch. The loss is the mean over
    the tokens of y. Padding is id 0, on the right, and counts nowhere.

    Weights, in this order: the share of `scheduled_sampling`, if any; E_x `(V_x, embedding)`; those of the
    encoder's layers, the bridge, E_y `(V_y, embedding)` unless it is E_x, the decoder, the softmax.

    Args:
        source_vocabulary_size, target_vocabulary_size: V_x, V_y.
        encoder: `keras_rnn.layers.Recurrent` and `Bidirectional` layers, lowest first.
        decoder: an `AttentionRNN` or a `Recurrent`.
        embedding: size of the vectors of both.
        share_embeddings: whether E_y is E_x, for a vocabulary that both have. Default `False`.
        tie_embeddings: whether W is E_y. Default `False`.
        embedding_dropout: share of the embeddings' features that is dropped.
        hidden_dropout: of what stands between the layers of the encoder, and of the memory.
        output_dropout: of o.
        label_smoothing: see `keras_rnn.layers.FullSoftmax`.
        scheduled_sampling: share of the y[t-1] that, while training, are drawn from the model itself: see
            `keras_rnn.models.scheduled_sampling.mixed_inputs`, for which the decoder runs once more. Above 0
            it becomes a weight of that name, which a callback may assign to: it usually rises. Default 0.0.
        start, end: the ids that begin and end a target.
        seed: integer, makes the dropout reproducible.
        source_tokenizer, target_tokenizer, decoding: see `keras_rnn.models.TranslationModel`, which has
            `fit` and `translate`.

    Call arguments:
        inputs: a dict of `source` `(batch, source)` and `target` `(batch, time)`, which begins with `start`.
        training: whether dropout is on.

    Returns:
        A dict of `total`, the sum of the losses of the ids after the first of each target; `nll`
        `(batch, time - 1)`, their negative log likelihoods; `weights`, 1 where an id counts, else 0; and,
        unless training, `correct`, whether an id is the most probable one.

    Raises:
        TypeError: if a layer is something else.
        ValueError: if a rate is outside [0, 1), if vocabularies are shared and differ, or embeddings are tied
            and the decoder's output has another size.

    Sources: I. Sutskever, O. Vinyals, Q. V. Le, "Sequence to Sequence Learning with Neural Networks", NIPS
    2014; D. Bahdanau, K. Cho, Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and
    Translate", ICLR 2015.

    Example:

    >>> decoder = AttentionRNN(LSTMCell(6), BahdanauAttention(6), order="before")
    >>> model = SequenceToSequence(20, 30, [Bidirectional(GRU(4))], decoder, embedding=5)
    >>> outputs = model({"source": np.array([[5, 6, 7]]), "target": np.array([[2, 9, 8, 3]])})
    >>> outputs["nll"].shape, model.decode(np.array([[5, 6, 7]]), max_length=4).ids.shape
    (TensorShape([1, 3]), TensorShape([1, 1, 4]))
    """

    def __init__(
        self,
        source_vocabulary_size: int,
        target_vocabulary_size: int,
        encoder: Sequence[Any],
        decoder: Any,
        embedding: int = 256,
        share_embeddings: bool = False,
        tie_embeddings: bool = False,
        embedding_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        output_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        scheduled_sampling: float = 0.0,
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
            "embedding": checked_size("embedding", embedding),
            "share_embeddings": share_embeddings,
            "tie_embeddings": tie_embeddings,
            "embedding_dropout": embedding_dropout,
            "hidden_dropout": hidden_dropout,
            "output_dropout": output_dropout,
            "label_smoothing": label_smoothing,
            "scheduled_sampling": scheduled_sampling,
            "start": start,
            "end": end,
            "seed": seed,
        }
        for name in ("embedding_dropout", "hidden_dropout", "output_dropout", "scheduled_sampling"):
            check_rate(name, self._config[name])
        if share_embeddings and source_vocabulary_size != target_vocabulary_size:
            raise ValueError(
                "`share_embeddings` needs one vocabulary of both languages; received "
                f"{source_vocabulary_size} and {target_vocabulary_size} types."
            )
        own = {"dtype": self.dtype_policy}
        self.encoder = [_returning_all(layer, "encoder") for layer in encoder]
        self.decoder = _returning_all(decoder, "decoder")
        backwards = isinstance(self.decoder, Bidirectional) or self.decoder.go_backwards
        if not self.encoder or backwards or not isinstance(self.decoder.cell, RecurrentCell):
            raise TypeError(
                "`encoder` must hold at least one layer, and `decoder` read forwards, with a cell of "
                f"keras_rnn.layers; received encoder={list(encoder)}, decoder={decoder!r}."
            )
        self.attends = isinstance(self.decoder, AttentionRNN)
        self.source_embedding = keras.layers.Embedding(source_vocabulary_size, embedding, **own)
        self.target_embedding = self.source_embedding
        if not share_embeddings:
            self.target_embedding = keras.layers.Embedding(target_vocabulary_size, embedding, **own)
        cell = self.decoder.cell.cell if self.attends else self.decoder.cell
        self.bridge = Bridge(cell.state_size, **own)
        self.softmax = FullSoftmax(
            target_vocabulary_size, tied=tie_embeddings, label_smoothing=label_smoothing, **own
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.likelihood = Perplexity(name="likelihood")
        self.accuracy = keras.metrics.Mean(name="accuracy")

    def build(self, input_shape: Any = None) -> None:
        embedding = self._config["embedding"]
        for table in dict.fromkeys((self.source_embedding, self.target_embedding)):
            _build(table, (None, None))
        shape: Any = (None, None, embedding)
        sizes: list[int] = []
        for layer in self.encoder:
            _build(layer, shape)
            shape, *states = layer.compute_output_shape(shape)
            sizes += [state[-1] for state in states]
        _build(self.bridge, [(None, size) for size in sizes])
        if self.attends:
            if not self.decoder.built:
                self.decoder.build((None, None, embedding), shape)
                self.decoder.built = True
        else:
            _build(self.decoder, (None, None, embedding))
        units = self.decoder.output_size
        if self._config["tie_embeddings"] and units != embedding:
            raise ValueError(
                f"The output of `decoder` must have as many units as the embedding with tie_embeddings=True, "
                f"{embedding}; received {units}. Change one of them, or `attentional_units`."
            )
        _build(self.softmax, (None, None, units))
        if self._config["scheduled_sampling"]:
            self.scheduled_sampling = self.add_weight(
                (),
                keras.initializers.Constant(self._config["scheduled_sampling"]),
                trainable=False,
                name="scheduled_sampling",
            )
        self.built = True

    # ------------------------------------------------------------------------ the parts, pure functions

    def encode(self, source: Any, training: bool = False) -> tuple[Any, Any, States]:
        """Memory `(batch, source, d)`, its mask `(batch, source)`, and the first states of the decoder."""
        mask = ops.not_equal(source, PADDING)
        x = self._drop(self.source_embedding(source), "embedding_dropout", training)
        last: States = []
        for layer in self.encoder:
            x, *states = layer(x, mask=mask, training=training)
            x = self._drop(x, "hidden_dropout", training)
            last += states
        return x, mask, self.bridge(last)

    def decoder_constants(self, memory: Any, memory_mask: Any, training: bool = False) -> Constants:
        """What all steps of the decoder share: it may be repeated for the hypotheses of a beam."""
        if self.attends:
            return self.decoder.get_constants(memory, memory_mask, training)
        return self.decoder.cell.get_constants(ops.shape(memory)[0], training)

    def step(self, y: Any, states: States, constants: Constants) -> Any:
        """`(log_p, states)`, or with attention `(log_p, states, weights)`, after the ids y `(batch,)`."""
        x = self.target_embedding(y)
        weights: list[Any] = []
        if self.attends:
            o, a, states = self.decoder.step(x, states, constants)
            weights = [a]
        else:
            cell = self.decoder.cell
            o, states = cell.step(cell.project_inputs(x, constants), states, constants)
        log_p = self.softmax(o, **self._matrix)
        return (log_p, states, *weights)

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
        memory, mask, states = self.encode(source)
        constants = self.decoder_constants(memory, mask)
        if max_length is None:
            max_length = 2 * ops.sum(ops.cast(mask, "int32"), axis=1) + 10
        ids = {"start": self._config["start"], "end": self._config["end"], "max_length": max_length}
        if self.attends:
            states = self.decoder.first_states(states, constants)
            settings = {"source_mask": mask, **settings}
        of_beams = settings.keys() & {"n_best", "coverage_penalty"}
        if isinstance(beam_size, int) and beam_size == 1 and not of_beams:
            return greedy(lambda y, s: self.step(y, s, constants), states, **ids, **settings)
        leaves = tree.flatten_with_path(constants)
        of_rows = [str(path[-1]).endswith(("mask", "rows")) for path, _ in leaves]

        def step(y: Any, states: States, rows: list[Any]) -> Any:
            left = iter(rows)
            own = [next(left) if of_row else leaf for of_row, (_, leaf) in zip(of_rows, leaves)]
            return self.step(y, states, tree.pack_sequence_as(constants, own))

        return beam_search(
            step,
            states,
            **ids,
            beam_size=beam_size,
            length_penalty=length_penalty,
            shrinking=shrinking,
            constants=[leaf for of_row, (_, leaf) in zip(of_rows, leaves) if of_row],
            **settings,
        )

    # ------------------------------------------------------------------------ training

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        target = inputs["target"]
        memory, mask, states = self.encode(inputs["source"], training)
        arguments: dict[str, Any] = {"memory": memory, "memory_mask": mask} if self.attends else {}

        def outputs_after(ids: Any, training: bool) -> Any:
            x = self._drop(self.target_embedding(ids), "embedding_dropout", training)
            o, *_ = self.decoder(x, initial_state=states, training=training, **arguments)
            return self._drop(o, "output_dropout", training)

        read = target[:, :-1]
        if training and self._config["scheduled_sampling"]:
            log_p = ops.stop_gradient(self.softmax(outputs_after(read, training=False), **self._matrix))
            read = mixed_inputs(target, log_p, self.scheduled_sampling, self.seed_generator)
        o = outputs_after(read, training)
        y = target[:, 1:]
        weights = ops.cast(ops.not_equal(y, PADDING), self.softmax.output_dtype)
        total, nll = self.softmax(o, targets=y, sample_weight=weights, training=training, **self._matrix)
        outputs = {"total": total, "nll": nll, "weights": weights}
        if not training:
            best = ops.argmax(self.softmax(o, **self._matrix), axis=-1)
            outputs["correct"] = ops.cast(ops.equal(best, ops.cast(y, best.dtype)), weights.dtype)
        return outputs

    @property
    def _matrix(self) -> dict[str, Any]:
        return {"embeddings": self.target_embedding.embeddings} if self._config["tie_embeddings"] else {}

    def _drop(self, x: Any, rate: str, training: bool) -> Any:
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
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **self._config,
            "encoder": [serialize(layer) for layer in self.encoder],
            "decoder": serialize(self.decoder),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> SequenceToSequence:
        def made(value: Any) -> Any:
            return keras.saving.deserialize_keras_object(value, custom_objects)

        names = ("decoder", "source_tokenizer", "target_tokenizer")
        parts = {name: made(config[name]) for name in names if name in config}
        return cls(**{**config, **parts, "encoder": [made(layer) for layer in config["encoder"]]})


def _named(batch: Any) -> dict[str, Any]:
    return dict(zip(("source", "target"), batch))


def _build(layer: Any, shape: Any) -> None:
    if not layer.built:  # from a file the parts are built before the whole
        layer.build(shape)
        layer.built = True


def _returning_all(layer: Any, what: str) -> Any:
    """The layer, set to return every output and its states."""
    parts = (
        [layer.forward_layer, layer.backward_layer, layer] if isinstance(layer, Bidirectional) else [layer]
    )
    for part in parts:
        if not isinstance(part, (Recurrent, Bidirectional)):
            raise TypeError(
                f"`{what}` must be of keras_rnn.layers.Recurrent, such as GRU(256); received {part!r}. "
                "A cell is given as Recurrent(cell)."
            )
        part.return_sequences = part.return_state = True
    return layer
