"""A classifier that goes on learning to predict the next word while it learns to classify."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.models.labels import loss_of, metrics_of
from keras_rnn.models.sequence_classifier import SequenceClassifier
from keras_rnn.models.text_model import TextModel
from keras_rnn.models.virtual_adversarial import virtual_adversarial_loss


class FineTuning(TextModel):
    """A `SequenceClassifier` in training, with losses that keep its trunk what a language model made it.

        h[t] = trunk(x[1] .. x[t])
        loss = -log p(y | h[1] .. h[time])
               + language_weight    * mean of -log q(x[t+1] | h[t])        over the words of the batch
               + adversarial_weight * virtual_adversarial_loss             at length adversarial_norm

    q is the softmax of the language model, which is left as it is. Both additions are computed while training
    alone: an evaluation, and what is predicted, are those of the classifier.

        transfer(language_model, classifier)
        tuning = FineTuning(classifier, language_model.softmax, language_weight=0.2)
        tuning.compile(optimizer)
        tuning.fit(texts, labels, callbacks=[GradualUnfreezing(["head", "lstm"])])
        classifier.save("classifier.keras")                                 which is what has been trained

    Where a text was cut in its middle (`truncation="ends"`), the word after the cut is predicted from those
    before it, as any other.

    Args:
        classifier: a built `keras_rnn.models.SequenceClassifier` that reads ids.
        softmax: the built output layer of the language model. It stops learning. Without it
            `language_weight` is 0.
        language_weight: that of the language model's loss, a number from 0.
        adversarial_weight: that of `keras_rnn.models.virtual_adversarial_loss`, a number from 0. The vectors
            that it moves are behind the word dropout; the other dropout is off there.
        adversarial_norm: the length by which vectors are moved, above 0.
        seed: integer, makes the random directions reproducible.

    Raises:
        TypeError: if `classifier` is something else.
        ValueError: if it is not built or reads features, a weight is negative, a language model's loss is
            asked for without its softmax, or an adversarial one of a Gaussian or categorical head.

    Source: J. Howard, S. Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018,
    and for the sum of the losses A. Radford and others, "Improving Language Understanding by Generative
    Pre-Training", 2018, section 3.2, equation 5.
    """

    def __init__(
        self,
        classifier: SequenceClassifier,
        softmax: Any = None,
        language_weight: float = 0.0,
        adversarial_weight: float = 0.0,
        adversarial_norm: float = 1.0,
        seed: int | None = None,
    ) -> None:
        if not isinstance(classifier, SequenceClassifier):
            raise TypeError(f"`classifier` must be a SequenceClassifier; received classifier={classifier!r}.")
        if not classifier.built or not classifier.reads_ids:
            raise ValueError(f"`classifier` must be built, and read ids; received classifier={classifier!r}.")
        given = {"language_weight": language_weight, "adversarial_weight": adversarial_weight}
        for name, value in given.items():
            if not 0 <= value < float("inf"):
                raise ValueError(f"`{name}` must be a number from 0; received {name}={value}.")
        if not 0 < adversarial_norm < float("inf"):
            raise ValueError(
                f"`adversarial_norm` must be above 0; received adversarial_norm={adversarial_norm}."
            )
        if language_weight and softmax is None:
            raise ValueError(
                "`softmax` must be that of the language model where its loss counts; received None and "
                f"language_weight={language_weight}."
            )
        head = classifier.get_config()["head"]
        if adversarial_weight and head != "bernoulli":
            raise ValueError(
                f"`adversarial_weight` must be 0 for a {head} head: the divergence is that of yes-or-no "
                f"questions; received adversarial_weight={adversarial_weight}."
            )
        super().__init__(classifier.tokenizer, name=f"{classifier.name}_fine_tuning")
        self.classifier = classifier
        self.softmax = softmax
        if softmax is not None:
            softmax.trainable = False
        self.language_weight = language_weight
        self.adversarial_weight = adversarial_weight
        self.adversarial_norm = adversarial_norm
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._head = head
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        own, mask = self.classifier, ops.not_equal(inputs, 0)
        e = own.embedding(own.word_dropout(inputs, training=training))
        h = own.hidden_states(e, mask, training)
        if training and self.language_weight:
            self.add_loss(self.language_weight * self._of_next_words(inputs, h, mask))
        if training and self.adversarial_weight:
            read = partial(own.read, mask=mask)
            loss = virtual_adversarial_loss(read, e, mask, self.adversarial_norm, self.seed_generator)
            self.add_loss(self.adversarial_weight * loss)
        return own.decide(h, mask, training)

    def _of_next_words(self, ids: Any, h: Any, mask: Any) -> Any:
        """The mean negative log likelihood of each word but the first of each text."""
        counts = ops.cast(ops.logical_and(mask[:, :-1], mask[:, 1:]), "float32")
        tied = {"embeddings": self.classifier.embedding.embeddings} if self.softmax.tied else {}
        total, _ = self.softmax(h[:, :-1], targets=ids[:, 1:], sample_weight=counts, training=True, **tied)
        return ops.divide_no_nan(total, ops.cast(ops.sum(counts), total.dtype))

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        """As that of the classifier."""
        loss = loss_of(self._head) if loss is None else loss
        metrics = metrics_of(self._head) if metrics is None else metrics
        super().compile(optimizer, loss, metrics=metrics, **kwargs)

    def check_targets(self, y: np.ndarray) -> None:
        self.classifier.check_targets(y)

    def prepare_targets(self, y: Any) -> np.ndarray:
        return self.classifier.prepare_targets(y)

    def compute_output_shape(self, input_shape: Any, **_: Any) -> Any:
        return self.classifier.compute_output_shape(input_shape)
