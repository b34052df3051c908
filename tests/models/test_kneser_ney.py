"""Kneser-Ney against a slow oracle and its mutants, as a distribution, and on the Penn Treebank."""

import doctest
import os

import numpy as np
import pytest

from keras_rnn.datasets import penn_treebank
from keras_rnn.models import KneserNey, kneser_ney
from tests.reference import kneser_ney as reference

TYPES, END, ORDER = 60, 7, 3


def text(lines, seed):
    """Lines of Zipf-distributed ids, some with one word alone, in which phrases come back."""
    random = np.random.default_rng(seed)
    words = np.setdiff1d(random.permutation(TYPES), END)
    shares = 1 / np.arange(1, TYPES) ** 1.3
    phrases = [random.choice(words, random.integers(1, 6), p=shares / shares.sum()) for _ in range(40)]
    rows = [[phrases[k] for k in random.zipf(1.5, random.integers(1, 4)) % 40] for _ in range(lines)]
    return [(*np.concatenate(row).tolist(), END) for row in rows]


TRAIN, OTHER = text(80, seed=0), text(30, seed=1)


def flat(lines):
    return [id for line in lines for id in line]


def fitted(order=ORDER, discounts=3):
    return KneserNey(TYPES, END, order, discounts).fit(flat(TRAIN))


def by_the_oracle(lines, history=reference.history_of, order=ORDER, **parts):
    p = reference.kneser_ney(TRAIN, range(TYPES), order, **parts)
    return np.array(reference.probabilities(p, lines, history))


@pytest.mark.parametrize("discounts", [1, 3])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_log_probabilities_are_those_of_the_oracle(order, discounts):
    log_p = fitted(order, discounts).log_probabilities(flat(OTHER))
    assert log_p.dtype == "float64"
    expected = by_the_oracle(OTHER, order=order, discounts=discounts)
    np.testing.assert_allclose(np.exp(log_p), expected, rtol=1e-12)


@pytest.mark.parametrize("mutant", reference.MUTANTS)
def test_no_other_formula_gives_them(mutant):
    p = np.exp(fitted().log_probabilities(flat(OTHER)))
    assert np.abs(p - by_the_oracle(OTHER, **reference.MUTANTS[mutant])).max() > 1e-6


@pytest.mark.parametrize("mutant", reference.HISTORIES)
def test_no_other_history_gives_them(mutant):
    p = np.exp(fitted().log_probabilities(flat(OTHER)))
    assert np.abs(p - by_the_oracle(OTHER, reference.HISTORIES[mutant])).max() > 1e-6


def test_the_oracle_gives_a_distribution():
    p = reference.kneser_ney(TRAIN, range(TYPES), ORDER)
    for history in [("<s>",), ("<s>", TRAIN[3][0]), ("<s>", 1, 2, 3), ("<s>", *TRAIN[5][:-1])]:
        assert abs(sum(p(w, history) for w in range(TYPES)) - 1) < 1e-12


def test_the_oracle_on_numbers_worked_by_hand():
    # Lines "a b $", "a c $", "b $". Bigrams: <s>a 2, <s>b 1, ab 1, ac 1, b$ 2, c$ 1: n_1 = 4, n_2 = 2,
    # Y = 4 / 8. Unigrams have the continuations a 1, b 2, c 1, $ 2: n_1 = 2, n_2 = 2, Y = 2 / 6.
    p = reference.kneser_ney([("a", "b", "$"), ("a", "c", "$"), ("b", "$")], "abc$", order=2, discounts=1)
    a, b = ((count - 1 / 3) / 6 + (4 / 3) / 6 / 4 for count in (1, 2))
    assert abs(p("a", ("<s>",)) - ((2 - 1 / 2) / 3 + (1 / 3) * a)) < 1e-15
    assert abs(p("b", ("<s>", "a")) - ((1 - 1 / 2) / 2 + (1 / 2) * b)) < 1e-15
    assert abs(p("b", ("<s>", "b")) - (1 / 4) * b) < 1e-15  # b was seen, and never b b
    assert abs(p("b", ("<s>", "d")) - b) < 1e-15  # d never was
    n = {1: 40, 2: 10, 3: 5, 4: 2}  # Y = 40 / 60
    expected = [0, 1 - 2 * (2 / 3) / 4, 2 - 3 * (2 / 3) / 2, 3 - 4 * (2 / 3) * 2 / 5]
    np.testing.assert_allclose(reference.modified(n), expected, rtol=1e-14)


def contexts():
    """Seen ones of every length, unseen ones, and the beginning of a line in several ways."""
    random = np.random.default_rng(2)
    yield []
    yield [END]
    yield [*TRAIN[0], *TRAIN[1]]
    for line in (*TRAIN[:20], *OTHER[:20]):
        yield line[: random.integers(len(line))]
    yield from random.integers(0, TYPES, (20, 4)).tolist()


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_sum_to_one(order):
    model = fitted(order)
    for context in contexts():
        p = model.distribution(context)
        assert p.shape == (TYPES,)
        assert p.min() > 0  # ids that the text lacks, too
        assert abs(p.sum() - 1) < 1e-12, context


def test_the_distribution_is_that_of_the_log_probabilities():
    model, ids = fitted(), flat(OTHER)
    log_p = model.log_probabilities(ids)
    for i in range(60):
        assert abs(np.log(model.distribution(ids[:i])[ids[i]]) - log_p[i]) < 1e-12


def test_a_line_is_predicted_from_itself_alone():
    model = fitted()
    parts = [model.log_probabilities(line) for line in OTHER]
    assert np.array_equal(np.concatenate(parts), model.log_probabilities(flat(OTHER)))


def test_perplexity_is_exp_of_the_mean():
    model, ids = fitted(), flat(OTHER)
    assert abs(np.log(model.perplexity(ids)) + model.log_probabilities(ids).mean()) < 1e-12


def test_a_text_may_break_off_in_a_line():
    p = KneserNey(TYPES, END, 3).fit(flat(TRAIN)[:-1]).distribution(TRAIN[-1][:-1])
    assert abs(p.sum() - 1) < 1e-12
    assert len(fitted().log_probabilities([])) == 0


@pytest.mark.parametrize("dtype", ["int32", "uint16"])
def test_all_integers_are_taken_and_left_alone(dtype):
    ids = np.array(flat(TRAIN), dtype)
    before = ids.copy()
    model = KneserNey(TYPES, END, ORDER).fit(ids)
    assert np.array_equal(model.log_probabilities(ids), fitted().log_probabilities(flat(TRAIN)))
    assert np.array_equal(ids, before)


def test_examples_run():
    assert doctest.testmod(kneser_ney).failed == 0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"vocabulary_size": 0}, r"`vocabulary_size` must be .* received"),
        ({"order": 0}, r"`order` must be .* received"),
        ({"end": 60}, r"`end` must be one of the ids 0\.\.59; received end=60"),
        ({"end": -1}, r"`end` must be .* received end=-1"),
        ({"discounts": 2}, r"`discounts` must be 3 .* received discounts=2"),
    ],
)
def test_wrong_arguments_are_errors(arguments, match):
    with pytest.raises(ValueError, match=match):
        KneserNey(**{"vocabulary_size": TYPES, "end": END, **arguments})


@pytest.mark.parametrize(
    ("ids", "error", "match"),
    [
        ([1.0, 2.0], TypeError, "`ids` must be integers; received an array of dtype float64"),
        ([[1, 2]], ValueError, r"`ids` must be one row; received an array of shape \(1, 2\)"),
        ([1, 60, 2], ValueError, r"`ids` must lie in 0\.\.59; received 60 at position 1\. Give"),
        ([1, 2, -1], ValueError, "received -1 at position 2"),
    ],
)
def test_wrong_ids_are_errors(ids, error, match):
    for method in (fitted().log_probabilities, KneserNey(TYPES, END).fit):
        with pytest.raises(error, match=match):
            method(ids)


@pytest.mark.parametrize(("ids", "discounts"), [([], 1), ([], 3), ([1, 2, END], 3), ([END] * 9, 3)])
def test_too_little_text_is_an_error(ids, discounts):
    match = r"hold enough rare 1-grams .* received n_1 \.\. n_4 = .* Take more text"
    with pytest.raises(ValueError, match=match):
        KneserNey(TYPES, END, 2, discounts).fit(np.array(ids, int))


def test_nothing_is_predicted_before_fit():
    with pytest.raises(RuntimeError, match="Call `fit` first"):
        KneserNey(TYPES, END).log_probabilities([1, END])


def test_the_perplexity_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="`ids` must hold at least one id; received none"):
        fitted().perplexity([])


needs_data = pytest.mark.skipif(not os.environ.get("KERAS_RNN_DATA"), reason="KERAS_RNN_DATA is unset")


@needs_data
@pytest.mark.data
@pytest.mark.parametrize(("discounts", "validation", "test"), [(3, 148.0, 141.2), (1, 151.4, 143.5)])
def test_penn_treebank(discounts, validation, test):
    corpora = [penn_treebank.load(split, download=False) for split in ("train", "validation", "test")]
    vocabulary = corpora[0].vocabulary
    model = KneserNey(len(vocabulary), vocabulary.end, discounts=discounts).fit(corpora[0].tokens)
    measured = [model.perplexity(corpus.tokens) for corpus in corpora[1:]]
    np.testing.assert_allclose(measured, [validation, test], atol=0.05)
    random = np.random.default_rng(0)
    for i in random.integers(0, 82_430, 30):  # most with a context of which only a part was seen
        assert abs(model.distribution(corpora[2].tokens[i - 10 : i]).sum() - 1) < 1e-9
