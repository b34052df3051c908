"""The Transformer: its equations in NumPy, causality, steps, and what is refused."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.models import Transformer
from tests.contracts.arrays import EXACT, SAME, distance, flat, identical
from tests.models.small_translation import SMALL, TYPES, pairs, translator
from tests.reference import self_attention as oracle

SOURCE, TARGET = pairs(4)
FORMS = [{}, {"normalize": "after"}, {"rotary": True, "tie_embeddings": True}]
VISIBLE, SCALE = 1e-3, np.sqrt(SMALL["units"])


def outputs_by_hand(model, scale=SCALE, positions=oracle.sinusoids, last_norm=oracle.layer_norm):
    """o, of the equations."""
    E_x, E_y = (flat(table.embeddings)[0] for table in (model.source_embedding, model.target_embedding))
    rotary, before = model.get_config()["rotary"], model.get_config()["normalize"] == "before"
    options = {"normalize": model.get_config()["normalize"], "rotary": rotary}

    def first(E, ids):
        return oracle.with_positions(scale * E[ids], lambda p: 0 if rotary else positions(p, SMALL["units"]))

    def last(norm, x):
        return last_norm(norm.get_weights(), x) if before else x

    mask, m, o = SOURCE != 0, first(E_x, SOURCE), first(E_y, TARGET[:, :-1])
    for layer in model.encoder:
        [m] = oracle.block(layer.get_weights(), m, mask, **options)
    m = last(model.encoder_norm, m)
    for layer in model.decoder:
        [o] = oracle.block(layer.get_weights(), o, None, m, mask, causal=True, **options)
    return last(model.decoder_norm, o)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_its_equations(form):
    model = translator("transformer", dtype="float64", **form)
    found = model.decoder_outputs(SOURCE, TARGET)
    assert distance(found, outputs_by_hand(model)) < EXACT
    for wrong in (
        {"scale": 1.0},
        *([] if form else [{"positions": lambda p, d: oracle.sinusoids(p + 1, d)}]),
        *([] if "normalize" in form else [{"last_norm": lambda _, x: x}]),
    ):
        assert distance(found, outputs_by_hand(model, **wrong)) > VISIBLE


@pytest.mark.parametrize("form", FORMS)
def test_step_by_step_it_is_the_whole(form):
    model = translator("transformer", dtype="float64", **form)
    log_p = flat(model.softmax(model.decoder_outputs(SOURCE, TARGET), **model.matrix))[0]
    states, constants = model.begin(SOURCE, TARGET.shape[1])
    for t in range(TARGET.shape[1] - 1):
        log_p_t, states, a = model.step(TARGET[:, t], states, constants)
        assert distance(log_p_t, log_p[:, t]) < EXACT
        assert np.abs(flat(a)[0].sum(-1) - 1).max() < SAME
        assert flat(a)[0][SOURCE == 0].max(initial=0) == 0


def test_in_16_bits_it_searches_too():
    model = translator("transformer", dtype="mixed_bfloat16")
    nll = flat(model({"source": SOURCE, "target": TARGET})["nll"])[0]
    assert (
        np.abs(nll - flat(translator("transformer")({"source": SOURCE, "target": TARGET})["nll"])[0]).max()
        < 0.5
    )
    found = model.decode(SOURCE, 5, beam_size=3)
    ids, lengths = (ops.convert_to_numpy(part)[:, 0] for part in (found.ids, found.lengths))
    target = np.concatenate([np.full((4, 1), 2), np.where(np.arange(5) < lengths[:, None], ids, 0)], axis=1)
    again = model({"source": SOURCE, "target": target})
    log_p = -(flat(again["nll"])[0] * flat(again["weights"])[0]).sum(-1)
    assert np.abs(log_p - flat(found.log_p)[0][:, 0]).max() < 0.2


def test_a_later_id_changes_nothing_before_bit_by_bit():
    model = translator("transformer")
    o = flat(model.decoder_outputs(SOURCE, TARGET))[0]
    for t in range(1, TARGET.shape[1] - 1):
        other = TARGET.copy()
        other[:, t] = 1 + TARGET[:, t] % (TYPES - 1)
        found = flat(model.decoder_outputs(SOURCE, other))[0]
        assert identical(found[:, :t], o[:, :t])
        assert (np.abs(found[:, t:] - o[:, t:]).max(axis=(0, 2)) > VISIBLE).all()


def test_each_block_and_embedding_begins_with_numbers_of_its_own():
    model = translator("transformer", built=False, dropout=0.5, seed=1)
    model.build()
    for one, other in (model.encoder, model.decoder, (model.encoder[0], model.decoder[0])):
        assert distance(one.feed_forward_kernel, other.feed_forward_kernel) > VISIBLE
        x = np.ones((1, 3, SMALL["units"]))
        dropped = [
            ops.convert_to_numpy(keras.random.dropout(x, 0.5, seed=k.seed_generator)) for k in (one, other)
        ]
        assert not identical(*dropped)
    assert distance(model.source_embedding.embeddings, model.target_embedding.embeddings) > VISIBLE
    first, second = (float(model({"source": SOURCE, "target": TARGET}, training=True)["total"]) for _ in "12")
    assert first != second


def test_what_is_refused():
    for wrong, message in (
        ({"units": 6, "heads": 4}, "`units` must be a multiple of `heads`; received units=6, heads=4"),
        ({"heads": 0}, "`heads` must be a positive integer; received heads=0"),
        ({"decoder_blocks": 0}, "`decoder_blocks` must be a positive integer"),
        ({"dropout": 1.0}, "`dropout` must be a share"),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be a share"),
        ({"normalize": "never"}, "`normalize` must be one of"),
        ({"target_vocabulary_size": 9, "share_embeddings": True}, "`share_embeddings` needs one vocabulary"),
    ):
        arguments = {"source_vocabulary_size": TYPES, "target_vocabulary_size": TYPES, **SMALL, **wrong}
        with pytest.raises(ValueError, match=message):
            Transformer(**arguments)
    with pytest.raises(ValueError, match=r"`rotary` .*needs an even `key_dimension`"):
        translator("transformer", rotary=True, units=6, heads=2)
