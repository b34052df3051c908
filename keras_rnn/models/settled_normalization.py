"""Mean and variance of a classifier's pooled features over all texts, in the place of moving averages."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_rnn.models.sequence_classifier import SequenceClassifier
from keras_rnn.models.text_model import TextModel


def settle_normalization(classifier: SequenceClassifier, x: Any, **arguments: Any) -> None:
    """Gives the normalization of pooled features the statistics of all of these texts.

        mean, variance = those of pool(h[1] .. h[time]) over the rows of x, with all dropout off

    While training, they are moving averages over the last batches, and texts in a batch are of like length:
    where those were long, short texts are judged by the scale of long ones. To be called after `fit`, with
    the texts of `fit`.

    Args:
        classifier: a built `keras_rnn.models.SequenceClassifier` with `normalize=True`.
        x: texts or ids, as for `predict`.
        arguments: of `predict`.

    Raises:
        ValueError: if the classifier normalizes nothing.

    Source: S. Ioffe, C. Szegedy, "Batch Normalization", ICML 2015, algorithm 2, which takes
    the statistics of the whole training set, too.
    """
    if classifier.normalization is None:
        raise ValueError(f"`classifier` must have normalize=True; received {classifier!r}.")
    features = _PooledFeatures(classifier).predict(x, **arguments)
    classifier.normalization.moving_mean.assign(features.mean(axis=0))
    classifier.normalization.moving_variance.assign(features.var(axis=0))


class _PooledFeatures(TextModel):
    """What a classifier would normalize."""

    def __init__(self, classifier: SequenceClassifier) -> None:
        super().__init__(classifier.tokenizer, name=f"{classifier.name}_pooled")
        self.classifier = classifier
        self.built = True

    def call(self, inputs: Any) -> Any:
        own = self.classifier
        mask = ops.not_equal(inputs, 0) if own.reads_ids else None
        x = own.embedding(inputs) if own.reads_ids else inputs
        return ops.cast(own.pooling(own.hidden_states(x, mask), mask=mask), "float32")
