"""The tasks of memory: each row is what its equations say, and `fit` reads the k-th batch of a seed."""

import doctest
import math

import keras
import numpy as np
import pytest

from keras_rnn.datasets import adding_problem, copy_memory, generated_batches, parity, sequential_pixels

TASKS = {copy_memory: "delay", adding_problem: "steps", parity: "steps"}
tasks = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__.split(".")[-1])


def made(task, size=7, **arguments):
    return task.batches(**{TASKS[task]: size, "batch_size": 3, "count": 4, **arguments})


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("delay", [1, 2, 30])
def test_copying_asks_for_the_first_symbols_after_the_delay(delay):
    inputs, targets = copy_memory.sample(400, delay, np.random.default_rng(0))
    assert inputs.shape == targets.shape == (400, delay + 20)
    assert inputs.dtype == targets.dtype == np.int32
    symbols, blank, marker = inputs[:, :10], 8, 9
    assert sorted(set(symbols.ravel())) == list(range(8))
    expected = [*symbols[5], *[blank] * (delay - 1), marker, *[blank] * 10]
    assert inputs[5].tolist() == expected
    assert (inputs[:, 10:] == expected[10:]).all()
    assert (targets[:, :-10] == blank).all()
    assert (targets[:, -10:] == symbols).all()
    # The first answer is due `delay` steps after the last symbol, right after the marker.
    assert np.flatnonzero(targets[5] != blank)[0] - 9 == delay + 1
    assert np.flatnonzero(inputs[5] == marker)[0] + 1 == np.flatnonzero(targets[5] != blank)[0]
    # Each place has each symbol equally often, and places know nothing of one another.
    shares = np.stack([(symbols == s).mean(axis=0) for s in range(8)])
    assert abs(shares - 1 / 8).max() < 0.07
    assert abs(np.corrcoef(symbols.T) - np.eye(10)).max() < 0.2


@pytest.mark.parametrize("delay", [1, 50])
def test_the_baseline_of_copying_is_the_best_without_memory(delay):
    _, targets = copy_memory.sample(50, delay, np.random.default_rng(0))
    answer = np.zeros((delay + 20, 9))
    answer[:-10, 8] = 1  # the blank for certain
    answer[-10:, :8] = 1 / 8
    answers = np.broadcast_to(answer, (50, *answer.shape))
    entropy = -np.log(np.take_along_axis(answers, targets[..., None], axis=2)).mean()
    assert entropy == pytest.approx(copy_memory.baseline(delay), rel=1e-12)
    assert copy_memory.baseline(1000) == pytest.approx(0.0204, abs=5e-5)


@pytest.mark.parametrize("steps", [2, 3, 9])
def test_adding_asks_for_the_sum_of_one_number_of_each_half(steps):
    inputs, targets = adding_problem.sample(2000, steps, np.random.default_rng(0))
    assert inputs.shape == (2000, steps, 2)
    assert targets.shape == (2000, 1)
    assert inputs.dtype == targets.dtype == np.float32
    numbers, marks = inputs[..., 0], inputs[..., 1]
    assert set(np.unique(marks)) <= {0, 1}
    half = steps // 2
    assert (marks[:, :half].sum(axis=1) == 1).all()
    assert (marks[:, half:].sum(axis=1) == 1).all()
    assert np.allclose(targets[:, 0], [row[mark == 1].sum() for row, mark in zip(numbers, marks)])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02
    # Each step of a half is marked equally often.
    shares = marks.mean(axis=0)
    assert abs(shares[:half] - 1 / half).max() < 0.05
    assert abs(shares[half:] - 1 / (steps - half)).max() < 0.05


def test_the_baseline_of_adding_is_that_of_the_answer_one():
    _, targets = adding_problem.sample(20_000, 5, np.random.default_rng(0))
    assert abs(((targets - 1) ** 2).mean() - adding_problem.BASELINE) < 0.005
    assert abs(targets.mean() - 1) < 0.01


def test_parity_asks_whether_the_ones_so_far_are_odd():
    inputs, targets = parity.sample(500, 6, np.random.default_rng(0))
    assert inputs.dtype == targets.dtype == np.int32
    assert targets.tolist() == [[sum(row[: t + 1]) % 2 for t in range(6)] for row in inputs.tolist()]
    assert abs(inputs.mean() - 0.5) < 0.03
    assert abs(targets.mean(axis=0) - 0.5).max() < 0.07
    assert math.log(2) == parity.BASELINE


# ---------------------------------------------------------------------------- batches


@tasks
def test_a_batch_follows_from_seed_and_number_alone(task):
    whole, rest = made(task, count=8), made(task, count=8, first=5)
    assert (len(whole), len(rest)) == (8, 3)
    for k in (2, 0, 1):  # in any order, any number of times
        assert same(rest[k], whole[5 + k])
        assert same(rest[k], rest[k])
    assert not same(whole[0], whole[1])
    assert not same(whole[0], made(task, seed=1)[0])
    assert not same(made(task, seed=1)[0], whole[1])
    assert len(whole[0][0]) == 3


@tasks
def test_what_is_no_batch_ends_a_walk_through_them(task):
    assert len(list(made(task))) == 4
    with pytest.raises(IndexError):
        made(task)[4]


class Recorder(keras.layers.Layer):
    """Hands its inputs on and keeps what was read."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(name="scale", shape=())
        self.read = []

    def call(self, inputs):
        if not isinstance(inputs, keras.KerasTensor):
            self.read.append(keras.ops.convert_to_numpy(inputs))
        return inputs * self.scale


def numbers_read_by_fit(dataset, **arguments):
    recorder = Recorder()
    model = keras.Sequential([recorder])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(dataset, verbose=0, **arguments)
    return [int(x[0, 0]) for x in recorder.read]


def counted(count, first=0):
    rows = np.ones((2, 3), "float32")
    return generated_batches.GeneratedBatches(lambda k: (k * rows, rows), count, first)


@pytest.mark.parametrize("given", [lambda batches: batches, lambda batches: batches.for_keras()])
def test_fit_goes_on_in_each_epoch_where_the_one_before_ended(given):
    arguments = {"steps_per_epoch": 3, "epochs": 3, "shuffle": False}
    assert numbers_read_by_fit(given(counted(9)), **arguments) == list(range(9))
    rest = numbers_read_by_fit(given(counted(9, first=3)), initial_epoch=1, **arguments)
    assert rest == list(range(3, 9))


def test_the_pipeline_is_not_tuned_and_has_the_same_batches():
    batches = copy_memory.batches(3, count=5, batch_size=4, seed=2, first=1)
    dataset = batches.for_keras()
    assert not dataset.options().autotune.enabled and len(dataset) == len(batches) == 4
    for k, found in enumerate(dataset):
        assert all(np.array_equal(one, other) for one, other in zip(found, batches[k], strict=True))
    assert k == 3


def test_fit_reads_shuffled_batches_once_each():
    read = numbers_read_by_fit(counted(30), steps_per_epoch=10, epochs=3)
    assert sorted(read) == list(range(30)) != read


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: copy_memory.batches(0, 1), "`delay`"),
        (lambda: copy_memory.baseline(0), "`delay`"),
        (lambda: adding_problem.batches(1, 1), "`steps`"),
        (lambda: parity.batches(0, 1), "`steps`"),
        (lambda: parity.batches(3, 1, batch_size=0), "`batch_size`"),
        (lambda: parity.batches(3, 0), "`count`"),
        (lambda: parity.batches(3, 5, first=5), "`count`"),
        (lambda: parity.batches(3, 1, seed=-1), "`seed`"),
        (lambda: parity.batches(3, 1, first=-1), "`first`"),
    ],
)
def test_sizes_that_make_no_task(call, named):
    with pytest.raises(ValueError, match=f"{named} must be an integer of at least"):
        call()


# ---------------------------------------------------------------------------- pixels

IMAGES = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3) * 8
LABELS = np.arange(5) * 10


def test_pixels_are_read_line_by_line():
    rows = sequential_pixels.sequences(IMAGES)
    assert rows.shape == (5, 6, 1)
    assert rows.dtype == np.float32
    assert np.allclose(rows[2, :, 0] * 255, [*IMAGES[2, 0], *IMAGES[2, 1]])


def test_channels_stay_together_and_floats_as_they_are():
    images = np.random.default_rng(0).normal(size=(5, 2, 3, 4))
    rows = sequential_pixels.sequences(images)
    assert np.array_equal(rows[3, 4], images[3, 1, 1].astype("float32"))


def test_a_permutation_is_that_of_its_seed_for_all_images():
    plain = sequential_pixels.sequences(IMAGES)
    permuted = sequential_pixels.sequences(IMAGES, permutation_seed=3)
    order = [plain[1, :, 0].tolist().index(value) for value in permuted[1, :, 0]]
    assert sorted(order) == list(range(6)) != order
    assert np.array_equal(permuted, plain[:, order])
    assert np.array_equal(permuted[2:3], sequential_pixels.sequences(IMAGES[2:3], permutation_seed=3))
    assert not np.array_equal(permuted, sequential_pixels.sequences(IMAGES, permutation_seed=4))


def test_batches_of_images_are_all_of_them_in_each_epoch_in_another_order():
    images, labels = np.concatenate([IMAGES, IMAGES[:1] + 1]), np.arange(6)
    arguments = {"count": 6, "batch_size": 2, "permutation_seed": 3, "seed": 1}
    data = sequential_pixels.batches(images, labels, **arguments)
    assert len(data) == 6
    read = [np.concatenate([data[k][1] for k in range(3 * e, 3 * e + 3)]) for e in range(2)]
    assert all(sorted(own) == list(range(6)) for own in read)
    assert not np.array_equal(*read)
    x, y = data[4]
    assert np.array_equal(x, sequential_pixels.sequences(images[y], permutation_seed=3))
    assert same(sequential_pixels.batches(images, labels, **arguments, first=4)[0], data[4])


def test_images_that_fill_no_batch_are_left_out_for_one_epoch_only():
    data = sequential_pixels.batches(IMAGES, LABELS, count=10, batch_size=4)
    assert all(len(set(y)) == 4 for _, y in data)
    assert {int(label) for _, y in data for label in y} == set(LABELS)


def test_images_of_a_wrong_form():
    with pytest.raises(ValueError, match="`images` must be"):
        sequential_pixels.sequences(IMAGES[0])
    with pytest.raises(ValueError, match="equally many"):
        sequential_pixels.batches(IMAGES, LABELS[:4], 1, batch_size=2)
    with pytest.raises(ValueError, match="at least `batch_size`"):
        sequential_pixels.batches(IMAGES, LABELS, 1, batch_size=6)


@pytest.mark.parametrize("module", [*TASKS, sequential_pixels], ids=lambda m: m.__name__.split(".")[-1])
def test_examples_run(module):
    assert doctest.testmod(module).attempted > 0
    assert doctest.testmod(module).failed == 0
