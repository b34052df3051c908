"""A sequence read by one network and written by another: the core, on ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_rnn.layers.attention_rnn import AttentionRNN
from keras_rnn.layers.bidirectional import Bidirectional
from keras_rnn.layers.bridge import Bridge
from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.layers.checked import check_any_states, check_rate, checked_size
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.models.encoder_decoder import EncoderDecoder, build_once
from keras_rnn.models.scheduled_sampling import mixed_inputs
from keras_rnn.text import PADDING


@keras.saving.register_keras_serializable("keras_rnn")
class SequenceToSequence(EncoderDecoder):
    """Reads one sequence of ids and writes another, with or without attention.

        m[1] .. m[S], e = encoder(drop(E_x[x]))                 e: the last states of all its layers
        s[0]            = bridge(e)
        o[t], s[t]      = decoder(drop(E_y[y[t-1]]), s[t-1]; m)
        p(y[t] | y[<t], x) = softmax(drop(o[t]) W^T + b)

    y[0] is the id `start`, and the last y is `end`. The decoder is a `keras_rnn.layers.AttentionRNN`, or, to
    see what attention is worth, a `keras_rnn.layers.Recurrent`, which knows x by s[0] alone. While training
    the true y[t-1] is read (teacher forcing), and the loop runs once for a batch. The loss is the mean over
    the tokens of y. Padding is id 0, on the right, and counts nowhere.

    Weights, in this order: the share of `scheduled_sampling`, if any; those of the encoder's layers, the
    decoder; E_x `(V_x, embedding)`, E_y `(V_y, embedding)` unless it is E_x; the bridge, the softmax.

    Args:
        source_vocabulary_size, target_vocabulary_size: V_x, V_y.
        encoder: `keras_rnn.layers.Recurrent` and `Bidirectional` layers, lowest first; with cells in
            `keras_rnn.layers.Residual` a residual stack.
        decoder: an `AttentionRNN` or a `Recurrent`.
        embedding: size of the vectors of both.
        embedding_dropout: share of the embeddings' features that is dropped.
        hidden_dropout: of what stands between the layers of the encoder, and of the memory.
        output_dropout: of o.
        scheduled_sampling: share of the y[t-1] that, while training, are drawn from the model itself: see
            `keras_rnn.models.scheduled_sampling.mixed_inputs`, for which the decoder runs once more. Above 0
            it becomes a weight of that name, which a callback may assign to: it usually rises. Default 0.0.
        share_embeddings, tie_embeddings, label_smoothing, start, end, seed: see
            `keras_rnn.models.EncoderDecoder`, which has the calls and `decode`.
        source_tokenizer, target_tokenizer, decoding: see `keras_rnn.models.TranslationModel`, which has
            `fit` and `translate`.

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
        *,
        embedding_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        output_dropout: float = 0.0,
        scheduled_sampling: float = 0.0,
        **kwargs: Any,
    ) -> None:
        check_rate("scheduled_sampling", scheduled_sampling)
        config = {
            "embedding": checked_size("embedding", embedding),
            "embedding_dropout": embedding_dropout,
            "hidden_dropout": hidden_dropout,
            "output_dropout": output_dropout,
            "scheduled_sampling": scheduled_sampling,
        }
        super().__init__(source_vocabulary_size, target_vocabulary_size, config, **kwargs)
        self.encoder = [_returning_all(layer, "encoder") for layer in encoder]
        self.decoder = _returning_all(decoder, "decoder")
        backwards = isinstance(self.decoder, Bidirectional) or self.decoder.go_backwards
        if not self.encoder or backwards or not isinstance(self.decoder.cell, RecurrentCell):
            raise TypeError(
                "`encoder` must hold at least one layer, and `decoder` read forwards, with a cell of "
                f"keras_rnn.layers; received encoder={list(encoder)}, decoder={decoder!r}."
            )
        self.attends = isinstance(self.decoder, AttentionRNN)
        self.make_embeddings(embedding)
        cell = self.decoder.cell.cell if self.attends else self.decoder.cell
        check_any_states(cell, "decoder")
        self.bridge = Bridge(cell.state_size, dtype=self.dtype_policy)
        self.make_softmax()

    def build(self, input_shape: Any = None) -> None:
        embedding = self._config["embedding"]
        self.build_embeddings()
        shape: Any = (None, None, embedding)
        sizes: list[int] = []
        for layer in self.encoder:
            build_once(layer, shape)
            shape, *states = layer.compute_output_shape(shape)
            sizes += [state[-1] for state in states]
        build_once(self.bridge, [(None, size) for size in sizes])
        build_once(self.decoder, (None, None, embedding), *([shape] if self.attends else []))
        units = self.decoder.output_size
        if self._config["tie_embeddings"] and units != embedding:
            raise ValueError(
                f"The output of `decoder` must have as many units as the embedding with tie_embeddings=True, "
                f"{embedding}; received {units}. Change one of them, or `attentional_units`."
            )
        build_once(self.softmax, (None, None, units))
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
        x = self.drop(self.source_embedding(source), "embedding_dropout", training)
        last: States = []
        for layer in self.encoder:
            x, *states = layer(x, mask=mask, training=training)
            x = self.drop(x, "hidden_dropout", training)
            last += states
        return x, mask, self.bridge(last)

    def begin(self, source: Any, limit: Any) -> tuple[States, Constants]:
        memory, mask, states = self.encode(source)
        if not self.attends:
            return states, self.decoder.cell.get_constants(ops.shape(memory)[0], False)
        constants = self.decoder.get_constants(memory, mask)
        return self.decoder.first_states(states, constants), constants

    def step(self, y: Any, states: States, constants: Constants) -> Any:
        x = self.target_embedding(y)
        weights: list[Any] = []
        if self.attends:
            o, a, states = self.decoder.step(x, states, constants)
            weights = [a]
        else:
            cell = self.decoder.cell
            o, states = cell.step(cell.project_inputs(x, constants), states, constants)
        log_p = self.softmax(o, **self.matrix)
        return (log_p, states, *weights)

    # ------------------------------------------------------------------------ training

    def decoder_outputs(self, source: Any, target: Any, training: bool = False) -> Any:
        memory, mask, states = self.encode(source, training)
        arguments: dict[str, Any] = {"memory": memory, "memory_mask": mask} if self.attends else {}

        def outputs_after(ids: Any, training: bool) -> Any:
            x = self.drop(self.target_embedding(ids), "embedding_dropout", training)
            o, *_ = self.decoder(x, initial_state=states, training=training, **arguments)
            return self.drop(o, "output_dropout", training)

        read = target[:, :-1]
        if training and self._config["scheduled_sampling"]:
            log_p = ops.stop_gradient(self.softmax(outputs_after(read, training=False), **self.matrix))
            read = mixed_inputs(target, log_p, self.scheduled_sampling, self.seed_generator)
        return outputs_after(read, training)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "encoder": [serialize(layer) for layer in self.encoder],
            "decoder": serialize(self.decoder),
        }


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
