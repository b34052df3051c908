"""Sentences into a translator, and sentences out of it."""

import json
from itertools import product

import keras
import numpy as np
import pytest

from keras_rnn.callbacks import ValidationBLEU
from keras_rnn.metrics import bleu
from keras_rnn.models import SequenceToSequence, Translation, choose_beam
from keras_rnn.models.pair_batches import PairBatches
from keras_rnn.subwords import END, START
from tests.contracts.test_jax import run_on_jax
from tests.models.small_translation import text, translator, with_tokenizers


@pytest.fixture(scope="module")
def trained():

    keras.utils.set_random_seed(0)
    model, held = with_tokenizers(), text(40, seed=5)
    model.compile(keras.optimizers.Adam(0.02))
    measured = ValidationBLEU(held, 3)
    logs = model.fit(
        text(1500, seed=3), 50, validation_data=held, epochs=6, verbose=0, callbacks=[measured]
    ).history
    assert measured.signature == bleu(["a"], ["a"])["signature"]
    return model, held, logs


def test_it_learns_and_bleu_is_in_the_logs(trained):
    model, held, logs = trained
    assert set(logs) == {"loss", "perplexity", "val_loss", "val_perplexity", "val_accuracy", "val_bleu"}
    assert logs["val_bleu"][2] == logs["val_bleu"][4] != logs["val_bleu"][0]
    assert logs["val_bleu"][-1] == bleu(model.translate(held.source, beam_size=1), held.target)["bleu"] > 60
    assert model.evaluate(held, verbose=0, return_dict=True)["accuracy"] == pytest.approx(
        logs["val_accuracy"][-1], abs=1e-6
    )


def test_one_by_one_is_as_together(trained):
    model, held, _ = trained
    texts = held.source[:7]
    together = model.translations(texts, beam_size=3, n_best=2)
    for one, own in zip(texts, together):
        [alone] = model.translations([one], beam_size=3, n_best=2)
        assert [t.text for t in alone] == [t.text for t in own]
        assert np.abs(np.array([t.score for t in alone]) - [t.score for t in own]).max() < 1e-4
        assert own[0].score >= own[1].score
    assert model.translate(texts, beam_size=3) == [own[0].text for own in together]


def test_pieces_and_attention_belong_together(trained):
    model, held, _ = trained
    best: Translation = model.translations(held.source[:1])[0][0]
    assert best.pieces[-1] == best.source_pieces[-1] == "</s>"
    assert best.attention.shape == (len(best.pieces), len(best.source_pieces))
    assert np.abs(best.attention.sum(-1) - 1).max() < 1e-5
    assert "".join(best.pieces[:-1]).replace("▁", " ").strip() == best.text


def test_the_best_search_comes_first(trained):
    model, held, _ = trained
    given = {"beam_sizes": (1, 3), "length_penalties": (0.0, 2.0), "coverage_penalties": (0.0, 0.5)}
    results = choose_beam(model, held, **given)
    settings = [tuple(result["settings"].values()) for result in results]
    assert sorted(settings) == sorted(product(*given.values()))
    assert [r["bleu"] for r in results] == sorted((r["bleu"] for r in results), reverse=True)
    assert results[0]["bleu"] > results[-1]["bleu"]
    for result in (results[0], results[-1]):
        own = bleu(model.translate(held.source, **result["settings"]), held.target)
        assert {**result, "settings": None} == {**own, "settings": None}
    with pytest.raises(ValueError, match="must hold a number each"):
        choose_beam(model, held, beam_sizes=())
    with pytest.raises(ValueError, match="`coverage_penalty` needs a model with attention"):
        with_tokenizers("none").translate(["one"], coverage_penalty=0.5)


def test_what_is_no_sentence(trained):
    model, *_ = trained
    texts = ["", " \t ", "\u00a0\u3000", "日本 ☃", "two one", "два two 二"]
    with pytest.warns(
        UserWarning, match="Sentence 4 has no character that the vocabulary knows; the"
    ) as told:
        empty, white, space, odd, plain, mixed = model.translations(texts)
    assert len(told) == 1
    assert {own[0].text for own in (empty, white, space)} == {""}
    assert {own[0].score for own in (empty, white, space)} == {0.0}
    # Each run of unknown characters is one unknown piece; the rest of a sentence keeps its own.
    for best, pieces in ((odd, ["▁", "<unk>", "▁", "<unk>"]), (mixed, ["▁", "<unk>", "▁two", "▁", "<unk>"])):
        assert best[0].source_pieces == [*pieces, "</s>"]
    assert plain[0].text == model.translate(["two one"])[0] == model.predict(["two one"])[0]
    with pytest.warns(UserWarning, match=r"2 sentences \(2, 3\) have more than 511 pieces; the first 511"):
        both = model.translate(["two one", "two " * 5000, "one " * 600], max_length=5)
    assert both[0] == model.translate(["two one"], max_length=5)[0]


def test_a_long_target_is_cut_as_a_long_source():
    model = with_tokenizers()
    with pytest.warns(UserWarning, match="Target sentence 2 has more than 511 pieces"):
        _, row = model.encode_target(["eins", "eins " * 600])
    assert (len(row), row[0], row[-1]) == (513, START, END)


def test_a_saved_model_takes_sentences_as_before(trained, tmp_path):
    model, held, _ = trained
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.translate(held.source[:5]) == model.translate(held.source[:5])
    assert loaded.decoding == model.decoding
    greedy = SequenceToSequence.from_config({**model.get_config(), "decoding": {"beam_size": 1}})
    greedy.build()
    greedy.set_weights(model.get_weights())
    assert greedy.translate(held.source[:5]) == model.translate(held.source[:5], beam_size=1)


def test_the_longest_is_as_long_as_is_allowed(trained):
    model, held, _ = trained
    for own in model.translations(held.source[:5], max_length=2, beam_size=2):
        assert len(own[0].pieces) <= 2


def test_targets_begin_and_end():
    model = with_tokenizers()
    [row] = model.encode_target(["eins zwei"])
    assert (row[0], row[-1]) == (START, END)
    assert model.target_tokenizer.decode([row]) == ["eins zwei"]
    [row] = model.encode_source(["one"])
    assert row[-1] == END
    assert row[0] != START


def test_tokens_decide_the_batches_and_every_pair_is_read_in_each_epoch():
    model, data = with_tokenizers(), text(60)
    rows = model.encode_source(data.source), model.encode_target(data.target)
    epochs = range(8)
    batches = PairBatches(*rows, tokens=150, shuffle=True, seed=3, epochs=len(epochs))
    drawn = []
    for epoch in epochs:
        assert batches.epoch == epoch
        drawn.append([tuple(own.tolist()) for own in batches.batches])
        assert sorted(k for own in drawn[-1] for k in own) == list(range(60))
        for source, target in (batches[k] for k in range(len(batches))):
            assert source.size + target.size <= 150
        batches.on_epoch_end()
    assert len({len(own) for own in drawn}) == 1
    assert len({tuple(own) for own in drawn}) == len(epochs)
    later = PairBatches(*rows, tokens=150, shuffle=True, seed=3, first_epoch=5, epochs=len(epochs))
    assert [tuple(own.tolist()) for own in later.batches] == drawn[5]


def test_fit_takes_as_many_steps_in_every_epoch():
    model, steps = with_tokenizers(), []
    model.compile("sgd")

    class Count(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            steps.append(0)

        def on_train_batch_end(self, batch, logs=None):
            steps[-1] += 1

    model.fit(text(60), tokens=200, epochs=4, verbose=0, callbacks=[Count()])
    assert len(steps) == 4
    assert len(set(steps)) == 1
    assert steps[0] > 2


def test_what_is_refused(trained):
    model, held, _ = trained
    for wrong, message in (
        ({"beam_size": 0}, "`beam_size` must be a positive integer; received beam_size=0"),
        (
            {"n_best": 3, "beam_size": 2},
            "`n_best` must be at most `beam_size`; received n_best=3, beam_size=2",
        ),
        ({"max_length": 0}, "`max_length` must be a positive integer; received max_length=0"),
        (
            {"coverage_penalty": -1.0},
            "`coverage_penalty` must be a finite number from 0; received coverage_penalty=-1",
        ),
        ({"length_penalty": float("nan")}, "`length_penalty` must be a finite number; received length_p"),
    ):
        with pytest.raises(ValueError, match=message):
            model.translate(["one"], **wrong)
    with pytest.raises(TypeError, match="`texts` must be a list of texts; received one string, 'two one'"):
        model.translate("two one")
    with pytest.raises(ValueError, match="`texts` must hold at least one text"):
        model.translate([])
    with pytest.raises(ValueError, match="has no tokenizers and takes ids"):
        translator().translate(["one"])
    with pytest.raises(TypeError, match=r"`x` must be a keras_rnn.datasets.ParallelText; received list"):
        model.fit(held.source)
    with pytest.raises(ValueError, match="one translation for each of `references`; received 1 and 2"):
        bleu(["a"], ["a", "b"])


def test_each_epoch_reads_other_pieces_of_the_same_sentences():
    model, data, seen = with_tokenizers(), text(30), []
    batches = model._batches("x", data, 10, sampling=0.3, seed=1)
    rows = next(iter(batches))[1].numpy()  # a tf.data.Dataset: what fit() reads
    assert rows[:, 0].tolist() == [START] * 10
    kept = PairBatches(batch_size=10, shuffle=True, encode=lambda epoch: draws(model, data, epoch), epochs=2)
    for _ in range(2):
        seen.append(sorted(kept.target, key=lambda row: row.tolist()))
        assert sorted(model.target_tokenizer.decode(row[1:] for row in kept.target)) == sorted(data.target)
        list(kept.whole_epoch())
    assert [row.tolist() for row in seen[0]] != [row.tolist() for row in seen[1]]
    with pytest.raises(ValueError, match="`sampling` goes with `batch_size` alone"):
        model.fit(data, tokens=200, sampling=0.1)
    with pytest.raises(TypeError, match=r"must be a .*ParallelText with sampling=0\.1"):
        model.fit(kept, sampling=0.1)


def draws(model, data, epoch):
    drawn = {"sampling": 0.3, "seed": epoch}
    return model.encode_source(data.source, **drawn), model.encode_target(data.target, **drawn)


ON_JAX = """
import json
from tests.models.test_translation_model import *
print(json.dumps([two_epochs(kind) for kind in ON_BOTH]))
"""
ON_BOTH = ("bahdanau", "transformer")


def two_epochs(kind):
    """The losses of two epochs of SGD, from weights alike on every backend, and translations after them."""
    model, data = with_tokenizers(kind), text(40, seed=3)
    model.build()
    random = np.random.default_rng(2)
    model.set_weights([0.3 * random.normal(size=w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(0.5))
    logs = model.fit(data, validation_data=data, batch_size=10, epochs=2, verbose=0).history
    best = model.translations(data.source[:3], beam_size=3, max_length=5)
    return logs["loss"], logs["val_loss"], [own[0].text for own in best], [own[0].score for own in best]


@pytest.mark.slow
def test_fit_and_translate_do_the_same_on_jax():
    for kind, theirs in zip(ON_BOTH, json.loads(run_on_jax("-c", ON_JAX).splitlines()[-1])):
        (loss, val_loss, texts, scores), own = theirs, two_epochs(kind)
        assert loss == pytest.approx(own[0], abs=1e-3)
        assert val_loss == pytest.approx(own[1], abs=1e-3)
        assert val_loss[1] < val_loss[0] - 0.05
        assert texts == own[2]
        assert scores == pytest.approx(own[3], abs=1e-3)
