"""What a translator of the zoo is measured to be."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from keras_rnn import plots
from keras_rnn.metrics import bleu, bleu_by_length, sacrebleu_metric
from keras_rnn.models import choose_beam
from keras_rnn.models.beam_choice import LENGTH_PENALTIES
from keras_rnn.zoo.folders import BY_LENGTH, entry_names, read_entry, zoo_folder
from keras_rnn.zoo.pairs import read_pairs
from keras_rnn.zoo.recipe_tables import TranslatorRecipe

#: How `evaluate` may find the settings of the beam search.
METHOD = "beam"


def measure(
    recipe: TranslatorRecipe,
    model: Any,
    split: str,
    data: str | Path | None = None,
    method: str | None = None,
    verbose: int = 0,
) -> dict[str, Any]:
    """BLEU of a whole split, by the recipe's beam search and by the most probable piece each time.

    With a method the length penalty is not the recipe's, but the best of several on the validation split,
    the recipe's among them.

    `bleu` counts case for nothing, `bleu_cased` does not; both are of detokenized text. `perplexity` is that
    of a subword, the true ones before it given. `by_length` is the BLEU of each quarter of the sentences, by
    the words of the source.
    """
    sacrebleu_metric()  # told now if it is missing, and not after the search
    search: dict[str, Any] = dict(vars(recipe.decoding))
    chosen: dict[str, Any] = {}
    if method is not None:
        trials = choose_beam(
            model,
            read_pairs(recipe.data, "validation", data),
            beam_sizes=[recipe.decoding.beam_size],
            length_penalties=sorted({*LENGTH_PENALTIES, recipe.decoding.length_penalty}),
            coverage_penalties=[recipe.decoding.coverage_penalty],
            verbose=verbose,
        )
        search = trials[0]["settings"]
        tried = {trial["settings"]["length_penalty"]: round(trial["bleu"], 3) for trial in trials}
        chosen = {"settings": search, "bleu_by_length_penalty": dict(sorted(tried.items()))}
    pairs, began = read_pairs(recipe.data, split, data), time.monotonic()
    found = model.translate(pairs.source, **search, verbose=verbose)
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
        "by_length": bleu_by_length(found, pairs.target, pairs.source),
        "perplexity": round(logs["perplexity"], 3),
        "accuracy": round(logs["accuracy"], 5),
        "seconds": round(seconds, 1),
        **chosen,
    }


def draw_by_length(recipe: TranslatorRecipe, folder: Path, metrics: dict[str, Any]) -> None:
    """Draws BLEU by length of an entry, and of the published ones on the same pairs, into its folder.

    If it is published itself, the pictures of the others are drawn anew: it is in them, too.
    """
    systems, folders = {recipe.name: metrics["evaluation"]["by_length"]}, {folder}
    for name in entry_names():
        theirs, other, measured = read_entry(name)
        if name != recipe.name and getattr(other, "data", None) == recipe.data and "evaluation" in measured:
            systems[name] = measured["evaluation"]["by_length"]
            folders |= {theirs} if folder.parent == zoo_folder() else set()
    title = f"Test split of {recipe.data.dataset}, {recipe.data.source} to {recipe.data.target}"
    for own in folders:
        plots.bleu_by_length(dict(sorted(systems.items())), own / BY_LENGTH, title)
