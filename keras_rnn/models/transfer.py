"""From a language model to a classifier."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from keras_rnn.models.language_model import LanguageModel
from keras_rnn.models.sequence_classifier import SequenceClassifier

#: Arguments that say what a layer makes of its weights.
EQUATIONS = ("activation", "recurrent_activation", "reset_after", "go_backwards")


def transfer(language_model: LanguageModel, classifier: SequenceClassifier) -> None:
    """Copies embedding and recurrent layers of a language model into a classifier.

        vocabulary = Vocabulary.from_words(tokenizer.words)       of the language model, which is trained
        classifier = SequenceClassifier(layers, tokenizer=vocabulary.tokenizer(max_length=400), ...)
        transfer(language_model, classifier)

    The two have the same ids: what is `<eos>` to the one is padding to the other, which masks it. Head and
    pooling of the classifier stay as they are, and the language model loses nothing.

    Args:
        language_model: a built `keras_rnn.models.LanguageModel` with a vocabulary.
        classifier: a built `keras_rnn.models.SequenceClassifier` with a tokenizer, and with recurrent layers
            of the same kinds and sizes.

    Raises:
        TypeError: if one of the two is something else.
        ValueError: if the words are others: the first difference is named; or if a layer is another one.

    Sources: A. M. Dai, Q. V. Le, "Semi-supervised Sequence Learning", NeurIPS 2015; J. Howard, S. Ruder,
    "Universal Language Model Fine-tuning for Text Classification", ACL 2018.
    """
    given = ("language_model", language_model, LanguageModel), ("classifier", classifier, SequenceClassifier)
    for name, model, kind in given:
        if not isinstance(model, kind) or not model.built:
            raise TypeError(f"`{name}` must be a built {kind.__name__}; received {name}={model!r}.")
    if language_model.get_config()["skip_connections"]:
        raise ValueError(
            "`language_model` must have skip_connections=False: its layers read what a classifier's do not."
        )
    _check_words(language_model, classifier)
    ours = [classifier.embedding, *classifier.recurrent_layers]
    theirs = [language_model.embedding, *language_model.recurrent_layers]
    for one, other in zip_longest(theirs, ours):
        if _form(one) != _form(other):
            raise ValueError(
                "`classifier` must have an embedding and recurrent layers like those of `language_model`; "
                f"received {_told(other)} in the place of {_told(one)}."
            )
    for one, other in zip(theirs, ours):
        other.set_weights(one.get_weights())


def _check_words(language_model: Any, classifier: Any) -> None:
    if language_model.vocabulary is None or classifier.tokenizer is None:
        less = ("language_model", "vocabulary") if classifier.tokenizer else ("classifier", "tokenizer")
        raise ValueError(
            f"Both models must have words, to see that their ids are the same; `{less[0]}` has no {less[1]}. "
            "Give the classifier `tokenizer=language_model.vocabulary.tokenizer()`."
        )
    wanted, received = language_model.vocabulary.tokenizer().words, classifier.tokenizer.words
    for id, (one, other) in enumerate(zip_longest(wanted, received), start=2):
        if one != other:
            raise ValueError(
                f"`classifier` must have the vocabulary of `language_model`; they first differ at id {id}, "
                f"which is {one!r} to the language model and {other!r} to the classifier. Give the "
                "classifier `tokenizer=language_model.vocabulary.tokenizer()`."
            )


def _form(layer: Any) -> Any:
    """What two layers have in common whose weights mean the same."""
    if layer is None:
        return None
    return type(layer), type(getattr(layer, "cell", None)), _shapes(layer), _equations(layer)


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(w.shape) for w in layer.weights]


def _equations(layer: Any) -> dict[str, Any]:
    own = layer.get_config()
    return {key: own[key] for key in EQUATIONS if key in own}


def _told(layer: Any) -> str:
    if layer is None:
        return "nothing"
    return f"{type(layer).__name__} with weights of shapes {_shapes(layer)} and {_equations(layer)}"
