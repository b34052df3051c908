"""The block: torch's with the same weights, mutants, causality, decoding step by step, in a saved model."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn import layers
from keras_rnn.layers import SelfAttentionBlock
from keras_rnn.ops import beam_search, repeat_rows
from tests.contracts.arrays import EXACT, GAPS, ON_JAX, SAME, distance, flat, identical, normal
from tests.layers.test_self_attention import (
    BATCH,
    FEATURES,
    HEADS,
    MEMORY,
    MEMORY_MASK,
    SOURCE,
    TIME,
    VISIBLE,
    M,
    X,
    filled,
)
from tests.reference import self_attention as oracle

HIDDEN, TYPES = 7, 5


def block(memory=MEMORY, **arguments):
    layer = SelfAttentionBlock(HEADS, HIDDEN, **{"dtype": "float64", **arguments})
    return filled(layer, (None, None, FEATURES), *([(None, None, memory)] if memory else []))


READS = {"memory": M, "memory_mask": MEMORY_MASK}


@pytest.mark.parametrize("memory", [None, MEMORY])
@pytest.mark.parametrize("normalize", ["before", "after"])
def test_it_is_its_oracle_and_differs_from_mutants(normalize, memory):
    layer, reads = block(memory, normalize=normalize, causal=True), READS if memory else {}
    found = layer(X, mask=GAPS, **reads)

    def expected(**wrong):
        options = {"normalize": normalize, "causal": True, **wrong}
        return oracle.block(layer.get_weights(), X, GAPS, **reads, **options)

    assert distance(found, expected()) < EXACT
    other = {"before": "after", "after": "before"}[normalize]
    for wrong in (
        {"normalize": other},
        {"residual": lambda x, z: z},
        {"activation": np.tanh},
        {"causal": False},
    ):
        assert distance(found, expected(**wrong)) > VISIBLE


def copied_to_torch(layer, memory):
    """torch's layer with the weights of ours."""
    import torch

    W_1, b_1, W_2, b_2, *weights = (torch.from_numpy(w.copy()) for w in layer.get_weights())
    kind = torch.nn.TransformerDecoderLayer if memory else torch.nn.TransformerEncoderLayer
    peer = kind(
        FEATURES,
        HEADS,
        HIDDEN,
        dropout=0.0,
        batch_first=True,
        norm_first=layer.normalize == "before",
        dtype=torch.float64,
    )
    W_o, b_o, W, b, *weights = weights
    pairs = [(peer.linear1.weight, W_1.T), (peer.linear1.bias, b_1), (peer.linear2.weight, W_2.T)]
    pairs += [(peer.linear2.bias, b_2)]

    def attention(part, W, b, W_o, b_o):
        return [
            (part.in_proj_weight, W.T),
            (part.in_proj_bias, b),
            (part.out_proj.weight, W_o.T),
            (part.out_proj.bias, b_o),
        ]

    pairs += attention(peer.self_attn, W, b, W_o, b_o)
    if memory:
        W_o, b_o, W_q, b_q, W_m, b_m, *weights = weights
        both = torch.cat([W_q, W_m], 1), torch.cat([b_q, b_m])
        pairs += attention(peer.multihead_attn, *both, W_o, b_o)
    norms = [peer.norm1, peer.norm2, *([peer.norm3] if memory else [])]
    pairs += list(zip([p for norm in norms for p in (norm.weight, norm.bias)], weights, strict=True))
    with torch.no_grad():
        for parameter, value in pairs:
            parameter.copy_(value)
    return peer.eval()


@pytest.mark.parametrize("memory", [None, FEATURES])
@pytest.mark.parametrize("normalize", ["before", "after"])
def test_it_is_the_layer_of_torch(normalize, memory):
    torch = pytest.importorskip("torch")
    layer = block(memory, normalize=normalize)
    peer, x = copied_to_torch(layer, memory), torch.from_numpy(X)
    m = normal(6, BATCH, SOURCE, FEATURES)
    with torch.no_grad():
        expected = peer(x, torch.from_numpy(m)) if memory else peer(x)
    assert distance(layer(X, **({"memory": m} if memory else {})), expected.numpy()) < EXACT


def test_a_causal_step_sees_nothing_of_later_ones():
    layer = block(causal=True, dtype="float32")
    x, reads = X.astype("float32"), {**READS, "memory": M.astype("float32")}
    y = flat(layer(x, **reads))[0]
    for t in range(TIME):
        other = x.copy()
        other[:, t] += 1 + normal([7, t], BATCH, FEATURES)
        found = flat(layer(other, **reads))[0]
        assert identical(found[:, :t], y[:, :t])  # bit by bit
        assert (np.abs(found[:, t:] - y[:, t:]).max(axis=(0, 2)) > VISIBLE).all()


def test_weights_on_request():
    layer = block()
    y, a, of_memory = layer(X, return_weights=True, **READS)
    assert a.shape == (BATCH, HEADS, TIME, TIME) and of_memory.shape == (BATCH, HEADS, TIME, SOURCE)
    assert distance(layer(X, **READS), y) < SAME
    assert np.allclose(flat(of_memory)[0].sum(-1), MEMORY_MASK.any(-1)[:, None, None])
    assert len(block(None)(X, return_weights=True)) == 2


def test_masks_that_come_with_inputs_and_memory_are_used():
    ids = np.array([[4, 2, 0, 1], [3, 0, 0, 0]])
    x = keras.layers.Embedding(6, FEATURES, mask_zero=True, dtype="float64")(ids)
    m = keras.layers.Embedding(6, MEMORY, mask_zero=True, dtype="float64")(ids[:, :3])
    by_hand = {"mask": ids != 0, "memory_mask": ids[:, :3] != 0}
    layer, plain = block(), [np.asarray(x), np.asarray(m)]
    y = layer(x, memory=m)
    assert distance(y, layer(plain[0], memory=plain[1], **by_hand)) == 0
    assert np.array_equal(ops.convert_to_numpy(y._keras_mask), ids != 0)
    assert distance(block(None)(x), block(None)(plain[0], mask=ids != 0)) == 0


def test_each_part_is_dropped_and_a_seed_makes_it_reproducible():
    kinds = ({"dropout": 0.5}, {"attention_dropout": 0.5})
    for rates in kinds:
        one, two = block(**rates, seed=3), block(**rates, seed=3)
        first, second = one(X, training=True, **READS), one(X, training=True, **READS)
        assert distance(two(X, training=True, **READS), first) == 0
        assert distance(first, second) > VISIBLE
        assert distance(one(X, **READS), block()(X, **READS)) == 0
    # Where all that f adds is b_2, half of it is dropped.
    layer = block(None, dropout=0.5, seed=1)
    for weight in layer.weights:
        weight.assign(np.full(weight.shape, float("joining_bias" in weight.path)))
    added = flat(layer(X, training=True))[0] - X
    assert np.allclose(np.unique(added.round(9)), [0, 2])
    assert abs(np.mean(added == 0) - 0.5) < 0.2


# ---------------------------------------------------------------------------- decoding


@pytest.mark.parametrize("normalize", ["before", "after"])
def test_step_by_step_it_is_the_whole(normalize):
    layer = block(causal=True, rotary=True, normalize=normalize)
    constants, states = layer.get_constants(M, MEMORY_MASK), layer.first_states(BATCH, TIME)
    y, _, a = flat(layer(X, return_weights=True, **READS))
    for t in range(TIME):
        y_t, a_t, states = layer.step(ops.convert_to_tensor(X[:, t]), states, constants)
        assert distance((y_t, a_t), (y[:, t], a[:, :, t])) < SAME
    own = block(None, causal=True)
    assert own.step(ops.convert_to_tensor(X[:, 0]), own.first_states(BATCH, 3), {})[1] is None


def test_beam_search_over_blocks_scores_as_the_whole_does():
    """A decoder: embedding, positions, two blocks that read a memory, a softmax."""
    embed, head = normal(1, TYPES, FEATURES), normal(2, FEATURES, TYPES)
    positions = layers.SinusoidalPositions(dtype="float64")
    positions.build((None, None, FEATURES))
    blocks = [block(causal=True), block(causal=True, normalize="after", rotary=True)]
    limit, beam = 6, 3

    def log_p(x):
        return ops.log_softmax(ops.matmul(x, ops.convert_to_tensor(head)), axis=-1)

    def decode(memory):
        constants = [repeat_rows(layer.get_constants(memory), beam) for layer in blocks]

        def step(y, states):
            number, *states = states
            x = positions.add(ops.take(ops.convert_to_tensor(embed), y, axis=0), number)
            new = [number + 1]
            for layer, own, shared in zip(blocks, states, constants):
                x, a, own = layer.step(x, own, shared)
                new.append(own)
            return log_p(x), new, ops.mean(a, axis=1)

        states = [ops.zeros((BATCH,), "int32"), *(layer.first_states(BATCH, limit) for layer in blocks)]
        mask = np.ones((BATCH, SOURCE), bool)
        return beam_search(step, states, 1, 0, limit, beam_size=beam, n_best=2, source_mask=mask)

    if ON_JAX:
        import jax

        found = jax.jit(decode)(M)
    else:
        import tensorflow as tf

        found = tf.function(decode)(tf.constant(M))
    ids, lengths, scores = (np.asarray(part) for part in (found.ids, found.lengths, found.scores))
    for row in range(BATCH):
        for n in range(2):
            target = ids[row, n, : lengths[row, n]]
            x = positions(embed[np.concatenate([[1], target[:-1]])][None])
            for layer in blocks:
                x, _, a = layer(x, memory=M[row : row + 1], return_weights=True)
            expected = np.take_along_axis(flat(log_p(x))[0][0], target[:, None], axis=1).sum()
            assert abs(scores[row, n] - expected) < 1e-4
            assert distance(found.attention[row, n, : len(target)], flat(a)[0][0].mean(0)) < 1e-4


# ---------------------------------------------------------------------------- the rest


@pytest.mark.skipif(ON_JAX, reason="the contracts save on TensorFlow")
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_a_model_that_mixes_it_with_recurrent_layers_comes_back_and_learns(tmp_path):
    """Encoder: LSTM, then a block; decoder: a block that reads it, then a GRU. Reverses a sequence."""
    source, target = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    memory = keras.layers.Embedding(9, FEATURES, mask_zero=True)(source)
    memory = SelfAttentionBlock(HEADS, 16)(layers.LSTM(FEATURES, return_sequences=True)(memory))
    x = layers.LearnedPositions(8)(keras.layers.Embedding(9, FEATURES, mask_zero=True)(target))
    x = SelfAttentionBlock(HEADS, 16, causal=True)(x, memory=memory)
    x = layers.GRU(FEATURES, return_sequences=True)(x)
    model = keras.Model([source, target], keras.layers.Dense(9, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    ids = np.random.default_rng(0).integers(2, 9, (64, 4))
    y = ids[:, ::-1]
    given = [ids, np.concatenate([np.ones((64, 1), int), y[:, :-1]], axis=1)]
    losses = model.fit(given, y, batch_size=32, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.97 * losses[0], losses
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    given = [part[:5] for part in given]
    assert distance(again(given), model(given)) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: SelfAttentionBlock(2, normalize="first"),
            r"`normalize` must be .* received normalize='first'",
        ),
        (lambda: SelfAttentionBlock(2, 0), "`feed_forward` must be a positive .* received feed_forward=0"),
        (lambda: SelfAttentionBlock(2, dropout=1), "`dropout` must be a share .* received dropout=1"),
        (lambda: SelfAttentionBlock(2, attention_dropout=-1), "received attention_dropout=-1"),
        (lambda: SelfAttentionBlock(3)(X), "a multiple of `heads`; received 8 features, heads=3"),
        (lambda: SelfAttentionBlock(2)(X[0]), r"reads sequences of shape .*; received shape \(5, 8\)"),
        (lambda: block()(X), "`memory` must be given at all calls .*: it was built with one"),
        (lambda: block(None)(X, memory=M), "`memory` must be given .*: it was built without one"),
        (lambda: block(None)(X, mask=np.ones((3, 4))), r"`mask` must have .* received shape \(3, 4\)"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
