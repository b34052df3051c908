"""A language model is made again, saved and loaded; and what it refuses."""

import keras
import numpy as np
import pytest

from keras_rnn.layers import (
    LSTM,
    Bidirectional,
    EmbeddingDropout,
    FullSoftmax,
    LSTMCell,
    Recurrent,
    SimpleRNN,
    WeightDrop,
)
from keras_rnn.models import LanguageModel
from tests.contracts.arrays import distance
from tests.models.small_language_model import (
    IDS,
    OTHER_IDS,
    ROWS,
    TYPES,
    language_model,
    likelihoods,
    stream,
)


def recipes():
    """name -> arguments of a model that uses much of what there is."""
    return {
        "plain": {},
        "tied": {"layers": [SimpleRNN(6)], "tie_embeddings": True},
        "awd": {
            "layers": [Recurrent(WeightDrop(LSTMCell(n), 0.5, seed=3)) for n in (7, 6)],
            "tie_embeddings": True,
            "embedding_dropout": 0.1,
            "input_dropout": 0.4,
            "hidden_dropout": 0.25,
            "output_dropout": 0.4,
            "activation_regularization": 2.0,
            "temporal_activation_regularization": 1.0,
            "seed": 5,
        },
        "own parts": {
            "embedding": EmbeddingDropout(keras.layers.Embedding(TYPES, 5), 0.2, seed=1),
            "softmax": FullSoftmax(TYPES),
            "locked": False,
            "sum_over_steps": True,
            "hidden_dropout": 0.3,
            "seed": 2,
        },
    }


@pytest.mark.parametrize("recipe", recipes())
def test_it_is_made_again_from_its_config(recipe):
    model = language_model(**recipes()[recipe])
    again = LanguageModel.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.build((None, None))
    again.set_weights(model.get_weights())
    training = {"training": True}
    batch = dict(zip(("tokens", "targets"), stream()[0]))
    assert distance(again(ROWS), model(ROWS)) == 0
    assert distance(again(batch, **training), model(batch, **training)) == 0  # the seeds, too


@pytest.mark.parametrize("recipe", recipes())
def test_it_is_loaded_from_its_file_and_goes_on(recipe, tmp_path):
    model = language_model(**recipes()[recipe])
    model.fit(stream(), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert distance(loaded(ROWS), model(ROWS)) == 0
    fresh = language_model(**recipes()[recipe])
    fresh.load_weights(tmp_path / "model.weights.h5")
    assert distance(fresh(ROWS), model(ROWS)) == 0
    history = loaded.fit(stream(), epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_carried_states_are_no_weights():
    model = language_model()
    weights, variables = len(model.weights), len(model.variables)
    model.fit(stream(), validation_data=stream(OTHER_IDS, 1), verbose=0)
    assert len(model.states) == 6
    assert len(model.weights) == weights
    assert len(model.variables) == variables + 6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layers": []}, ValueError, "`layers` must hold at least one"),
        ({"layers": [keras.layers.LSTM(4)]}, TypeError, "must be a keras_rnn.layers.Recurrent"),
        ({"layers": [LSTMCell(4)]}, TypeError, r"Recurrent\(cell\)"),
        ({"layers": [Bidirectional(LSTM(4))]}, TypeError, "must be a keras_rnn.layers.Recurrent"),
        ({"layers": [LSTM(4, go_backwards=True)]}, ValueError, "must read forwards"),
        ({"layers": [LSTM(4, stateful=True)]}, ValueError, "leave its states to the model"),
        ({"hidden_dropout": 1.0}, ValueError, r"`hidden_dropout` .* received hidden_dropout=1.0"),
        ({"output_dropout": -0.1}, ValueError, "`output_dropout`"),
        ({"activation_regularization": -1.0}, ValueError, "`alpha`"),
        ({"tie_embeddings": True}, ValueError, "as many units as the embedding"),
        ({"softmax": FullSoftmax(TYPES, tied=True)}, ValueError, "`softmax` must have tied=False"),
        ({"softmax": FullSoftmax(9)}, ValueError, "vocabulary_size=11, as the model; received .*=9"),
    ],
)
def test_what_cannot_be_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        language_model(**arguments)


@pytest.mark.parametrize("wrong", [-1, TYPES])
def test_a_word_outside_the_vocabulary_is_refused_and_named(wrong):
    ids, model = IDS.copy(), language_model()
    ids[17] = wrong
    message = f"from 0 to 10; received {wrong} at place 17"
    for use in (
        lambda: model.fit(stream(ids), verbose=0),
        lambda: model.fit(stream(), validation_data=stream(ids), verbose=0),
        lambda: model.evaluate(stream(ids), verbose=0),
        lambda: model.perplexity(ids),
    ):
        with pytest.raises(ValueError, match=message):
            use()


def test_what_is_no_stream_is_refused():
    model = language_model()
    with pytest.raises(TypeError, match=r"must be a keras_rnn.datasets.TokenStream; received ndarray"):
        model.fit(ROWS)
    with pytest.raises(TypeError, match="`validation_data` must be"):
        model.fit(stream(), validation_data=(ROWS, ROWS))
    with pytest.raises(ValueError, match="at least two"):
        model.perplexity([3])


def test_a_text_shorter_than_a_piece():
    model = language_model()
    found = model.perplexity(OTHER_IDS[:3], steps=50)
    assert found["tokens"] == 2
    assert abs(found["nll"] - likelihoods(model, OTHER_IDS[:3]).mean()) < 1e-6
