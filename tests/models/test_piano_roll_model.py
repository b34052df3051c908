"""A model of polyphonic music: its likelihood by hand, what it may know, training, generation, saving."""

import keras
import numpy as np
import pytest

from keras_rnn import layers, models
from keras_rnn.models.piano_roll_batches import PianoRollBatches
from tests.models.small import distance

RANDOM = np.random.default_rng(0)


def pieces(*lengths, keys=5):
    return [(RANDOM.random((length, keys)) < 0.4).astype("uint8") for length in lengths]


def made(*extra, **arguments):
    keras.utils.set_random_seed(1)
    model = models.PianoRollModel([layers.SimpleRNN(4), *extra], keys=5, **arguments)
    model.build()
    for variable in model.trainable_variables:
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.5, seed=variable.shape[0]))
    return model


def probabilities(model, roll):
    """By the equations: a network of tanh, one step after the other."""
    W, U, b, V, c = (keras.ops.convert_to_numpy(w).astype(float) for w in model.trainable_variables)
    h, x, q = np.zeros(len(U)), np.zeros(len(W)), []
    for frame in roll:
        h = np.tanh(x @ W + h @ U + b)
        q.append(1 / (1 + np.exp(-(h @ V + c))))
        x = frame
    return np.array(q)


def test_the_likelihood_is_that_of_the_equations():
    model, rolls = made(), pieces(3, 7, 1, 7)
    model.compile()
    for roll in rolls:
        assert distance(model(roll[None])[0], probabilities(model, roll)) < 1e-6
    total = 0.0
    for roll in rolls:
        q = probabilities(model, roll)
        total -= np.sum(np.log(np.where(roll == 1, q, 1 - q)))
    assert float(model.evaluate(rolls, batch_size=3, verbose=0)) == pytest.approx(total / 18, rel=1e-6)


def test_a_certain_and_wrong_answer_costs_a_finite_number():
    model = made()
    model.head.dense.bias.assign([200.0, -200.0, 0.0, 0.0, 0.0])
    rolls = np.zeros((1, 1, 5))
    rolls[..., 1] = 1
    outputs = model({"rolls": rolls, "weights": np.ones((1, 1))})
    assert 395 < float(outputs["nll"][0, 0]) < 410


def test_a_step_knows_nothing_of_itself_and_of_what_follows():
    model, [roll] = made(layers.GRU(3)), pieces(6)
    before, changed = model(roll[None]), roll.copy()
    changed[3] = 1 - changed[3]
    after = model(changed[None])
    same = np.all(keras.ops.convert_to_numpy(before == after)[0], axis=-1)
    assert same.tolist() == [True, True, True, True, False, False]


def test_training_lowers_the_loss_and_goes_on_with_the_batches_that_come_next():
    rolls = [np.tile([[1, 0, 0, 1, 0], [0, 1, 0, 0, 1]], (k, 1)) for k in (3, 4, 5, 6)]

    def trained(*spans):
        model = made(input_dropout=0.2, output_dropout=0.1, seed=3)
        model.compile(keras.optimizers.Adam(0.05))
        histories = [
            model.fit(rolls, 2, length=6, validation_data=rolls, initial_epoch=a, epochs=b, verbose=0, seed=4)
            for a, b in spans
        ]
        return model, [loss for own in histories for loss in own.history["val_loss"]]

    model, losses = trained((0, 12))
    assert losses[-1] < 0.6 * losses[0]
    again, _ = trained((0, 5), (5, 12))
    for one, other in zip(model.get_weights(), again.get_weights()):
        assert distance(one, other) == 0


def test_long_pieces_are_cut_at_other_places_in_each_epoch():
    [roll] = pieces(50)
    batches = PianoRollBatches([roll], 5, 2, length=8, shuffle=True, seed=1)
    seen = []
    for _ in range(3):
        [(rolls, weights)] = list(batches.whole_epoch())
        assert rolls.shape == (1, 8, 5) and weights.tolist() == [[1.0] * 8]
        seen.append([k for k in range(43) if np.array_equal(roll[k : k + 8], rolls[0])])
    assert all(seen) and len({tuple(own) for own in seen}) > 1
    whole, _ = PianoRollBatches([roll], 5, 2, length=8)[0]
    assert whole.shape == (1, 50, 5)


def test_music_is_drawn_from_the_probabilities():
    model, [prompt] = made(layers.LSTM(3)), pieces(4)
    drawn = model.generate(9, prompt, seed=2)
    assert drawn.shape == (9, 5) and drawn.dtype == np.uint8
    u = np.random.default_rng(2).random((9, 1, 5), np.float32)[:, 0]
    whole = np.concatenate([prompt, drawn])
    q = keras.ops.convert_to_numpy(model(whole[None]))[0, 4:]
    assert np.array_equal(drawn, u < q)
    assert np.array_equal(model.generate(9, prompt, seed=2), drawn)
    assert not np.array_equal(model.generate(9, prompt, seed=3), drawn)
    for temperature in (1e-3, 0):
        cold = model.generate(9, prompt, temperature=temperature)
        q = keras.ops.convert_to_numpy(model(np.concatenate([prompt, cold])[None]))[0, 4:]
        assert np.array_equal(cold, q > 0.5)


def test_saved_and_loaded(tmp_path):
    model, [roll] = made(layers.GRU(3), hidden_dropout=0.1), pieces(4)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert distance(again(roll[None]), model(roll[None])) == 0
    assert again.get_config()["hidden_dropout"] == 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.evaluate([]), "at least one piece; received none"),
        (lambda model: model.fit([np.zeros((3, 4))]), r"an array \(steps, 5\).*shape \(3, 4\), number 0"),
        (
            lambda model: model.evaluate([np.zeros((0, 5))]),
            r"at least one step; received one of shape \(0, 5\)",
        ),
        (lambda model: model.generate(0), "`steps` must be a positive integer.*steps=0"),
        (lambda model: model.generate(3, temperature=-1), "`temperature` a finite number from 0.*=-1"),
        (lambda model: models.PianoRollModel([layers.GRU(3)], input_dropout=1.0), "`input_dropout` must"),
        (lambda model: models.PianoRollModel([]), "`layers` must hold at least one layer"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(made())
