"""Self- and cross-attention: peers, mutants, causality, both paths, step by step; what is refused."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.layers import CrossAttention, SelfAttention
from keras_rnn.ops import head_attention
from tests.contracts.arrays import EXACT, MASKS, ON_JAX, SAME, distance, flat, identical, normal
from tests.reference import self_attention as oracle

BATCH, TIME, SOURCE, FEATURES, MEMORY, HEADS = 3, 5, 7, 8, 6, 2
X, M = normal(1, BATCH, TIME, FEATURES), normal(2, BATCH, SOURCE, MEMORY)
GAPS, EMPTY_ROW = MASKS["gaps"], MASKS["empty row"]
MEMORY_MASK = np.array([[1, 0, 1, 1, 0, 1, 0], [0] * 7, [0, 1, 1, 1, 1, 0, 1]], dtype=bool)
VISIBLE = 1e-3


def filled(layer, *shapes):
    """Built, with weights that are random and all different."""
    layer.build(*shapes)
    layer.set_weights([normal([3, k], *w.shape) for k, w in enumerate(layer.get_weights())])
    return layer


def self_attention(dtype="float64", **arguments):
    return filled(SelfAttention(HEADS, dtype=dtype, **arguments), (None, None, FEATURES))


def cross_attention(dtype="float64", **arguments):
    layer = CrossAttention(HEADS, dtype=dtype, **arguments)
    return filled(layer, (None, None, FEATURES), (None, None, MEMORY))


# ---------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("causal", [False, True])
def test_it_is_its_oracle_with_weights_and_without(causal, mask):
    layer = self_attention(key_dimension=6, causal=causal, rotary=causal)
    call = {} if MASKS[mask] is None else {"mask": MASKS[mask]}
    expected = oracle.self_attention(layer.get_weights(), X, MASKS[mask], causal=causal, rotary=causal)
    assert distance(layer(X, return_weights=True, **call), expected) < EXACT
    assert distance(layer(X, **call), expected[0]) < EXACT


@pytest.mark.parametrize("mask", [None, MEMORY_MASK])
def test_cross_attention_is_its_oracle_with_weights_and_without(mask):
    layer = cross_attention(key_dimension=3)
    expected = oracle.cross_attention(layer.get_weights(), X, M, mask)
    assert distance(layer(X, M, memory_mask=mask, return_weights=True), expected) < EXACT
    assert distance(layer(X, M, memory_mask=mask), expected[0]) < EXACT
    if mask is not None:  # a row with nothing to read
        assert not expected[0][1].any() and not expected[1][1].any()


@pytest.mark.parametrize("mutant", oracle.SELF_MUTANTS)
def test_it_differs_from_mutants(mutant):
    wrong, arguments = oracle.SELF_MUTANTS[mutant]
    layer = self_attention(**arguments)
    found = layer(X, mask=GAPS)
    assert distance(found, oracle.self_attention(layer.get_weights(), X, GAPS, **arguments)[0]) < EXACT
    assert (
        distance(found, oracle.self_attention(layer.get_weights(), X, GAPS, **arguments, **wrong)[0])
        > VISIBLE
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", ["none", "gaps", "left padding", "empty row"])
def test_the_fused_operation_is_the_plain_one(causal, mask):
    q, k, v = (ops.convert_to_tensor(normal(seed, BATCH, TIME, HEADS, 3)) for seed in (4, 5, 6))
    mask = MASKS[mask]
    counts = np.ones((BATCH, TIME), bool) if mask is None else mask
    a = head_attention.head_weights(q, k, mask, causal)
    plain = flat(head_attention.read_heads(a, v))[0]
    fused = flat(head_attention.fused_attention(q, k, v, mask, causal))[0]
    assert distance(fused[counts], plain[counts]) < SAME
    assert np.isfinite(fused).all() and np.isfinite(plain).all()


def by_keras(layer, causal=False):
    """keras.layers.MultiHeadAttention with the weights of ours, in float64."""
    W_o, b_o, W, b = layer.get_weights()
    size = W.shape[1] // 3 // HEADS
    peer = keras.layers.MultiHeadAttention(HEADS, size, dtype="float64")
    peer.build((None, None, FEATURES), (None, None, FEATURES))
    three = [
        (w.reshape(FEATURES, HEADS, size), c.reshape(HEADS, size))
        for w, c in zip(np.split(W, 3, 1), np.split(b, 3))
    ]
    q, k, v = three
    named = {"query": q, "key": k, "value": v, "attention_output": (W_o.reshape(HEADS, size, FEATURES), b_o)}
    for part, (kernel, bias) in named.items():
        dense = getattr(peer, "output_dense" if part == "attention_output" else f"{part}_dense")
        dense.set_weights([kernel, bias])
    return peer


@pytest.mark.parametrize("causal", [False, True])
def test_it_is_the_layer_of_keras(causal):
    layer = self_attention(causal=causal)
    peer = by_keras(layer)
    y, a = peer(X, X, use_causal_mask=causal, return_attention_scores=True)
    assert distance(layer(X, return_weights=True), (y, a)) < EXACT
    masked = peer(X, X, attention_mask=np.tile(GAPS[:, None], (1, TIME, 1)), use_causal_mask=causal)
    ours = np.where(GAPS[..., None], flat(masked)[0], 0)
    assert distance(layer(X, mask=GAPS), ours) < EXACT


@pytest.mark.parametrize("causal", [False, True])
def test_it_is_the_layer_of_torch(causal):
    torch = pytest.importorskip("torch")
    layer = self_attention(causal=causal)
    W_o, b_o, W, b = layer.get_weights()
    peer = torch.nn.MultiheadAttention(FEATURES, HEADS, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in (
            (peer.in_proj_weight, W.T),
            (peer.in_proj_bias, b),
            (peer.out_proj.weight, W_o.T),
            (peer.out_proj.bias, b_o),
        ):
            parameter.copy_(torch.from_numpy(value.copy()))
        x, later = torch.from_numpy(X), torch.ones(TIME, TIME, dtype=torch.bool).triu(1)
        padding = MASKS["right padding"]
        found = peer(
            x,
            x,
            x,
            key_padding_mask=torch.from_numpy(~padding),
            attn_mask=later if causal else None,
            average_attn_weights=False,
        )
    y, a = (
        np.where(padding[(slice(None), *where)], part.numpy(), 0)
        for part, where in zip(found, ((..., None), (None, ..., None)))
    )
    assert distance(layer(X, mask=padding, return_weights=True), (y, a)) < EXACT


# ---------------------------------------------------------------------------- time


@pytest.mark.parametrize("arguments", [{}, {"rotary": True, "dtype": "float32"}])
def test_a_causal_step_sees_nothing_of_later_ones(arguments):
    layer = self_attention(causal=True, **arguments)
    y = flat(layer(X))[0]
    for t in range(TIME):
        other = X.copy()
        other[:, t] = normal([7, t], BATCH, FEATURES)
        found = flat(layer(other))[0]
        assert identical(found[:, :t], y[:, :t])  # bit by bit
        assert (np.abs(found[:, t:] - y[:, t:]).max(axis=(0, 2)) > VISIBLE).all()


def test_without_positions_the_order_is_no_matter_and_rotary_sees_distances():
    order = [3, 0, 4, 2, 1]
    assert distance(self_attention()(X[:, order]), flat(self_attention()(X))[0][:, order]) < SAME
    layer = self_attention(rotary=True)
    assert distance(layer(X[:, order]), flat(layer(X))[0][:, order]) > VISIBLE
    q, k = (ops.convert_to_tensor(normal(seed, 1, 1, 1, 6)) for seed in (8, 9))
    from keras_rnn.ops.positions import rotate

    def product(i, j):
        return np.sum(flat(rotate(q, np.array([[i]])))[0] * flat(rotate(k, np.array([[j]])))[0])

    assert abs(product(3, 1) - product(103, 101)) < 1e-4 * ON_JAX + 1e-9
    assert abs(product(3, 1) - product(3, 2)) > VISIBLE


@pytest.mark.parametrize("rotary", [False, True])
def test_step_by_step_it_is_the_whole(rotary):
    layer = self_attention(causal=True, rotary=rotary)
    states, outputs = layer.first_states(BATCH, TIME + 2), []
    for t in range(TIME):
        y, states = layer.step(ops.convert_to_tensor(X[:, t]), states)
        outputs.append(flat(y)[0])
    assert distance(np.stack(outputs, axis=1), layer(X)) < SAME


def test_a_sequence_of_one_step_and_of_none():
    layer = self_attention()
    y, a = layer(X[:, :1], return_weights=True)
    assert distance(a, np.ones((BATCH, HEADS, 1, 1))) == 0 and distance(layer(X[:, :1]), y) < SAME
    assert layer(X[:, :0]).shape == (BATCH, 0, FEATURES)


def test_all_masked_rows_are_zero_and_have_no_gradient_that_is_no_number():
    layer = self_attention(causal=True)
    y, a = layer(X, mask=EMPTY_ROW, return_weights=True)
    assert not flat(y)[0][1].any() and not flat(a)[0][1].any()
    assert not flat(layer(X, mask=EMPTY_ROW))[0][1].any()


# ---------------------------------------------------------------------------- masks that come, dropout


def test_masks_that_come_with_inputs_and_memory_are_used():
    ids = np.array([[4, 2, 0], [3, 0, 0]])
    embed = keras.layers.Embedding(6, FEATURES, mask_zero=True, dtype="float64")
    x = embed(ids)
    layer = self_attention()
    y = layer(x)
    assert distance(y, layer(np.asarray(x), mask=ids != 0)) == 0
    assert np.array_equal(ops.convert_to_numpy(y._keras_mask), ids != 0)
    reader = filled(CrossAttention(HEADS, dtype="float64"), (None, None, FEATURES), (None, None, FEATURES))
    y = reader(X[:2], x)
    assert distance(y, reader(X[:2], np.asarray(x), memory_mask=ids != 0)) == 0
    assert distance(y, reader(X[:2], np.asarray(x))) > VISIBLE


def test_dropout_is_of_the_weights_and_what_is_shown_is_before_it():
    layer = SelfAttention(HEADS, dropout=0.5, seed=1, dtype="float64")
    layer.build((None, None, FEATURES))
    eye, none = np.eye(FEATURES), np.zeros(3 * FEATURES)
    # Values are the inputs, and outputs the contexts: at 8 steps these are the weights that were used.
    layer.set_weights([eye, np.zeros(FEATURES), np.concatenate([normal(1, 8, 16), eye], axis=1), none])
    x = np.tile(eye, (50, 1, 1))
    y, a = flat(layer(x, training=True, return_weights=True))
    assert distance(layer(x, return_weights=True)[1], a) == 0
    used = np.stack(np.split(y, HEADS, axis=-1), axis=1)  # of each head four of the eight columns
    shown = np.stack([a[:, n, :, 4 * n : 4 * n + 4] for n in range(HEADS)], axis=1)
    factors = used / shown
    assert np.allclose(np.sort(np.unique(factors.round(9))), [0, 2])
    assert abs(np.mean(factors == 0) - 0.5) < 0.05
    assert all(not np.array_equal(factors[:, 0, 0], other) for other in (factors[:, 1, 0], factors[:, 0, 1]))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float32"])
def test_weights_have_32_bits_at_least(dtype):
    layer = cross_attention(dtype=dtype)
    y, a = layer(X.astype("float32"), M.astype("float32"), memory_mask=MEMORY_MASK, return_weights=True)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    assert keras.backend.standardize_dtype(a.dtype) == "float32"
    expected = oracle.cross_attention(cross_attention().get_weights(), X, M, MEMORY_MASK)
    allowed = 1e-4 if dtype == "float32" else 0.3
    assert distance((y, a), expected) < allowed
    alone = layer(X.astype("float32"), M.astype("float32"), memory_mask=MEMORY_MASK)
    assert distance(alone, expected[0]) < allowed


def test_cross_attention_comes_back_from_its_config():
    layer = CrossAttention(HEADS, 6, dropout=0.25, kernel_initializer="ones", seed=3, name="reads")
    config = layer.get_config()
    again = CrossAttention.from_config(config)
    assert again.get_config() == config and (again.dropout, again.key_dimension) == (0.25, 6)


@pytest.mark.parametrize(("make", "key"), [(self_attention, 3), (cross_attention, 3)])
def test_parameters(make, key):
    layer, size = make(key_dimension=key), HEADS * key
    d, memory = FEATURES, FEATURES if make is self_attention else MEMORY
    assert layer.count_params() == 2 * (d + memory) * size + 3 * size + d


# ---------------------------------------------------------------------------- what is refused

Z = np.zeros((2, 4, 6), "float32")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SelfAttention(0), "`heads` must be a positive integer; received heads=0"),
        (lambda: SelfAttention(2, 0), "`key_dimension` must be a positive .* received key_dimension=0"),
        (lambda: CrossAttention(2, dropout=1.0), "`dropout` must be .* received dropout=1.0"),
        (
            lambda: SelfAttention(4)(Z),
            "must be a multiple of `heads`; received 6 features, heads=4. Change .* or give `key_dimension`",
        ),
        (lambda: CrossAttention(4)(Z, Z), "must be a multiple of `heads`; received 6 features, heads=4"),
        (lambda: SelfAttention(2, rotary=True)(Z), "needs an even `key_dimension`; .* has key_dimension=3"),
        (lambda: SelfAttention(2)(Z[0]), r"reads sequences of shape .*; received shape \(4, 6\)"),
        (lambda: SelfAttention(2)(keras.Input((4, None))), r"last dimension of the inputs .* must be known"),
        (lambda: SelfAttention(2)(Z, mask=np.ones((2, 5))), r"`mask` must have .* received shape \(2, 5\)"),
        (lambda: CrossAttention(2)(Z, Z[0]), r"`memory` of .* must have shape .*; received shape \(4, 6\)"),
        (lambda: CrossAttention(2)(Z, Z[:1]), "`memory` must have as many rows as the inputs, 2; received 1"),
        (
            lambda: CrossAttention(2)(Z, Z, memory_mask=np.ones((2, 5))),
            r"`memory_mask` must have .* received shape \(2, 5\)",
        ),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
