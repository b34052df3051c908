"""The beam search that has the highest BLEU on held-out sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from keras_rnn.datasets.parallel_text import ParallelText
from keras_rnn.metrics import bleu, sacrebleu_metric
from keras_rnn.models.translation import check_search
from keras_rnn.models.translation_model import TranslationModel

LENGTH_PENALTIES = (0.6, 0.8, 1.0, 1.2, 1.4)


def choose_beam(
    model: TranslationModel,
    data: ParallelText,
    beam_sizes: Sequence[int] = (5,),
    length_penalties: Sequence[float] = LENGTH_PENALTIES,
    coverage_penalties: Sequence[float] = (0.0,),
    lowercase: bool = True,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """BLEU of the translations under all combinations of settings.

        [best, *_] = choose_beam(model, validation_pairs)
        model.translate(texts, **best["settings"])

    Args:
        model: a translator that was trained, with tokenizers.
        data: sentence pairs that it was not trained on, such as the validation split.
        beam_sizes, length_penalties, coverage_penalties: the settings to try: see
            `keras_rnn.ops.beam_search`.
        lowercase: see `keras_rnn.metrics.bleu`.
        verbose: 1 shows a progress bar for each search.

    Returns:
        Of each combination `bleu`, `signature` and `settings`, the best first, and of equals the one that
        was tried earlier.

    Raises:
        ValueError: if there is nothing to try, or a number is out of its range.
        ImportError: if sacrebleu is not installed.
    """
    sacrebleu_metric()  # told now if it is missing, and not after a search
    names = ("beam_size", "length_penalty", "coverage_penalty")
    tried = [dict(zip(names, own)) for own in product(beam_sizes, length_penalties, coverage_penalties)]
    if not tried:
        raise ValueError(
            "`beam_sizes`, `length_penalties` and `coverage_penalties` must hold a number each; received "
            f"{beam_sizes}, {length_penalties} and {coverage_penalties}."
        )
    for settings in tried:
        check_search(n_best=1, max_length=None, **settings)
    results = []
    for settings in tried:
        found = bleu(model.translate(data.source, **settings, verbose=verbose), data.target, lowercase)
        results.append({**found, "settings": settings})
    return sorted(results, key=lambda result: -result["bleu"])
