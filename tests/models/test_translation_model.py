"""Sentences into a translator, and sentences out of it."""

import keras
import numpy as np
import pytest

from keras_rnn.callbacks import ValidationBLEU
from keras_rnn.metrics import bleu
from keras_rnn.models import Translation
from keras_rnn.subwords import END, START
from tests.models.small_translation import text, translator, with_tokenizers


@pytest.fixture(scope="module")
def trained():

    keras.utils.set_random_seed(0)
    model, held = with_tokenizers(), text(40, seed=5)
    model.compile(keras.optimizers.Adam(0.02))
    logs = model.fit(
        text(1500, seed=3), 50, validation_data=held, epochs=6, verbose=0, callbacks=[ValidationBLEU(held, 3)]
    ).history
    return model, held, logs


def test_it_learns_and_bleu_is_in_the_logs(trained):
    model, held, logs = trained
    assert set(logs) == {"loss", "perplexity", "val_loss", "val_perplexity", "val_accuracy", "val_bleu"}
    assert logs["val_bleu"][0] == 0.0
    assert logs["val_bleu"][2] == logs["val_bleu"][4]
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


def test_what_is_no_sentence(trained):
    model, *_ = trained
    empty, white, odd, plain = model.translate(["", " \t ", "日本 ☃", "two one"])
    assert (empty, white) == ("", "")
    assert isinstance(odd, str)
    assert plain == model.translate(["two one"])[0]
    with pytest.warns(UserWarning, match=r"Sentence 2 has \d+ pieces; 511 of them are read"):
        both = model.translate(["two one", "two " * 5000], max_length=5)
    assert both[0] == model.translate(["two one"], max_length=5)[0]


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


def test_tokens_decide_the_batches():
    model = with_tokenizers()
    model.compile("sgd")
    steps = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(batch)

    model.fit(text(60), tokens=200, epochs=1, verbose=0, callbacks=[Count()])
    assert len(steps) > 2


def test_what_is_refused(trained):
    model, held, _ = trained
    for wrong, message in (
        ({"beam_size": 0}, "`beam_size` must be a positive integer; received beam_size=0"),
        (
            {"n_best": 3, "beam_size": 2},
            "`n_best` must be at most `beam_size`; received n_best=3, beam_size=2",
        ),
        ({"max_length": 0}, "`max_length` must be a positive integer; received max_length=0"),
    ):
        with pytest.raises(ValueError, match=message):
            model.translate(["one"], **wrong)
    with pytest.raises(ValueError, match="has no tokenizers and takes ids"):
        translator().translate(["one"])
    with pytest.raises(TypeError, match=r"`x` must be a keras_rnn.datasets.ParallelText; received list"):
        model.fit(held.source)
    with pytest.raises(ValueError, match="one translation for each of `references`; received 1 and 2"):
        bleu(["a"], ["a", "b"])
