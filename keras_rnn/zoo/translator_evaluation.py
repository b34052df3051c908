"""What a translator of the zoo is measured to be."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from keras_rnn.metrics import bleu, sacrebleu_metric
from keras_rnn.zoo.pairs import read_pairs
from keras_rnn.zoo.recipe_tables import TranslatorRecipe


def measure(
    recipe: TranslatorRecipe, model: Any, split: str, data: str | Path | None = None, verbose: int = 0
) -> dict[str, Any]:
    """BLEU of a whole split, by the recipe's beam search and by the most probable piece each time.

    `bleu` counts case for nothing, `bleu_cased` does not; both are of detokenized text. `perplexity` is that
    of a subword, the true ones before it given.
    """
    sacrebleu_metric()  # told now if it is missing, and not after the search
    pairs, began = read_pairs(recipe.data, split, data), time.monotonic()
    found = model.translate(pairs.source, **vars(recipe.decoding), verbose=verbose)
    seconds = time.monotonic() - began
    greedy = model.translate(pairs.source, beam_size=1, verbose=verbose)
    own, cased = bleu(found, pairs.target), bleu(found, pairs.target, lowercase=False)
    logs = model.evaluate(pairs, verbose=0, return_dict=True)
    return {
        "split": split,
        "pairs": len(pairs),
        "bleu": round(own["bleu"], 3),
        "signature": own["signature"],
        "bleu_cased": round(cased["bleu"], 3),
        "signature_cased": cased["signature"],
        "bleu_greedy": round(bleu(greedy, pairs.target)["bleu"], 3),
        "perplexity": round(logs["perplexity"], 3),
        "accuracy": round(logs["accuracy"], 5),
        "seconds": round(seconds, 1),
    }
