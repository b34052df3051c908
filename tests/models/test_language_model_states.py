"""States are carried: a text in pieces is the text as a whole, and its numbers are exact."""

import keras
import numpy as np
import pytest

from keras_rnn.callbacks import TrainingCheckpoint
from tests.contracts.arrays import distance, flat
from tests.models.small_language_model import (
    BATCH,
    IDS,
    OTHER_IDS,
    ROWS,
    STEPS,
    language_model,
    likelihoods,
    log_probabilities,
    stream,
)

DROPOUT = {"hidden_dropout": 0.3, "seed": 4}


def reset_at_starts(model, ids, batch):
    """The likelihoods of all ids but the first, in `batch` passes, each from fresh states."""
    width = -(-(len(ids) - 1) // batch)
    starts = range(0, len(ids) - 1, width)
    return np.concatenate([likelihoods(model, ids[start : start + width + 1]) for start in starts])


@pytest.mark.parametrize("steps", [1, 7, 23, 46, 100])
def test_one_stream_in_windows_is_one_pass(steps):
    model = language_model()
    expected = likelihoods(model, OTHER_IDS)
    found = model.perplexity(OTHER_IDS, steps=steps)
    assert found["tokens"] == len(expected) == 46
    assert abs(found["nll"] - expected.mean()) < 1e-5
    assert abs(found["perplexity"] - np.exp(expected.mean())) < 1e-4


def test_what_carries_no_state_is_another_number():
    model = language_model()
    fresh = np.concatenate([likelihoods(model, OTHER_IDS[k : k + 8]) for k in range(0, 46, 7)])
    assert abs(model.perplexity(OTHER_IDS, steps=7)["nll"] - fresh.mean()) > 1e-3


@pytest.mark.parametrize("batch", [3, 20])
def test_several_streams_are_passes_reset_at_their_starts(batch):
    model = language_model()
    expected = reset_at_starts(model, IDS, batch)
    found = model.perplexity(IDS, batch_size=batch, steps=4)
    assert found["tokens"] == len(expected) == len(IDS) - 1
    assert abs(found["nll"] - expected.mean()) < 1e-5
    assert abs(found["nll"] - likelihoods(model, IDS).mean()) > 1e-3


def test_perplexity_follows_the_weights():
    model = language_model()
    before = model.perplexity(OTHER_IDS)["nll"]
    model.set_weights([2 * w for w in model.get_weights()])
    assert abs(before - model.perplexity(OTHER_IDS)["nll"]) > 1e-3
    assert abs(model.perplexity(OTHER_IDS)["nll"] - likelihoods(model, OTHER_IDS).mean()) < 1e-5


@pytest.mark.parametrize("batch", [1, 3, 20])
def test_evaluate_counts_each_token_once(batch):
    model = language_model(**DROPOUT)
    expected = model.perplexity(IDS, batch_size=batch)
    tail = stream(IDS, batch, keep_tail=True)
    loss, perplexity = model.evaluate(tail, verbose=0)
    assert abs(loss - expected["nll"]) < 1e-5
    assert abs(perplexity - expected["perplexity"]) < 1e-3
    assert model.evaluate(tail.for_keras(), verbose=0, return_dict=True)["loss"] == loss


@pytest.mark.parametrize("sum_over_steps", [False, True])
def test_the_loss_is_exact_on_a_short_last_batch(sum_over_steps):
    # Three rows of 23 steps, by 5: the last batch has 3, and a mean over batches would weigh them double.
    model = language_model(sum_over_steps=sum_over_steps)
    expected = reset_at_starts(model, IDS, BATCH).mean()
    assert abs(model.evaluate(stream(), verbose=0)[0] - expected) < 1e-5
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.fit(stream(), validation_data=stream(), verbose=0).history
    assert abs(logs["loss"][0] - expected) < 1e-5
    assert abs(logs["val_perplexity"][0] - np.exp(expected)) < 1e-3


def test_a_dict_is_read_on_from_where_the_last_one_ended():
    model = language_model()
    pieces = [dict(zip(("tokens", "targets"), stream()[k])) for k in range(3)]
    found = [model(piece) for piece in pieces]
    for row, nll in enumerate(np.concatenate([y["nll"] for y in found], axis=1)):
        begin = 23 * row
        assert distance(nll, likelihoods(model, IDS[begin : begin + 3 * STEPS + 1])) < 1e-5
    assert all(abs(float(y["total"]) - np.sum(y["nll"])) < 1e-3 for y in found)
    weights = np.arange(15, dtype="float32").reshape(BATCH, STEPS)
    model.reset_state()
    weighted = model({**pieces[0], "weights": weights})
    assert distance(weighted["nll"], found[0]["nll"]) < 1e-6
    assert abs(float(weighted["total"]) - np.sum(weights * found[0]["nll"])) < 1e-3


def test_ids_alone_leave_the_states_alone():
    model = language_model()
    model(dict(zip(("tokens", "targets"), stream()[0])))
    before = flat(model.states)
    assert min(np.abs(state).max() for state in before) > 0.01
    first = model(ROWS)
    assert distance(model(ROWS), first) == 0
    assert distance(model.predict(ROWS, verbose=0), first) < 1e-6
    assert distance(first[1], log_probabilities(model, ROWS[1])) < 1e-6
    model.perplexity(IDS, batch_size=BATCH)
    assert distance(flat(model.states), before) == 0


def test_run_is_the_same_in_two_pieces():
    model = language_model()
    h, states = model.run(ROWS, model.initial_states(3))
    h1, between = model.run(ROWS[:, :3], model.initial_states(3))
    h2, last = model.run(ROWS[:, 3:], between)
    assert distance(np.concatenate([h1, h2], axis=1), h) < 1e-6
    assert distance(last, states) < 1e-6


def test_a_validation_leaves_the_training_alone():
    alone, validated = (language_model(**DROPOUT) for _ in range(2))
    history = alone.fit(stream(), epochs=2, verbose=0).history
    others = validated.fit(stream(), epochs=2, verbose=0, validation_data=stream(OTHER_IDS, BATCH)).history
    assert others["loss"] == history["loss"]
    assert distance(validated.get_weights(), alone.get_weights()) == 0
    expected = reset_at_starts(validated, OTHER_IDS[:46], BATCH).mean()
    assert abs(others["val_loss"][1] - expected) < 1e-5


def test_each_epoch_begins_with_fresh_states():
    model = language_model()
    model.compile(keras.optimizers.SGD(0.0))
    first, second = model.fit(stream(), epochs=2, verbose=0).history["loss"]
    assert first == second


def test_a_training_goes_on_from_its_checkpoint(tmp_path):
    def train(epochs, path):
        model, checkpoint = language_model(**DROPOUT), TrainingCheckpoint(path)
        model.fit(
            stream(variable_steps=True),
            validation_data=stream(OTHER_IDS, 1),
            initial_epoch=checkpoint.restore(model),
            epochs=epochs,
            callbacks=[checkpoint],
            verbose=0,
        )
        return model.get_weights(), checkpoint.history

    weights, history = train(3, tmp_path / "unbroken.npz")
    train(1, tmp_path / "broken.npz")
    again, history_again = train(3, tmp_path / "broken.npz")
    assert distance(weights, again) == 0
    assert history == history_again
