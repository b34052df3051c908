"""What each word of a text contributes to the output of a classifier."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_rnn.layers.sequence_inputs import takes
from keras_rnn.models.compiled import compiled
from keras_rnn.models.sequence_classifier import SequenceClassifier
from keras_rnn.models.value_and_gradients import value_and_gradients
from keras_rnn.text import UNKNOWN, WordTokenizer, split_words

METHODS = ("integrated-gradients", "gradient-x-input", "attention")
#: Points of the path that are one batch, and the most that are tried.
BATCH, MOST = 64, 4096
#: The part of the difference of the outputs that the contributions may miss, and what of it is no matter.
TOLERANCE, NOTHING = 0.005, 1e-5


class Explanation(NamedTuple):
    """What each word contributes.

    Attributes:
        words: the words that the model reads, in order; of a text that is too long, those that are kept.
        contributions: one number for each word, `(words,)`.
        method: how they were found.
        output: what the model gives for the text.
        baseline: what it gives for as many unknown words; None where the method asks for none.
    """

    words: list[str]
    contributions: np.ndarray
    method: str
    output: float
    baseline: float | None


def contributions(
    model: Any, text: str, method: str = "integrated-gradients", output: int = 0
) -> Explanation:
    """What each word of a text contributes to one of the outputs F of a classifier.

    With e[t] the vector of word t, e the vectors of all, and u that of the unknown word:

        gradient-x-input        c[t] = (e[t] - u) . dF(e)/de[t]
        integrated-gradients    c[t] = (e[t] - u) . integral_0^1 dF(u + a (e - u))/de[t] da
        attention               c[t] = the attention weight of word t

    The integral runs from a text of unknown words to this one, so that sum_t c[t] = F(e) - F(u), here to
    within half a per cent: points of the path are added until it is so. The gradient alone is small where F
    is sure of itself, whatever the words do. A word that the model does not know contributes 0.

    Both begin where all vectors are 0 in their papers. That is a text that no model has read: of 600 such
    words `imdb_gru` is sure that they are negative, of unknown ones it says 0.51.

    The attention is that of the last layer that shows its weights (`return_weights`), the mean over its hops,
    or over heads and steps that ask. It says what was looked at, and not in favour of what.

    Args:
        model: a `keras_rnn.models.SequenceClassifier` with a tokenizer.
        text: one text.
        method: one of the three.
        output: which output is explained, by its number. Default 0.

    Raises:
        TypeError: if `model` is something else.
        ValueError: if it takes no text, the text has no words, the method or the output is none, or there is
            no attention.

    Sources: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, section
    3; gradient x input: A. Shrikumar, P. Greenside, A. Kundaje, "Learning Important Features Through
    Propagating Activation Differences", ICML 2017, section 2.
    """
    if not isinstance(model, SequenceClassifier) or model.tokenizer is None:
        raise TypeError(f"`model` must be a SequenceClassifier with a tokenizer; received model={model!r}.")
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {METHODS}; received method={method!r}.")
    words, [ids] = words_of(text, model.tokenizer), model.tokenizer.encode([text])
    if not len(ids):
        raise ValueError(f"`text` must hold a word at least; received text={text!r}.")
    outputs = ops.convert_to_numpy(model(ids[None]))[0]
    if not 0 <= output < len(outputs):
        raise ValueError(f"`output` must be from 0 to {len(outputs) - 1}; received output={output}.")
    value, baseline = float(outputs[output]), None
    if method == "attention":
        found = _attention(model, ids)
    else:
        table = ops.convert_to_numpy(model.embedding.embeddings)
        e, u = table[ids], table[UNKNOWN]

        def along_path(path: Any) -> Any:
            def total(theta: list[Any]) -> tuple[Any, Any]:
                return ops.sum(model.read(theta[0])[:, output]), ()

            return value_and_gradients(total)([path])[2][0]

        gradient = compiled(model, along_path)
        if method == "gradient-x-input":
            found = np.sum((e - u) * ops.convert_to_numpy(gradient(e[None]))[0], axis=-1)
        else:
            baseline = float(ops.convert_to_numpy(model(np.full_like(ids, UNKNOWN)[None]))[0, output])
            found = _integrated(gradient, e, u, value - baseline)
    return Explanation(words, found, method, value, baseline)


def words_of(text: str, tokenizer: WordTokenizer) -> list[str]:
    """The words for which `tokenizer` gives ids, as they are written, whether it knows them or not."""
    words = split_words(text)
    if not words:
        return []
    knows_all = WordTokenizer(list(dict.fromkeys(words)), tokenizer.max_length, tokenizer.truncation)
    return knows_all.decode(knows_all.encode([text])[0])


def _integrated(gradient: Any, e: np.ndarray, u: np.ndarray, difference: float) -> np.ndarray:
    """Integrated gradients, by the midpoints of more and more parts of the path."""
    points = BATCH
    while True:
        a = ((np.arange(points) + 0.5) / points).astype(e.dtype)
        sums = [
            ops.convert_to_numpy(gradient(u + part[:, None, None] * (e - u))).astype("float64").sum(0)
            for part in np.split(a, points // BATCH)
        ]
        found = np.sum((e - u) * np.sum(sums, axis=0) / points, axis=-1)
        missed = abs(found.sum() - difference)
        if missed <= max(TOLERANCE * abs(difference), NOTHING) or points >= MOST:
            return found
        points *= 2


def _attention(model: Any, ids: np.ndarray) -> np.ndarray:
    """The weights of the words, as the last layer that shows them has them."""
    layers = [own for own in model.layers if takes(own, "return_weights")]
    seen: list[np.ndarray] = []

    def recording(call: Any) -> Any:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            y, weights, *_ = call(*args, **{**kwargs, "return_weights": True})
            seen.append(ops.convert_to_numpy(weights)[0])
            return y

        return recorded

    for layer in layers:
        layer.call = recording(layer.call)
    try:
        model(ids[None])
    finally:
        for layer in layers:
            del layer.call
    if not seen:
        raise ValueError(
            f"`method`='attention' needs a model with self-attention or attention pooling; `{model.name}` "
            "has none. Take 'integrated-gradients'."
        )
    return seen[-1].reshape(-1, len(ids)).astype("float64").mean(0)
