"""From a finished training to an entry of the zoo."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from keras_rnn.files import write_text, written_whole
from keras_rnn.zoo.folders import METRICS, PROBE, VOCABULARY, read_entry, zoo_folder
from keras_rnn.zoo.pairs import asset_names
from keras_rnn.zoo.recipe_tables import ClassifierRecipe, KneserNeyRecipe, NeuralRecipe, TranslatorRecipe
from keras_rnn.zoo.weights import FILE

PICTURE, HISTORY = "curves.png", "history.csv"


def publish(run: str | Path) -> Path:
    """Copies what a finished training wrote into `zoo/NAME` of the checkout.

    A training on all examples, or on a corpus that has a validation split, gives the weights, vocabularies,
    probe and ledger; what was measured on older weights is dropped. One that held examples out gives its
    validation result, history and curves, and leaves the weights alone: it is the one on which the recipe was
    chosen. A Kneser-Ney model gives what was measured: it has nothing else.

    Args:
        run: the folder that `keras-rnn train` wrote.

    Returns:
        The folder of the entry.

    Raises:
        ValueError: if the training is not finished, or not of the entry's recipe.
    """
    folder, recipe, metrics = read_entry(Path(run))
    target = zoo_folder() / recipe.name
    _, published, kept = read_entry(target)
    counted = isinstance(recipe, KneserNeyRecipe)
    if ("training" if counted else "weights") not in metrics:
        raise ValueError(
            f"{folder} holds no finished training. Run `keras-rnn train {recipe.name}` to its end."
        )
    if published != recipe:
        raise ValueError(f"{folder} was trained with another recipe than {target}. Train that recipe.")
    if metrics["training"].get("validation_examples"):
        kept["validation"] = metrics["training"]
        names = [PICTURE, HISTORY]
    elif isinstance(recipe, ClassifierRecipe):
        kept = {**metrics, **({"validation": kept["validation"]} if "validation" in kept else {})}
        # One that was pretrained reads the vocabulary of its language model.
        names = [FILE, *([VOCABULARY] if recipe.pretrained is None else []), PROBE]
    else:
        assets = [VOCABULARY] if isinstance(recipe, NeuralRecipe) else []
        if isinstance(recipe, TranslatorRecipe):
            assets = asset_names(recipe)
        kept, names = metrics, [] if counted else [FILE, *assets, PROBE, PICTURE, HISTORY]
    for name in names:
        with written_whole(target / name) as temporary:
            shutil.copyfile(folder / name, temporary)
    write_text(target / METRICS, json.dumps(kept, indent=2) + "\n")
    return target
