"""Where a language model drops, and what its penalties see."""

import keras
import numpy as np
import pytest

from keras_rnn.layers import Recurrent, RecurrentCell
from keras_rnn.models import LanguageModel
from tests.contracts.arrays import distance, flat
from tests.models.small_language_model import ROWS, TYPES, language_model


class Copy(RecurrentCell):
    """Shows what it reads: what is dropped around it stands in the features."""

    state_size = (1,)

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.output_size = units

    output_size = 0

    def build(self, input_shape):
        pass

    def get_constants(self, batch_size, training=False):
        return {}

    def project_inputs(self, inputs, constants):
        return inputs

    def step(self, projected, states, constants):
        return projected, states


def masks(units=64, **arguments):
    """What training multiplies the features by, of `ROWS`."""
    ones = keras.layers.Embedding(TYPES, units, embeddings_initializer="ones")
    model = LanguageModel(TYPES, [Recurrent(Copy(units)), Recurrent(Copy(units))], ones, seed=1, **arguments)
    model.build((None, None))
    assert distance(model.run(ROWS, model.initial_states(3))[0], np.ones((3, 8, units))) == 0
    return flat(model.run(ROWS, model.initial_states(3), training=True)[0])[0]


@pytest.mark.parametrize("site", ["input_dropout", "hidden_dropout", "output_dropout"])
def test_a_locked_mask_serves_all_steps_of_a_row(site):
    mask = masks(**{site: 0.25})
    assert set(np.unique(mask)) == {0, np.float32(1 / 0.75)}
    assert abs(np.mean(mask[:, 0] == 0) - 0.25) < 0.15
    assert np.ptp(mask, axis=1).max() == 0
    assert np.ptp(mask, axis=0).max() > 0


@pytest.mark.parametrize("site", ["input_dropout", "hidden_dropout", "output_dropout"])
def test_a_fresh_mask_is_drawn_for_each_step(site):
    mask = masks(**{site: 0.25}, locked=False)
    assert abs(np.mean(mask == 0) - 0.25) < 0.05
    kept = mask > 0
    both = np.mean(kept[:, 1:] & kept[:, :-1])
    assert abs(both - 0.75**2) < 0.05


def test_masks_at_different_places_are_different():
    product = masks(units=600, input_dropout=0.5, hidden_dropout=0.5, output_dropout=0.5)
    assert abs(np.mean(product[:, 0] > 0) - 0.125) < 0.04


def test_a_word_type_is_dropped_in_the_whole_batch():
    mask = masks(embedding_dropout=0.5)
    dropped = {int(word) for word in ROWS[mask[..., 0] == 0]}
    assert 0 < len(dropped) < len(set(ROWS.ravel()))
    assert not dropped & {int(word) for word in ROWS[mask[..., 0] > 0]}
    assert np.ptp(mask, axis=-1).max() == 0


def test_the_penalties_see_the_dropped_and_the_whole_output():
    alpha, beta = 2.0, 3.0
    model = language_model(
        output_dropout=0.5, activation_regularization=alpha, temporal_activation_regularization=beta
    )
    whole = flat(model.run(ROWS, model.initial_states(3))[0])[0]
    assert not any(map(float, model.losses))
    dropped = flat(model.run(ROWS, model.initial_states(3), training=True)[0])[0]
    expected = {alpha * np.mean(dropped**2), beta * np.mean(np.diff(whole, axis=1) ** 2)}
    assert distance(sorted(map(float, model.losses)), sorted(expected)) < 1e-6
