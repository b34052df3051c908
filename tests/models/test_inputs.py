"""What counts as raw text, and what is said of the rest."""

import numpy as np
import pytest
import tensorflow as tf

from keras_rnn.models.inputs import as_targets, as_texts, as_tuple, is_dataset, is_text

TEXTS = ["a film", "", "caf\u00e9"]
FORMS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "bytes": [text.encode() for text in TEXTS],
    "array of str": np.array(TEXTS),
    "array of bytes": np.array([text.encode() for text in TEXTS]),
    "array of objects": np.array(TEXTS, object),
    "array of StringDType": np.array(TEXTS, np.dtypes.StringDType()),
    "tensor": tf.constant(TEXTS),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("takes_text", [True, False])
def test_every_form_of_text_becomes_a_list_of_plain_strings(form, takes_text):
    assert is_text(FORMS[form], takes_text)
    assert as_texts(FORMS[form]) == TEXTS
    assert {type(text) for text in as_texts(FORMS[form])} == {str}


@pytest.mark.parametrize(
    "ids",
    [np.ones((2, 3), int), [[1, 2], [3, 4]], [np.array([1, 2])], tf.ones((2, 3)), {"x": 1}, None, iter("ab")],
)
def test_ids_and_whatever_else_keras_takes_are_no_text(ids):
    assert not is_text(ids, takes_text=True)
    assert not is_text(ids, takes_text=False)


@pytest.mark.parametrize(
    "x", [[1, 2], (0.5,), np.array([1, 2]), np.array([1, "a"], object), ["a", None], [b"a", 1]]
)
def test_numbers_where_text_belongs(x):
    with pytest.raises(TypeError, match=r"(Each text must be a string|must be texts).*; received"):
        is_text(x, takes_text=True)


@pytest.mark.parametrize("x", [["a", None], ["a", float("nan")], np.array(["a", 1], object)])
def test_text_mixed_with_something_else_is_an_error_for_every_model(x):
    with pytest.raises(TypeError, match=r"Each text must be a string; received (None|nan|1) "):
        is_text(x, takes_text=False)


def test_numbers_without_a_tokenizer_are_left_to_keras():
    assert not is_text(np.array([1, 2]), takes_text=False)
    assert not is_text([1, 2], takes_text=False)


@pytest.mark.parametrize("x", ["a film", b"a film"])
def test_one_bare_string(x):
    with pytest.raises(
        TypeError, match=r"`x` must be a list of texts; received one string, b?'a film'. Put it"
    ):
        is_text(x, takes_text=True)


@pytest.mark.parametrize(
    "x", [np.array("a"), tf.constant("a"), np.array([["a"]]), np.array([["a"]], object), tf.constant([["a"]])]
)
def test_an_array_of_strings_has_one_axis(x):
    with pytest.raises(ValueError, match=r"`x` must be texts of shape \(batch,\); received .* of shape \("):
        is_text(x, takes_text=True)


def test_bytes_that_are_no_utf8_are_told_by_number():
    with pytest.raises(ValueError, match=r"must be UTF-8; text number 2 is not, at byte 3: b'caf\\xe9'"):
        as_texts([b"a", b"caf\xe9"])


def test_no_text_at_all():
    for nothing in ([], np.array([], "U1")):
        with pytest.raises(ValueError, match="`x` must hold at least one text; received none"):
            as_texts(nothing)


def test_a_missing_value_among_strings():
    column = np.array(["a", np.nan], np.dtypes.StringDType(na_object=np.nan))
    with pytest.raises(TypeError, match="Each text must be a string; received nan"):
        as_texts(column)


@pytest.mark.parametrize(
    ("y", "weights", "message"),
    [
        (None, None, "`y` must hold a label for each text; received y=None"),
        ([1, 0], None, "one label for each text; received 3 texts and 2 labels"),
        (1, None, "one label for each text; received 3 texts and one label, 1"),
        ([1, 0, 1], [1.0], "one weight for each text; received 3 texts and 1 weights"),
    ],
)
def test_wrong_count_of_labels_or_weights(y, weights, message):
    with pytest.raises(ValueError, match=message):
        as_targets(TEXTS, y, weights)


def test_weights_are_numbers():
    with pytest.raises(TypeError, match="`sample_weight` must be numbers; received dtype <U1"):
        as_targets(TEXTS, [1, 0, 1], ["a", "b", "c"])


def test_validation_data_is_a_pair_a_triple_or_a_dataset():
    assert as_tuple([TEXTS, [1, 0, 1]]) == (TEXTS, [1, 0, 1])
    dataset = tf.data.Dataset.range(3)
    assert as_tuple(dataset) == (dataset,)
    for wrong in (TEXTS + TEXTS, (TEXTS,)):
        with pytest.raises(ValueError, match=f"`validation_data` must be .*; received {len(wrong)} entries"):
            as_tuple(wrong)


def test_is_dataset():
    assert is_dataset(tf.data.Dataset.range(3))
    assert not is_dataset(TEXTS)
