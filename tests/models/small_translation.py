"""Tiny translators of all kinds, and a language pair whose sentences are turned around."""

import numpy as np

from keras_rnn.datasets import ParallelText
from keras_rnn.layers import (
    GRU,
    AttentionRNN,
    BahdanauAttention,
    Bidirectional,
    GRUCell,
    LSTMCell,
    LuongAttention,
    Recurrent,
    Residual,
)
from keras_rnn.models import SequenceToSequence, Transformer
from keras_rnn.subwords import SubwordTokenizer

TYPES = 14
ENGLISH = ["one", "two", "three", "four", "five", "six"]
GERMAN = ["eins", "zwei", "drei", "vier", "Fünf", "sechs"]


def bahdanau(units=8, **arguments):
    return AttentionRNN(GRUCell(units), BahdanauAttention(units), order="before", **arguments)


def luong(units=8, **arguments):
    return AttentionRNN([LSTMCell(units), LSTMCell(units)], LuongAttention(), **arguments)


def fed_twice(units=8):
    return AttentionRNN(LSTMCell(units), BahdanauAttention(units, coverage=True))


DECODERS = {"bahdanau": bahdanau, "luong": luong, "coverage": fed_twice, "none": lambda: GRU(8)}
KINDS = [*DECODERS, "residual", "transformer"]
SMALL = {"units": 8, "encoder_blocks": 2, "decoder_blocks": 2, "heads": 2, "feed_forward": 7}


def translator(kind="bahdanau", built=True, **arguments):
    if kind == "transformer":
        model = Transformer(TYPES, TYPES, **{**SMALL, **arguments})
    else:
        encoder, arguments = [Bidirectional(GRU(5)), GRU(7)], {"embedding": 6, **arguments}
        if kind == "residual":
            encoder = [Recurrent(Residual(GRUCell(units))) for units in (6, 12)]
            encoder[0] = Bidirectional(encoder[0])
        decoder = DECODERS["bahdanau" if kind == "residual" else kind]()
        model = SequenceToSequence(TYPES, TYPES, encoder, decoder, **arguments)
    if built:
        model.build()
        random = np.random.default_rng(1)
        model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    return model


def pairs(count, seed=0, longest=5):
    """Ids, and the same backwards between 2 and 3: `(source, target)`, padded."""
    random = np.random.default_rng(seed)
    source, target = np.zeros((count, longest), "int32"), np.zeros((count, longest + 2), "int32")
    for x, y, length in zip(source, target, random.integers(1, longest + 1, count)):
        x[:length] = random.integers(4, TYPES, length)
        y[0], y[1 : length + 1], y[length + 1] = 2, x[:length][::-1], 3
    return source, target


def text(count, seed=0):
    """Numbers in English, and backwards in German."""
    random = np.random.default_rng(seed)
    rows = [random.integers(0, len(ENGLISH), random.integers(1, 5)) for _ in range(count)]
    return ParallelText(
        [" ".join(ENGLISH[k] for k in row) for row in rows],
        [" ".join(GERMAN[k] for k in row[::-1]) for row in rows],
        ("en", "de"),
    )


def with_tokenizers(kind="bahdanau", size=40, **arguments):
    """A model that takes sentences, not trained."""
    data = text(300)
    own = [SubwordTokenizer.train(side, size) for side in (data.source, data.target)]
    arguments = {"source_tokenizer": own[0], "target_tokenizer": own[1], **arguments}
    if kind == "transformer":
        return Transformer(size, size, 32, encoder_blocks=1, decoder_blocks=1, **arguments)
    decoder = DECODERS[kind](24) if kind != "none" else GRU(24)
    return SequenceToSequence(size, size, [Bidirectional(GRU(16))], decoder, **{"embedding": 16, **arguments})
