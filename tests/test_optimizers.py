"""AveragedSGD against NumPy and torch, in all graph modes and on JAX; OneCycle against torch."""

import doctest

import keras
import numpy as np
import pytest
from keras import ops

from keras_rnn.optimizers import (
    AveragedSGD,
    OneCycle,
    SlantedTriangular,
    averaged_sgd,
    one_cycle,
    slanted_triangular,
)
from tests.contracts.arrays import ON_JAX, distance, flat, identical, normal
from tests.contracts.test_jax import run_on_jax

SHAPES, RATE, DECAY, CLIP = [(3, 2), (4,)], 0.125, 0.25, 1.5
STEPS, BEGIN = 9, 4  # averaging begins after four steps
CLOSE = 1e-6 if ON_JAX else 1e-14  # under JAX the test runs without float64


def start():
    return [normal([1, k], *shape) for k, shape in enumerate(SHAPES)]


def gradients(step):
    """The first are short and the others long, so that some are clipped and some are not."""
    return [(0.1 + step) * normal([2, step, k], *shape) for k, shape in enumerate(SHAPES)]


def expected(begin=BEGIN, extra=0, decay_is_clipped=False, decay=DECAY, restart=False):
    """`(weights, averages)` after each step, from the definition: a mean over the weights that are kept."""
    w, kept, found = start(), [], []
    for step in range(STEPS):
        g = gradients(step)
        if decay_is_clipped:
            g = [a + decay * b for a, b in zip(g, w)]
        norm = np.sqrt(sum(np.sum(a**2) for a in g))
        g = [a * min(1, CLIP / norm) for a in g]
        before = w
        w = [b - RATE * (a + (0 if decay_is_clipped else decay) * b) for a, b in zip(g, w)]
        if step == begin:
            kept = [before] * extra
        if step >= begin:
            kept = [w] if restart else [*kept, w]
        mean = [np.mean(values, axis=0) for values in zip(*kept)] if kept else [np.zeros(s) for s in SHAPES]
        found.append((w, mean))
    return found


def variables():
    return [keras.Variable(value, dtype="float64") for value in start()]


def ours():
    weights, optimizer = variables(), AveragedSGD(RATE, weight_decay=DECAY, global_clipnorm=CLIP)
    found = []
    for step in range(STEPS):
        if step == BEGIN:
            optimizer.begin_averaging()
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients(step)], weights)
        assert int(optimizer.averaged_steps) == max(0, step + 1 - BEGIN)
        found.append((flat(weights), flat(optimizer.averages)))
    return found


def test_each_step_is_that_of_the_definition():
    assert distance(ours(), expected()) < CLOSE


MUTANTS = [{"begin": BEGIN - 1}, {"begin": BEGIN + 1}, {"extra": 1}, {"decay_is_clipped": True}]
MUTANTS += [{"decay": 0.0}, {"restart": True}]


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_wrong_definition_is_told_apart(mutant):
    assert distance(expected(**mutant), expected()) > 1e-3


@pytest.mark.parametrize("averaged", [False, True])
def test_torch_takes_the_same_steps(averaged):
    torch = pytest.importorskip("torch")
    theirs = [torch.nn.Parameter(torch.tensor(value)) for value in start()]
    descent = (
        torch.optim.ASGD(theirs, RATE, lambd=0.0, t0=0, weight_decay=DECAY)
        if averaged
        else torch.optim.SGD(theirs, RATE, weight_decay=DECAY)
    )
    weights, optimizer = variables(), AveragedSGD(RATE, weight_decay=DECAY, global_clipnorm=CLIP)
    for step in range(STEPS):
        if step == 1:  # torch's mean begins with the second step
            optimizer.begin_averaging()
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients(step)], weights)
        for w, g in zip(theirs, gradients(step)):
            w.grad = torch.tensor(g)
        torch.nn.utils.clip_grad_norm_(theirs, CLIP)
        descent.step()
        assert distance(weights, [w.detach().numpy() for w in theirs]) < 1e-5  # torch adds 1e-6 to the norm
        if averaged and step:
            averages = [descent.state[w]["ax"].numpy() for w in theirs]
            assert distance(optimizer.averages, averages) < 1e-5


def test_averaging_may_begin_anew():
    weights, optimizer, seen = variables(), AveragedSGD(RATE), []
    for step in range(5):
        if step in (0, 3):
            optimizer.begin_averaging()
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients(step)], weights)
        seen.append(flat(weights))
    assert int(optimizer.averaged_steps) == 2
    assert distance(optimizer.averages, [np.mean(w, axis=0) for w in zip(*seen[3:])]) < CLOSE


def test_weights_without_a_gradient_and_with_a_constraint_are_averaged():
    still, held = keras.Variable([3.0, -2.0]), keras.Variable([0.5, -0.5])
    held.constraint = keras.constraints.NonNeg()
    optimizer = AveragedSGD(1.0)
    optimizer.begin_averaging()
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([None, ops.convert_to_tensor([0.25, 1.0])], [still, held])
    assert identical(optimizer.averages, [np.array([3.0, -2.0]), np.array([0.25, 0.0])])


def test_the_averages_are_written_into_the_weights():
    weights, optimizer = variables(), AveragedSGD(RATE)
    optimizer.build(weights)
    optimizer.begin_averaging()
    optimizer.finalize_variable_values(weights)  # no step has been averaged: there is nothing to write
    assert identical(weights, start())
    for step in range(2):
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients(step)], weights)
    before, averages = flat(weights), flat(optimizer.averages)
    assert distance(before, averages) > 0.01
    optimizer.finalize_variable_values(weights[1:])  # found by the weight, not by its place
    assert identical(weights, [before[0], averages[1]])
    optimizer.finalize_variable_values(weights)
    optimizer.finalize_variable_values(weights)
    assert identical(weights, averages)
    assert identical(optimizer.averages, averages)


# ---------------------------------------------------------------------------- in fit

IDS = np.array([[1, 1, 1, 4], [1, 2, 1, 1], [0, 1, 3, 3], [1, 1, 0, 1]])
TARGETS = normal(5, 4, 4, 3)


def model(optimizer, **compile_arguments):
    inputs = keras.Input((4,), dtype="int32")
    y = keras.layers.Dense(3)(keras.layers.Embedding(5, 2)(inputs))
    network = keras.Model(inputs, y)
    network.set_weights([normal([6, k], *w.shape) for k, w in enumerate(network.get_weights())])
    network.compile(optimizer, "mse", **compile_arguments)
    return network


def fitted(optimizer=None, **compile_arguments):
    if optimizer is None:
        optimizer = AveragedSGD(0.5, global_clipnorm=0.75)
        optimizer.begin_averaging()
    network = model(optimizer, **compile_arguments)
    network.fit(IDS, TARGETS, batch_size=2, epochs=2, shuffle=False, verbose=0)
    return network


def test_the_norm_of_an_embedding_is_that_of_the_sum_over_a_word():
    before = model(AveragedSGD(1.0, global_clipnorm=0.01))
    after = model(AveragedSGD(1.0, global_clipnorm=0.01))
    after.fit(IDS, TARGETS, batch_size=4, verbose=0)
    step = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(after.get_weights(), before.get_weights())))
    assert abs(step - 0.01) < 1e-5


def test_all_graph_modes_give_the_same():
    plain = fitted()
    assert int(plain.optimizer.averaged_steps) == 4
    assert identical(plain.get_weights(), plain.optimizer.averages)  # `fit` ends with them
    for mode in ({"run_eagerly": True}, {"jit_compile": True}, {"jit_compile": False}):
        other = fitted(**mode)
        assert distance(other.get_weights(), plain.get_weights()) < 1e-6, mode
        assert distance(other.optimizer.variables, plain.optimizer.variables) < 1e-6, mode


def test_a_scaled_loss_takes_the_same_steps():
    scaled = AveragedSGD(0.5, global_clipnorm=0.75)
    scaled.begin_averaging()
    found = fitted(keras.optimizers.LossScaleOptimizer(scaled, initial_scale=16.0))
    assert distance(found.get_weights(), fitted().get_weights()) < 1e-6
    assert int(scaled.averaged_steps) == 4


def test_a_saved_model_has_its_averages(tmp_path):
    trained = fitted()
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is AveragedSGD
    assert loaded.optimizer.get_config() == trained.optimizer.get_config()
    assert identical(loaded.optimizer.variables, trained.optimizer.variables)
    for network in (trained, loaded):
        network.fit(IDS, TARGETS, batch_size=2, shuffle=False, verbose=0)
    assert int(loaded.optimizer.averaged_steps) == 6
    assert distance(loaded.get_weights(), trained.get_weights()) < 1e-6


@pytest.mark.slow
def test_all_of_this_holds_on_jax():
    chosen = "not torch and not wrong and not refuses and not examples and not jax"
    output = run_on_jax("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", chosen)
    assert "11 passed" in output


# ---------------------------------------------------------------------------- OneCycle


def by_definition(step, shape):
    """maximum 3, steps 20, warm_up 0.3, initial_ratio 0.1, final_ratio 0.01."""
    up, last = 6, 20
    begin, end, x = (0.3, 3.0, step / up) if step <= up else (3.0, 0.03, (step - up) / (last - up))
    return begin + (end - begin) * (x if shape == "linear" else np.sin(np.pi * x / 2) ** 2)


def cycle(shape="cosine", **changed):
    given = {"maximum": 3.0, "steps": 20, "warm_up": 0.3, "initial_ratio": 0.1, "final_ratio": 0.01}
    return OneCycle(**{**given, **changed}, shape=shape)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_a_rate_rises_and_falls(shape):
    schedule = OneCycle.from_config(cycle(shape).get_config())
    rates = [float(schedule(ops.convert_to_tensor(step, "int32"))) for step in range(21)]
    assert np.allclose(rates, [by_definition(step, shape) for step in range(21)], atol=1e-6)
    assert np.argmax(rates) == 6
    assert float(schedule(10**6)) == rates[20]
    optimizer = AveragedSGD(schedule)
    weight = keras.Variable(0.0)
    for _ in range(20):
        optimizer.apply([ops.convert_to_tensor(1.0)], [weight])
    assert abs(float(weight) + sum(rates[:20])) < 1e-4


def test_a_slanted_triangle_is_that_of_its_paper():
    schedule, cut = SlantedTriangular(0.01, steps=50, cut=0.2, ratio=32.0), 10
    for t in range(51):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.2 - 1))
        assert float(schedule(t)) == pytest.approx(0.01 * (1 + p * (32 - 1)) / 32, rel=1e-5), t
    for wrong in ({"cut": 1.0}, {"ratio": 0.5}):
        [name] = wrong
        with pytest.raises(ValueError, match=f"`{name}` must be .*; received {name}="):
            SlantedTriangular(1.0, 10, **wrong)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_torch_has_the_same_rates(shape):
    torch = pytest.importorskip("torch")
    descent = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    # Torch counts the steps at which the rate is read, one more than our steps.
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        descent, 3.0, total_steps=21, pct_start=7 / 21, anneal_strategy=shape[:6].replace("cosine", "cos"),
        cycle_momentum=False, div_factor=10.0, final_div_factor=10.0,
    )  # fmt: skip
    for step in range(21):
        assert abs(theirs.get_last_lr()[0] - float(cycle(shape)(step))) < 1e-6
        descent.step()
        if step < 20:
            theirs.step()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"steps": 0}, "`steps` must be at least 1; received steps=0"),
        ({"warm_up": 1.0}, r"`warm_up` must be between 0 and 1, a share; received warm_up=1\.0"),
        ({"shape": "sine"}, "`shape` must be 'cosine' or 'linear'; received shape='sine'"),
    ],
)
def test_what_a_cycle_refuses(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        cycle(**changed)


def test_the_examples_run():
    names = {"keras": keras, "AveragedSGD": AveragedSGD, "OneCycle": OneCycle}
    names["SlantedTriangular"] = SlantedTriangular
    modules = averaged_sgd, one_cycle, slanted_triangular
    found = [doctest.testmod(module, extraglobs=names) for module in modules]
    assert found == [(0, 3), (0, 2), (0, 2)]
