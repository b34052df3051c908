"""fit, evaluate and predict on raw text, in every form in which text comes."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.small import LABELS, TEXTS, classifier, distance

MANY, MANY_LABELS = TEXTS * 6, np.tile(LABELS, 6)


def batches(size=5):
    return tf.data.Dataset.from_tensor_slices((MANY, MANY_LABELS)).batch(size)


def ids(model, texts):
    return model.tokenizer.encode_in_graph(tf.constant(texts)).numpy()


@pytest.fixture(scope="module")
def model():
    return classifier()


def test_predict_gives_the_same_for_every_form_in_the_order_of_the_texts(model):
    expected = np.concatenate([model(ids(model, [text])) for text in TEXTS])
    assert len(np.unique(expected.round(4))) == len(TEXTS)  # or a wrong order would pass
    texts_alone = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3)
    for form in (TEXTS, tf.constant(TEXTS), np.array(TEXTS, object), ids(model, TEXTS), texts_alone):
        assert distance(model.predict(form, verbose=0), expected) < 1e-6


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_results_do_not_depend_on_the_batch_size(model, batch_size):
    assert distance(model.predict(TEXTS, batch_size, verbose=0), model.predict(TEXTS, verbose=0)) < 1e-6
    measured = model.evaluate(TEXTS, LABELS, batch_size, verbose=0)
    assert distance(measured, model.evaluate(TEXTS, LABELS, verbose=0)) < 1e-6


def test_evaluate_is_the_negative_log_likelihood_and_the_accuracy(model):
    p = model.predict(MANY, verbose=0)[:, 0].astype(np.float64)
    expected = [-np.log(np.where(MANY_LABELS, p, 1 - p)).mean(), np.mean((p > 0.5) == MANY_LABELS)]
    for data in ((MANY, MANY_LABELS), (ids(model, MANY), MANY_LABELS), (batches(),)):
        assert distance(model.evaluate(*data, verbose=0), expected) < 1e-6
    by_name = model.evaluate(MANY, MANY_LABELS, verbose=0, return_dict=True)
    assert distance([by_name["loss"], by_name["accuracy"]], expected) < 1e-6


def test_sample_weight_weighs_the_loss(model):
    weights = np.linspace(0, 2, len(TEXTS))
    p = model.predict(TEXTS, verbose=0)[:, 0].astype(np.float64)
    expected = np.mean(-np.log(np.where(LABELS, p, 1 - p)) * weights)
    for data in ((TEXTS, LABELS), (ids(model, TEXTS), LABELS)):
        loss = model.evaluate(*data, sample_weight=weights, verbose=0)[0]
        assert abs(loss - expected) < 1e-6


def after(steps_of, **arguments):
    """The weights that a training gives, each time from the same start."""
    model = classifier()
    # Eagerly: nothing is traced for the few steps that a comparison needs.
    model.compile("sgd", run_eagerly=True)
    history = steps_of(model, {"verbose": 0, "epochs": 2, "batch_size": 16, **arguments})
    return np.concatenate([weight.ravel() for weight in model.get_weights()]), history.history


@pytest.fixture(scope="module")
def trained_on_a_list():
    return after(lambda model, a: model.fit(MANY, MANY_LABELS, **a))


@pytest.mark.parametrize("form", [np.array(MANY), [text.encode() for text in MANY], tf.constant(MANY)])
def test_fit_takes_the_same_steps_for_every_form(trained_on_a_list, form):
    weights, history = after(lambda model, a: model.fit(form, MANY_LABELS.tolist(), **a))
    assert distance(weights, trained_on_a_list[0]) == 0
    assert history == trained_on_a_list[1]


def test_fit_on_text_in_one_batch_is_fit_on_ids():
    whole = {"batch_size": len(MANY), "shuffle": False}
    text, _ = after(lambda model, a: model.fit(MANY, MANY_LABELS, **a), **whole)
    numbers, _ = after(lambda model, a: model.fit(ids(model, MANY), MANY_LABELS, **a), **whole)
    dataset, _ = after(lambda model, a: model.fit(batches(len(MANY)), **a), **whole)
    start, _ = after(lambda model, a: model.fit(MANY, MANY_LABELS, **{**a, "epochs": 1}), **whole)
    assert distance(text, numbers) < 1e-6
    assert distance(text, dataset) < 1e-6
    assert distance(text, start) > 1e-4


def test_class_weight_is_the_sample_weight_of_a_class(trained_on_a_list):
    by_class, _ = after(lambda model, a: model.fit(MANY, MANY_LABELS, class_weight={0: 0.5, 1: 3.0}, **a))
    weights = np.where(MANY_LABELS, 3.0, 0.5)
    by_sample, _ = after(lambda model, a: model.fit(MANY, MANY_LABELS, sample_weight=weights, **a))
    assert distance(by_class, by_sample) < 1e-6
    assert distance(by_class, trained_on_a_list[0]) > 1e-4


def test_validation_split_holds_out_the_last_texts():
    weights = np.linspace(1, 2, len(MANY))
    split, history = after(
        lambda model, a: model.fit(MANY, MANY_LABELS, validation_split=0.25, sample_weight=weights, **a)
    )
    held = (MANY[36:], MANY_LABELS[36:], weights[36:])
    given, same = after(
        lambda model, a: model.fit(
            MANY[:36], MANY_LABELS[:36], sample_weight=weights[:36], validation_data=held, **a
        )
    )
    assert distance(split, given) == 0
    assert history == same
    assert {"val_loss", "val_accuracy"} <= set(history)


def test_validation_data_leaves_the_training_data_whole(trained_on_a_list):
    # As in Keras: it takes the place of the split.
    weights, history = after(
        lambda model, a: model.fit(
            MANY, MANY_LABELS, validation_split=0.25, validation_data=(TEXTS, LABELS), **a
        )
    )
    assert distance(weights, trained_on_a_list[0]) == 0
    assert len(history["val_loss"]) == 2


def test_validation_data_in_every_form():
    expected = None
    held = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(4)
    for form in ((TEXTS, LABELS), [np.array(TEXTS), LABELS], (ids(classifier(), TEXTS), LABELS), held):
        _, history = after(lambda model, a, v=form: model.fit(MANY, MANY_LABELS, validation_data=v, **a))
        expected = expected or history
        assert distance(history["val_loss"], expected["val_loss"]) < 1e-6


def test_every_epoch_and_every_seed_has_its_own_batches():
    seen = []

    def batches_of(seed, **arguments):
        model = classifier()
        rows = model._batches(MANY, MANY_LABELS, None, 8, True, seed, **arguments)
        seen.append([row.tolist() for row in rows.batches])
        return rows

    rows = batches_of(seed=1)
    rows[0], rows.on_epoch_end()  # Keras looks at the first batch: no epoch is over
    assert rows.epoch == 0
    list(rows.whole_epoch())
    second = [row.tolist() for row in rows.batches]
    batches_of(seed=1)
    batches_of(seed=1, first_epoch=1)
    batches_of(seed=2)
    assert seen[0] == seen[1]
    assert seen[2] == second
    assert seen[0] != second
    assert seen[3] != seen[0]


def test_drop_remainder_leaves_out_what_fills_no_batch():
    model = classifier()
    kept = model._batches(MANY, MANY_LABELS, None, 32, shuffle=True, drop_remainder=True)
    assert [len(row) for row in kept.batches] == [32]
    assert sum(map(len, model._batches(MANY, MANY_LABELS, None, 32, shuffle=True).batches)) == len(MANY)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda m: m.predict("a film"),
            TypeError,
            "`x` must be a list of texts; received one string, 'a film'",
        ),
        (lambda m: m.predict([1, 2]), TypeError, r"Each text must be a string; received 1 \(int\)"),
        (lambda m: m.predict([]), ValueError, "`x` must hold at least one text; received none"),
        (
            lambda m: m.predict(TEXTS, batch_size=0),
            ValueError,
            "`batch_size` must be .*received batch_size=0",
        ),
        (
            lambda m: m.fit(TEXTS, LABELS, batch_size=0),
            ValueError,
            "`batch_size` must be .*received batch_size=0",
        ),
        (lambda m: m.fit(TEXTS), ValueError, "`y` must hold a label for each text; received y=None"),
        (lambda m: m.fit(TEXTS, LABELS[:5]), ValueError, "received 8 texts and 5 labels"),
        (
            lambda m: m.fit(TEXTS, LABELS[:5], validation_split=0.5),
            ValueError,
            "received 8 texts and 5 labels",
        ),
        (
            lambda m: m.fit(TEXTS, LABELS, validation_split=1.5),
            ValueError,
            "`validation_split` must be .*; received validation_split=1.5 of 8 texts",
        ),
        (lambda m: m.fit(TEXTS, LABELS, validation_split=0.99), ValueError, "leaves a text to train on"),
        (
            lambda m: m.fit(TEXTS, LABELS, validation_data=TEXTS),
            ValueError,
            "`validation_data` must be .*; received 8 entries",
        ),
        (lambda m: m.evaluate(TEXTS, LABELS, sample_weight=[1.0]), ValueError, "8 texts and 1 weights"),
        (
            lambda m: m.fit(batches().unbatch()),
            ValueError,
            r"must be batched, with texts of shape \(batch,\).*Call `.batch\(batch_size\)`",
        ),
    ],
)
def test_errors_name_what_was_received_and_what_to_do(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.predict(TEXTS),
        lambda m: m.fit(TEXTS, LABELS),
        lambda m: m.evaluate(TEXTS, LABELS),
        lambda m: m.fit(batches()),
        lambda m: m.fit(np.ones((8, 2), int), LABELS, validation_data=(TEXTS, LABELS)),
    ],
)
def test_text_to_a_model_without_tokenizer(call):
    model = classifier(vocabulary_size=9, name="reader")
    with pytest.raises(
        ValueError, match=r"`reader` has no tokenizer .*; received text. Give the model a `tokenizer="
    ):
        call(model)
