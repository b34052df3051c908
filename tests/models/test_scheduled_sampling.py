"""Training inputs that are in part the model's own."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.callbacks import StopOnNaN
from keras_rnn.models import SequenceToSequence
from keras_rnn.models.scheduled_sampling import mixed_inputs
from tests.models.small_translation import TYPES, pairs, text, translator, with_tokenizers

SOURCE, TARGET = pairs(6)


def log_p_of(ids):
    """A model that is sure of `ids`."""
    return np.where(np.arange(TYPES) == ids[..., None], 0.0, -1e9).astype("float32")


def test_what_is_drawn_is_the_word_of_that_place():
    other = np.where(TARGET[:, 1:] > 3, 4 + (TARGET[:, 1:] - 4 + 5) % (TYPES - 4), TARGET[:, 1:])
    mixed = ops.convert_to_numpy(mixed_inputs(TARGET, log_p_of(other), 1.0, keras.random.SeedGenerator(1)))
    assert mixed.tolist() == np.concatenate([TARGET[:, :1], other[:, :-1]], axis=1).tolist()
    none = ops.convert_to_numpy(mixed_inputs(TARGET, log_p_of(other), 0.0, keras.random.SeedGenerator(1)))
    assert none.tolist() == TARGET[:, :-1].tolist()


def test_padding_stays_and_the_share_is_what_was_asked_for():
    target = np.tile([[2, *[5] * 40, 3, 0, 0]], (50, 1))
    log_p = log_p_of(np.full((50, 43), 9))
    mixed = ops.convert_to_numpy(mixed_inputs(target, log_p, 0.3, keras.random.SeedGenerator(1)))
    assert (mixed[:, 0] == 2).all()
    assert (mixed[:, -1] == 0).all()
    assert abs((mixed[:, 1:-1] == 9).mean() - 0.3) < 0.03


@pytest.mark.parametrize("decoder", ["luong", "none"])
def test_only_training_reads_them(decoder):
    plain, model = translator(decoder), translator(decoder, scheduled_sampling=0.9, seed=1)
    plain.set_weights(model.get_weights()[1:])
    inputs = {"source": SOURCE, "target": TARGET}
    nll = [ops.convert_to_numpy(own(inputs)["nll"]) for own in (plain, model)]
    assert np.abs(nll[0] - nll[1]).max() < 1e-6
    model.scheduled_sampling.assign(0.9)
    nll[1] = ops.convert_to_numpy(model(inputs, training=True)["nll"])
    assert np.abs(nll[0] - nll[1])[:, 0].max() < 1e-4  # behind the first id nothing was drawn yet
    assert np.abs(nll[0] - nll[1]).max() > 0.01
    model.scheduled_sampling.assign(0.0)
    nll[1] = ops.convert_to_numpy(model(inputs, training=True)["nll"])
    assert np.abs(nll[0] - nll[1]).max() < 1e-4


def test_fit_with_a_share_that_rises():
    model = with_tokenizers("luong", scheduled_sampling=1e-3, seed=1)
    model.compile(keras.optimizers.Adam(1e-2))
    rises = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.scheduled_sampling.assign(0.1 * epoch)
    )
    losses = model.fit(text(60), batch_size=20, epochs=4, callbacks=[rises, StopOnNaN()], verbose=0).history
    assert losses["loss"][-1] < losses["loss"][0]
    assert float(model.scheduled_sampling.value) == pytest.approx(0.3)
    again = SequenceToSequence.from_config(model.get_config())
    again.build()
    assert len(again.weights) == len(model.weights)


def test_a_share_outside_is_refused():
    with pytest.raises(ValueError, match="`scheduled_sampling` must be a share"):
        translator(scheduled_sampling=1.0)
