"""What a user may hand to a model of texts: told apart, checked, and made plain lists and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_text(x: Any, takes_text: bool) -> bool:
    """Whether `x` is raw text: a list, tuple, array or tensor of strings. Anything else is Keras's to judge.

    Args:
        x: what was given.
        takes_text: whether the model has a tokenizer; then numbers where text belongs are an error.

    Raises:
        TypeError: if it is one bare string, mixes text with something else, or is a flat list of numbers.
        ValueError: if it is an array of strings of other than one axis.
    """
    _refuse_one_string("x", x)
    if isinstance(x, (list, tuple)):
        return _holds_text(x, takes_text)
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return False
    strings = getattr(dtype, "name", None) == "string" or getattr(dtype, "kind", None) in ("U", "S", "T")
    if strings or getattr(dtype, "kind", None) == "O":
        if len(x.shape) != 1:
            raise ValueError(
                f"`x` must be texts of shape (batch,); received an array of {dtype} of shape "
                f"{tuple(x.shape)}. Flatten it."
            )
        return strings or _holds_text(list(x), takes_text)
    if takes_text and len(x.shape) == 1:
        raise TypeError(
            f"`x` must be texts or an integer array of ids (batch, time); received numbers of shape "
            f"{tuple(x.shape)} and dtype {dtype}."
        )
    return False


def _refuse_one_string(name: str, x: Any) -> None:
    if isinstance(x, (str, bytes)):
        raise TypeError(
            f"`{name}` must be a list of texts; received one string, {x[:40]!r}. Put it in a list."
        )


def _holds_text(items: Any, takes_text: bool) -> bool:
    others = [item for item in items if not isinstance(item, (str, bytes))]
    if not others:
        return True
    nested = isinstance(others[0], (list, tuple)) or hasattr(others[0], "shape")
    if len(others) < len(items) or (takes_text and not nested):
        raise _no_string(others[0])
    return False


def _no_string(item: Any) -> TypeError:
    return TypeError(
        f"Each text must be a string; received {item!r} ({type(item).__name__}). "
        "Ids are given as an integer array (batch, time)."
    )


def is_dataset(x: Any) -> bool:
    """Whether `x` is a `tf.data.Dataset`; asked without importing TensorFlow."""
    return hasattr(x, "element_spec") and hasattr(x, "map")


def as_texts(x: Any, name: str = "x") -> list[str]:
    """A flat list of Python strings from what `is_text`.

    Args:
        x: what was given.
        name: of the argument, for messages.

    Raises:
        TypeError: if it is one bare string, or one of them is no string.
        ValueError: if there is none, or one is not UTF-8.
    """
    _refuse_one_string(name, x)
    texts = []
    for item in x.numpy() if hasattr(x, "numpy") else x:
        if not isinstance(item, (str, bytes)):
            raise _no_string(item)
        try:
            texts.append(item.decode("utf-8") if isinstance(item, bytes) else str(item))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Each text must be UTF-8; text number {len(texts) + 1} is not, at byte {error.start}: "
                f"{item[:40]!r}. Decode it with its own encoding first."
            ) from error
    if not texts:
        raise ValueError(f"`{name}` must hold at least one text; received none.")
    return texts


def as_targets(texts: list[str], y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels and weights as arrays, one entry for each text.

    Raises:
        TypeError: if the weights are no numbers.
        ValueError: if there are no labels, or labels or weights are not as many as the texts.
    """
    if y is None:
        raise ValueError("`y` must hold a label for each text; received y=None.")
    labels, weights = np.asarray(y), None if sample_weight is None else np.asarray(sample_weight)
    for name, array in (("label", labels), ("weight", weights)):
        if array is not None and array.shape[:1] != (len(texts),):
            received = f"{len(array)} {name}s" if array.ndim else f"one {name}, {array}"
            raise ValueError(
                f"There must be one {name} for each text; received {len(texts)} texts and {received}."
            )
    if weights is not None and weights.dtype.kind not in "biuf":
        raise TypeError(f"`sample_weight` must be numbers; received dtype {weights.dtype}.")
    return labels, weights


def as_tuple(validation_data: Any) -> tuple[Any, ...]:
    """`validation_data` as `(x, y)`, `(x, y, weights)` or `(dataset,)`.

    Raises:
        ValueError: if it is none of these.
    """
    parts = tuple(validation_data) if isinstance(validation_data, (list, tuple)) else (validation_data,)
    if isinstance(validation_data, (list, tuple)) and len(parts) not in (2, 3):
        raise ValueError(
            "`validation_data` must be (texts, labels), (texts, labels, weights) or a dataset; received "
            f"{len(parts)} entries."
        )
    return parts
