"""The core of translators, recurrent and not, on ids: each part against the same thing done by hand."""

import doctest
import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_rnn import layers
from keras_rnn.layers import GRU, LSTM, AttentionRNN, Bidirectional, LSTMCell, LuongAttention, Recurrent
from keras_rnn.models import SequenceToSequence, Transformer
from tests.contracts.arrays import distance
from tests.models.small_translation import KINDS, TYPES, pairs, translator
from tests.ops import decoding_oracle as oracle

SOURCE, TARGET = pairs(4)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_by_hand_give_the_likelihoods_of_the_loop(kind):
    model = translator(kind)
    nll = ops.convert_to_numpy(model({"source": SOURCE, "target": TARGET})["nll"])
    states, constants = model.begin(SOURCE, TARGET.shape[1])
    for t in range(TARGET.shape[1] - 1):
        log_p, states, *weights = model.step(TARGET[:, t], states, constants)
        log_p = ops.convert_to_numpy(log_p)
        assert np.abs(np.exp(log_p).sum(-1) - 1).max() < 1e-5
        assert np.abs(-log_p[np.arange(4), TARGET[:, t + 1]] - nll[:, t]).max() < 1e-4
        for a in weights:
            assert np.abs(ops.convert_to_numpy(a)[SOURCE == 0]).max(initial=0) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind):
    model = translator(kind)
    outputs = model({"source": SOURCE, "target": TARGET})
    longer = {"source": np.pad(SOURCE, [(0, 0), (0, 3)]), "target": np.pad(TARGET, [(0, 0), (0, 2)])}
    padded = model(longer)
    assert distance(outputs["total"], padded["total"]) < 1e-4
    weights = ops.convert_to_numpy(outputs["weights"])
    assert weights.tolist() == (TARGET[:, 1:] > 0).astype(float).tolist()
    nll = ops.convert_to_numpy(outputs["nll"])
    assert float(outputs["total"]) == pytest.approx((nll * weights).sum(), rel=1e-5)
    one = model({"source": SOURCE[:1, : (SOURCE[0] > 0).sum()], "target": TARGET[:1]})
    assert distance(one["nll"], nll[:1]) < 1e-4
    assert distance(model.decode(longer["source"]).scores, model.decode(SOURCE).scores) < 1e-4


def recurrent(**arguments):
    decoder = AttentionRNN(LSTMCell(24), LuongAttention())
    rates = dict.fromkeys(("embedding_dropout", "hidden_dropout", "output_dropout"), 0.02)
    return SequenceToSequence(TYPES, TYPES, [Bidirectional(GRU(16))], decoder, 24, **rates, **arguments)


def transformer(**arguments):
    return Transformer(TYPES, TYPES, 24, 1, 1, heads=2, dropout=0.02, **arguments)


@pytest.mark.parametrize(("make", "rate"), [(recurrent, 0.02), (transformer, 0.01)])
def test_training_lowers_the_loss_and_the_search_finds_the_target(make, rate, tmp_path):
    keras.utils.set_random_seed(0)
    x, y = pairs(1500, seed=1, longest=3)
    model = make(share_embeddings=True, tie_embeddings=True, label_smoothing=0.05)
    model.compile(keras.optimizers.Adam(rate))
    held = pairs(100, seed=2, longest=3)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(50)
    valid = tf.data.Dataset.from_tensor_slices(held).batch(50)
    logs = model.fit(data, validation_data=valid, epochs=5, verbose=0).history
    assert logs["val_accuracy"][-1] > 0.95
    assert logs["perplexity"][-1] < logs["perplexity"][0] / 2
    for beam_size in (1, 3):
        found = model.decode(held[0], beam_size=beam_size)
        ids, lengths = (ops.convert_to_numpy(part)[:, 0] for part in (found.ids, found.lengths))
        right = [row[:n].tolist() == t[t > 0][1:].tolist() for row, n, t in zip(ids, lengths, held[1])]
        assert np.mean(right) > 0.85
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert distance(loaded.decode(SOURCE).scores, model.decode(SOURCE).scores) == 0


def test_dropout_and_smoothing_are_for_training():
    model = translator(embedding_dropout=0.3, hidden_dropout=0.3, output_dropout=0.3, label_smoothing=0.2)
    inputs = {"source": SOURCE, "target": TARGET}
    plain = translator()(inputs)
    assert distance(model(inputs)["total"], plain["total"]) < 1e-4
    first, second = (float(model(inputs, training=True)["total"]) for _ in range(2))
    assert first != second
    assert "correct" not in model(inputs, training=True)


def test_what_is_correct_is_the_most_probable():
    model = translator()
    outputs = model({"source": SOURCE, "target": TARGET})
    log_p, *_ = model.step(TARGET[:, 0], *model.begin(SOURCE, 1))
    best = ops.convert_to_numpy(log_p).argmax(-1)
    assert ops.convert_to_numpy(outputs["correct"])[:, 0].tolist() == (best == TARGET[:, 1]).tolist()


def test_a_beam_is_as_good_as_greedy_and_better():
    model = translator("coverage")
    greedy, beam = (
        model.decode(SOURCE, 6, beam_size=k, **own) for k, own in ((1, {}), (6, {"length_penalty": 0.0}))
    )
    assert (ops.convert_to_numpy(beam.log_p) >= ops.convert_to_numpy(greedy.log_p) - 1e-5).all()
    assert (ops.convert_to_numpy(beam.log_p) > ops.convert_to_numpy(greedy.log_p) + 1e-3).any()


class WholePrefix:
    """The distribution after a prefix, read anew from its beginning by all steps at once."""

    def __init__(self, model):
        self.model, self.V = model, TYPES

    def after(self, row, prefix):
        target = np.array([[2, *prefix, 0]])
        o = self.model.decoder_outputs(SOURCE[row : row + 1], target)
        return ops.convert_to_numpy(self.model.softmax(o, **self.model.matrix))[0, -1], None


@pytest.mark.parametrize("kind", ["coverage", "transformer"])
def test_it_is_the_search_in_plain_loops_over_whole_prefixes(kind):
    model = translator(kind)
    found = model.decode(SOURCE[:2], 4, beam_size=3, length_penalty=0.7, n_best=2)
    for row in range(2):
        expected = oracle.search(WholePrefix(model), row, end=3, K=3, limit=4, alpha=0.7)[:2]
        for n, (score, _, ids) in enumerate(expected):
            assert abs(float(found.scores[row, n]) - score) < 1e-4
            a = ops.convert_to_numpy(found.attention)[row, n, : len(ids)]
            assert np.abs(a[:, SOURCE[row] > 0].sum(-1) - 1).max() < 1e-5
            assert ops.convert_to_numpy(found.ids)[row, n, : len(ids)].tolist() == ids


def test_weights_are_shared_and_tied():
    def count(**arguments):
        decoder = AttentionRNN(LSTMCell(8), LuongAttention(), attentional_units=6)
        model = SequenceToSequence(30, 30, [LSTM(5)], decoder, 6, **arguments)
        model.build()
        return model.count_params()

    assert count() - count(share_embeddings=True) == 30 * 6
    assert count() - count(tie_embeddings=True) == 30 * 6
    assert count() - count(share_embeddings=True, tie_embeddings=True) == 2 * 30 * 6


def test_a_beam_of_one_is_greedy_unless_it_has_what_belongs_to_a_beam():
    model = translator("coverage")
    greedy, beam = model.decode(SOURCE, 6, beam_size=1), model.decode(SOURCE, 6, beam_size=1, n_best=2)
    assert tuple(greedy.ids.shape) == (4, 1, 6)
    assert tuple(beam.ids.shape) == (4, 2, 6)
    one = model.decode(SOURCE, 6, beam_size=1, coverage_penalty=0.3, length_penalty=0.0)
    assert (ops.convert_to_numpy(one.scores) < ops.convert_to_numpy(one.log_p) - 1e-3).any()


@pytest.mark.parametrize("module", ["sequence_to_sequence", "transformer"])
def test_the_examples_run(module):
    found = importlib.import_module(f"keras_rnn.models.{module}")
    assert doctest.testmod(found, extraglobs={"np": np, **vars(layers)}).failed == 0


def test_what_is_refused():
    with pytest.raises(
        ValueError, match=r"`share_embeddings` needs one vocabulary .* received 5 and 6 types"
    ):
        SequenceToSequence(5, 6, [GRU(3)], GRU(3), share_embeddings=True)
    with pytest.raises(TypeError, match="`encoder` must hold at least one layer"):
        SequenceToSequence(5, 6, [], GRU(3))
    with pytest.raises(TypeError, match=r"`decoder` must be of keras_rnn.layers.Recurrent.*LSTMCell"):
        SequenceToSequence(5, 6, [GRU(3)], LSTMCell(3))
    for wrong in (Bidirectional(GRU(3)), GRU(3, go_backwards=True), Recurrent(keras.layers.GRUCell(3))):
        with pytest.raises(TypeError, match=r"`decoder` read forwards, with a cell of keras_rnn.layers"):
            SequenceToSequence(5, 6, [GRU(3)], wrong)
    with pytest.raises(ValueError, match="`output_dropout` must"):
        SequenceToSequence(5, 6, [GRU(3)], GRU(3), output_dropout=1.0)
    with pytest.raises(ValueError, match=r"must have as many units as the embedding .* 4; received 3"):
        SequenceToSequence(5, 5, [GRU(3)], GRU(3), 4, tie_embeddings=True).build()
