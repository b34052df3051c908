"""The Transformer: a sequence read and another written by blocks of attention, with no recurrence."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import keras
from keras import ops

from keras_rnn.layers.cell import Constants, States
from keras_rnn.layers.checked import checked_heads, checked_size
from keras_rnn.layers.positions import SinusoidalPositions
from keras_rnn.layers.self_attention_block import SelfAttentionBlock
from keras_rnn.models.encoder_decoder import EncoderDecoder, build_once
from keras_rnn.text import PADDING


@keras.saving.register_keras_serializable("keras_rnn")
class Transformer(EncoderDecoder):
    """Reads one sequence of ids and writes another; each step is a stack of blocks above an embedding.

        m[1] .. m[S] = norm(blocks(drop(sqrt(d) E_x[x] + P)))
        o[1] .. o[T] = norm(causal blocks(drop(sqrt(d) E_y[y[0] .. y[T-1]] + P); m))
        p(y[t] | y[<t], x) = softmax(o[t] W^T + b)

    P are sines and cosines of the positions, see `keras_rnn.layers.SinusoidalPositions`; with `rotary` there
    is none, and the blocks turn their queries and keys. The blocks are
    `keras_rnn.layers.SelfAttentionBlock`, of which those of the decoder read the memory m, too. The last norm
    of each stack is there with `normalize="before"` alone.

    All steps of a target are trained at once. While decoding, each block keeps the keys and values of the
    steps before. The attention that is shown is that of the last block, the mean of its heads.

    Weights, in this order: those of the blocks of the encoder, and of the decoder; the last norms;
    E_x `(V_x, d)`, E_y `(V_y, d)` unless it is E_x; the softmax.

    Args:
        source_vocabulary_size, target_vocabulary_size: V_x, V_y.
        units: d, a multiple of `heads`.
        encoder_blocks, decoder_blocks: how many. Default 3 each.
        heads: of each attention. Default 4.
        feed_forward, normalize, rotary: see `keras_rnn.layers.SelfAttentionBlock`. Default: 4 d, `"before"`
            and `False`.
        dropout: share of the features that is dropped, of the embeddings with positions, and of what each
            part of a block adds. Default 0.0.
        share_embeddings, tie_embeddings, label_smoothing, start, end, seed: see
            `keras_rnn.models.EncoderDecoder`, which has the calls and `decode`.
        source_tokenizer, target_tokenizer, decoding: see `keras_rnn.models.TranslationModel`, which has
            `fit` and `translate`.

    Raises:
        ValueError: if `units` is no multiple of `heads`, an argument is out of its range, or vocabularies are
            shared and differ.

    Source: A. Vaswani and others, "Attention Is All You Need", NIPS 2017, section 3, where the blocks
    normalize after, and both embeddings and W are one matrix.

    Example:

    >>> model = Transformer(20, 30, units=8, heads=2)
    >>> outputs = model({"source": np.array([[5, 6, 7]]), "target": np.array([[2, 9, 8, 3]])})
    >>> outputs["nll"].shape, model.decode(np.array([[5, 6, 7]]), max_length=4).ids.shape
    (TensorShape([1, 3]), TensorShape([1, 1, 4]))
    """

    attends = True

    def __init__(
        self,
        source_vocabulary_size: int,
        target_vocabulary_size: int,
        units: int = 256,
        encoder_blocks: int = 3,
        decoder_blocks: int = 3,
        heads: int = 4,
        feed_forward: int | None = None,
        normalize: str = "before",
        rotary: bool = False,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        config: dict[str, Any] = {
            "units": checked_size("units", units),
            "encoder_blocks": checked_size("encoder_blocks", encoder_blocks),
            "decoder_blocks": checked_size("decoder_blocks", decoder_blocks),
            "heads": checked_heads(heads, units),
            "feed_forward": feed_forward,
            "normalize": normalize,
            "rotary": rotary,
            "dropout": dropout,
        }
        super().__init__(source_vocabulary_size, target_vocabulary_size, config, seed=seed, **kwargs)

        own: dict[str, Any] = {"dtype": self.dtype_policy}
        block = partial(
            SelfAttentionBlock,
            heads,
            feed_forward,
            normalize=normalize,
            rotary=rotary,
            dropout=dropout,
            **own,
        )
        # A seed for each, or all of them would drop the same features.
        seeds = [None if seed is None else seed + k for k in range(1, 1 + encoder_blocks + decoder_blocks)]
        self.encoder = [block(seed=k) for k in seeds[:encoder_blocks]]
        self.decoder = [block(causal=True, seed=k) for k in seeds[encoder_blocks:]]
        norm: Any = keras.layers.Identity
        if normalize == "before":
            norm = partial(keras.layers.LayerNormalization, epsilon=1e-5)
        self.encoder_norm, self.decoder_norm = norm(**own), norm(**own)
        self.positions = None if rotary else SinusoidalPositions(**own)
        # Times sqrt(d) they are of the size of P; as W they give scores that begin with a variance of 1.
        self.make_embeddings(units, partial(keras.initializers.RandomNormal, stddev=units**-0.5))
        self.make_softmax()

    def build(self, input_shape: Any = None) -> None:
        shape = (None, None, self._config["units"])
        self.build_embeddings()
        others = [] if self.positions is None else [self.positions]
        for layer in (*self.encoder, self.encoder_norm, self.decoder_norm, self.softmax, *others):
            build_once(layer, shape)
        for block in self.decoder:
            build_once(block, shape, shape)
        self.built = True

    # ------------------------------------------------------------------------ the parts, pure functions

    def encode(self, source: Any, training: bool = False) -> tuple[Any, Any]:
        """Memory `(batch, source, d)`, and its mask `(batch, source)`."""
        mask = ops.not_equal(source, PADDING)
        x = self._scaled(self.source_embedding, source)
        if self.positions is not None:
            x = self.positions(x, mask=mask)
        x = self.drop(x, "dropout", training)
        for block in self.encoder:
            x = block(x, mask=mask, training=training)
        return self.encoder_norm(x), mask

    def begin(self, source: Any, limit: Any) -> tuple[States, Constants]:
        memory, mask = self.encode(source)
        rows = ops.shape(source)[0]
        states = [block.first_states(rows, limit) for block in self.decoder]
        return states, {"blocks": [block.get_constants(memory, mask) for block in self.decoder]}

    def step(self, y: Any, states: States, constants: Constants) -> Any:
        *_, position = states[0]
        x = self._scaled(self.target_embedding, y)
        if self.positions is not None:
            x = self.positions.add(x, position)
        new = []
        for block, own, shared in zip(self.decoder, states, constants["blocks"]):
            x, a, own = block.step(x, own, shared)
            new.append(own)
        return self.softmax(self.decoder_norm(x), **self.matrix), new, ops.mean(a, axis=1)

    def _scaled(self, table: Any, ids: Any) -> Any:
        return table(ids) * math.sqrt(self._config["units"])

    # ------------------------------------------------------------------------ training

    def decoder_outputs(self, source: Any, target: Any, training: bool = False) -> Any:
        memory, mask = self.encode(source, training)
        # Padding stands behind what counts, which does not see it.
        x = self._scaled(self.target_embedding, target[:, :-1])
        if self.positions is not None:
            x = self.positions(x)
        x = self.drop(x, "dropout", training)
        for block in self.decoder:
            x = block(x, memory=memory, memory_mask=mask, training=training)
        return self.decoder_norm(x)
