"""The rows of self-attention, its block, positions, and pooling by attention."""

from functools import partial

from keras_rnn import layers
from tests.contracts.arrays import BATCH, TIME
from tests.contracts.rows import Row
from tests.reference import self_attention as oracles

SHAPE = (BATCH, TIME, 8)
READS_A_MASK = frozenset({"gradient", "mask", "sample"})


def self_attention(weights, x, mask=None):
    return oracles.self_attention(weights, x, mask, causal=True, rotary=True)[:1]


def attention_pooling(weights, x, mask=None):
    return oracles.attention_pooling(weights, x, mask)[:1]


def sinusoidal(weights, x):
    return [oracles.with_positions(x, partial(oracles.sinusoids, size=x.shape[2]))]


def learned(weights, x):
    return [oracles.with_positions(x, lambda p: weights[0][p])]


ATTENTION_ROWS = [
    Row(name=f"{layer.__name__}", covers=(layer,), make=make, oracle=oracle, promises=promises, shape=SHAPE)
    for layer, make, oracle, promises in (
        (
            layers.SelfAttention,
            partial(layers.SelfAttention, 2, key_dimension=6, causal=True, rotary=True),
            self_attention,
            {"gradient", "mask", "dropout"},
        ),
        (
            layers.SelfAttentionBlock,
            partial(
                layers.SelfAttentionBlock, 2, feed_forward=6, normalize="after", causal=True, rotary=True
            ),
            partial(oracles.block, normalize="after", causal=True, rotary=True),
            READS_A_MASK | {"dropout"},
        ),
        (
            layers.AttentionPooling,
            partial(layers.AttentionPooling, 6, hops=3),
            attention_pooling,
            READS_A_MASK,
        ),
        # At a masked step they hand x on, which nobody reads: masks are in tests/layers/test_positions.py.
        (layers.SinusoidalPositions, layers.SinusoidalPositions, sinusoidal, {"gradient", "sample"}),
        (layers.LearnedPositions, partial(layers.LearnedPositions, 9), learned, {"gradient", "sample"}),
    )
]
