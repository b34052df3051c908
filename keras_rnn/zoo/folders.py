"""Where the published models lie: folders of a recipe, weights, metrics and a card."""

from __future__ import annotations

import difflib
import fnmatch
import json
from importlib import resources
from pathlib import Path
from typing import Any

from keras_rnn.zoo.recipe import read_recipe
from keras_rnn.zoo.recipe_tables import AnyRecipe

#: The subword models of a translator: of one vocabulary for both languages, or one for each.
JOINT, SOURCE, TARGET = "assets/subwords.model", "assets/source.model", "assets/target.model"
BY_LENGTH = "bleu_by_length.png"
#: The short trainings on which a recipe was chosen.
TRIALS = "trials.csv"
RECIPE, METRICS, CARD, PROBE, VOCABULARY = (
    "recipe.toml",
    "metrics.json",
    "README.md",
    "probe.json",
    "assets/vocabulary.txt",
)


def zoo_folder() -> Path:
    """The folder of the published models: `zoo/` of a checkout, or the copy inside the installed package."""
    return Path(str(resources.files("keras_rnn.zoo.entries")))


def entry_names() -> list[str]:
    """The names of all published models, in alphabetic order."""
    return sorted(path.parent.name for path in zoo_folder().glob(f"*/{RECIPE}"))


def find_entry(name_or_folder: str | Path) -> Path:
    """The folder of a published model, or the folder that is given.

    Raises:
        ValueError: if there is neither; names the nearest models.
    """
    name = str(name_or_folder)
    folder = Path(name_or_folder).expanduser()
    # A plain name is a name of the zoo, whatever lies in the current folder; a path says that it is one.
    is_path = isinstance(name_or_folder, Path) or "/" in name or "\\" in name
    if not is_path and (zoo_folder() / name / RECIPE).exists():
        return zoo_folder() / name
    if folder.is_dir():
        if not (folder / RECIPE).exists():
            raise ValueError(
                f"{folder} is no zoo entry: it holds no {RECIPE}. Give the name of a published model "
                "(`keras-rnn list`) or a folder that `keras-rnn train` wrote."
            )
        return folder
    near = difflib.get_close_matches(name, entry_names(), 3, 0.4)
    hint = f"Nearest: {', '.join(near)}. " if near else ""
    raise ValueError(
        f"There is no model and no folder named {name!r}. {hint}"
        "All names: `keras-rnn list`, or keras_rnn.zoo.list_models()."
    )


def read_entry(name_or_folder: str | Path) -> tuple[Path, AnyRecipe, dict[str, Any]]:
    """Folder, recipe and metrics (empty before the first training) of a model."""
    folder = find_entry(name_or_folder)
    path = folder / METRICS
    try:
        metrics = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}.") from error
    return folder, read_recipe(folder / RECIPE), metrics


def list_models(task: str | None = None, dataset: str | None = None, pattern: str | None = None) -> list[str]:
    """The names of the published models, in alphabetic order.

    Args:
        task: only those of this task, for example `"sentiment"`.
        dataset: only those trained on this dataset, for example `"imdb"`.
        pattern: only names that match, with `*` and `?` as in a shell.

    Returns:
        A list of names for `load` and `info`.

    Example:

    >>> list_models(pattern="imdb_*rnn")
    ['imdb_simple_rnn']
    """
    found = []
    for name in entry_names():
        recipe = read_recipe(zoo_folder() / name / RECIPE)
        if (
            (task is None or recipe.task == task)
            and (dataset is None or recipe.data.dataset == dataset)
            and (pattern is None or fnmatch.fnmatchcase(name, pattern))
        ):
            found.append(name)
    return found


def info(name_or_folder: str | Path) -> dict[str, Any]:
    """What is known of a model, without building it.

    Returns:
        A dictionary with `name`, `folder`, `recipe` (as nested dictionaries) and `metrics`: parameters and
        checksum of the weights, the ledger of the training, and what was measured, with the command.

    Raises:
        ValueError: if there is no such model.
    """
    import dataclasses

    folder, recipe, metrics = read_entry(name_or_folder)
    return {
        "name": recipe.name,
        "folder": str(folder),
        "recipe": dataclasses.asdict(recipe),
        "metrics": metrics,
    }
