"""Metrics that Keras lacks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_rnn")
class GaussianMeanSquaredError(keras.metrics.MeanMetricWrapper):
    """Mean of (y - m)^2, where the prediction holds the means m and then the variances (`GaussianHead`)."""

    def __init__(self, name: str = "mse", dtype: Any = None) -> None:
        super().__init__(_squared_error_of_mean, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}


def _squared_error_of_mean(y_true: Any, y_pred: Any) -> Any:
    mean, _ = ops.split(y_pred, 2, axis=-1)
    return ops.mean(ops.square(ops.reshape(ops.cast(y_true, mean.dtype), ops.shape(mean)) - mean), axis=-1)


@keras.saving.register_keras_serializable("keras_rnn")
class Perplexity(keras.metrics.Mean):
    """The mean of negative log likelihoods, and exp of it: two entries of the logs, `loss` and `perplexity`.

    Each value counts once, or by its weight, so that short batches weigh less than long ones. (The `loss`
    that Keras keeps is a mean of means.)

    Example:

    >>> metric = Perplexity()
    >>> metric.update_state(np.log([[2.0, 8.0, 3.0]]), np.array([[1.0, 1.0, 0.0]]))
    >>> round(float(metric.result()["perplexity"]), 4)
    4.0
    """

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        # Keras takes the mean over all axes but the first, and counts rows.
        weights = None if sample_weight is None else ops.ravel(sample_weight)
        super().update_state(ops.ravel(values), weights)

    def result(self) -> dict[str, Any]:
        mean = super().result()
        return {"loss": mean, "perplexity": ops.exp(mean)}


def perplexity_of(total: float, tokens: int) -> dict[str, Any]:
    """`nll`, the mean negative log likelihood in nats, `perplexity`, exp of it, and `tokens`.

    Args:
        total: the sum of the negative log likelihoods.
        tokens: how many they are.

    >>> round(perplexity_of(math.log(8), 3)["perplexity"], 4)
    2.0
    """
    nll = total / tokens
    return {"nll": nll, "perplexity": math.inf if nll > 700 else math.exp(nll), "tokens": tokens}


def bits_per_character(nll: float) -> float:
    """The unit of character-level language models: a mean negative log likelihood, in bits, nll / ln 2.

    Args:
        nll: in nats, such as `model.perplexity(ids)["nll"]` of a model whose ids are characters.

    >>> round(bits_per_character(math.log(8)), 4)
    3.0
    """
    return nll / math.log(2)


def bleu(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = True) -> dict[str, Any]:
    """Corpus BLEU of plain, detokenized text by sacrebleu, with its signature.

    Args:
        hypotheses: one translation for each sentence.
        references: the sentence that it should be.
        lowercase: whether case counts nothing.

    Returns:
        `bleu`, from 0 to 100, and `signature`, which says how it was computed.

    Raises:
        ImportError: if sacrebleu is not installed; says how.
        ValueError: if there are not as many of the one as of the other, or none.

    Source: K. Papineni, S. Roukos, T. Ward, W.-J. Zhu, "BLEU: a Method for Automatic Evaluation of Machine
    Translation", ACL 2002; M. Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018.

    >>> bleu(["The cat sat on the mat ."], ["the cat sat on the mat."])["bleu"]
    100.0
    """
    if len(hypotheses) != len(references) or not len(references):
        raise ValueError(
            "`hypotheses` must have one translation for each of `references`; received "
            f"{len(hypotheses)} and {len(references)}."
        )
    metric = sacrebleu_metric(lowercase)
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return {"bleu": round(score, 4), "signature": str(metric.get_signature())}


def bleu_by_length(
    hypotheses: Sequence[str], references: Sequence[str], sources: Sequence[str], parts: int = 4
) -> list[dict[str, Any]]:
    """BLEU of the shortest sentences, of longer ones, and so on: equal parts of the sources by their words.

    Sentences of one length stand in the order of the text, so that a length may be on both sides of a cut.

    Args:
        hypotheses, references: see `bleu`.
        sources: what was translated.
        parts: how many.

    Returns:
        For each part, the shortest first: `shortest` and `longest`, in words, `sentences` and `bleu`.

    Raises:
        ValueError: if there are not as many of each, or fewer than `parts`.
    """
    if not len(hypotheses) == len(references) == len(sources) >= parts >= 1:
        raise ValueError(
            f"`hypotheses`, `references` and `sources` must be as many, and at least `parts`; received "
            f"{len(hypotheses)}, {len(references)}, {len(sources)} and parts={parts}."
        )
    words = np.array([len(source.split()) for source in sources])
    return [
        {
            "shortest": int(words[rows].min()),
            "longest": int(words[rows].max()),
            "sentences": len(rows),
            "bleu": bleu([hypotheses[k] for k in rows], [references[k] for k in rows])["bleu"],
        }
        for rows in np.array_split(np.argsort(words, kind="stable"), parts)
    ]


def sacrebleu_metric(lowercase: bool = True) -> Any:
    """`sacrebleu.metrics.BLEU`; ImportError, which says how to get it, if it is not installed."""
    try:
        from sacrebleu.metrics import BLEU
    except ImportError as error:
        raise ImportError('BLEU needs sacrebleu: pip install "keras_rnn[train]".') from error
    return BLEU(lowercase=lowercase)
