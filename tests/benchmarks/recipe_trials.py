"""Short trainings of a recipe with other settings, on which the recipe was chosen.

python tests/benchmarks/recipe_trials.py NAME [CHANGE ...] [--epochs 3] [--output runs/trials] [--write]

A CHANGE is written as in the recipe: `learning_rate=2e-3`, or several keys, `hidden_dropout=0.2;
output_dropout=0.2`. The recipe as it stands is trained, too. Killed, the same call goes on. `--write` makes
zoo/NAME/trials.csv, from which `keras-rnn card` makes a table: of each training the keys that are not the
recipe's, and what the last weights reach on the validation split: of a translator by the beam search of
`translate`, of a classifier on a tenth of the training texts, whole films, which it then does without.
"""

import argparse
import hashlib
import json
import re
import tomllib
from pathlib import Path

from keras_rnn import zoo
from keras_rnn.experiments.tables import write_rows
from keras_rnn.files import write_text
from keras_rnn.zoo.folders import METRICS, RECIPE, TRIALS, find_entry
from keras_rnn.zoo.recipe import read_recipe


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument("changes", nargs="*")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("runs/trials"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    entry = find_entry(arguments.name)
    recipe = (entry / RECIPE).read_text(encoding="utf-8")
    folder = arguments.output / arguments.name / f"{arguments.epochs}_epochs"
    for change in ["", *arguments.changes]:
        text = changed(recipe, change)
        # By its text: what the recipe was when another trial ran says nothing of this one.
        source = folder / hashlib.sha256(text.encode()).hexdigest()[:10]
        write_text(source / RECIPE, text)
        if not (source / "run" / METRICS).exists():
            held_out = 0.1 if read_recipe(source / RECIPE).task == "sentiment" else None
            zoo.train(source, source / "run", epochs=arguments.epochs, validation=held_out, verbose=2)
    if arguments.write:
        rows = [row(recipe, run.parent) for run in folder.glob(f"*/run/{METRICS}")]
        write_rows(sorted(rows, key=best_first), entry / TRIALS)


def changed(recipe, change):
    """The text of the recipe with other values."""
    for part in filter(None, map(str.strip, change.split(";"))):
        key, _, value = map(str.strip, part.partition("="))
        line = f"{key} = {value}".replace("\\", r"\\")
        recipe, count = re.subn(rf"^{key} = .*$", line, recipe, flags=re.MULTILINE)
        if count != 1:
            raise SystemExit(f"{key} stands {count} times in the recipe.")
    return recipe


def row(recipe, run):
    """What stands in the table of one training."""
    ours, theirs = (
        tomllib.loads(text) for text in (recipe, (run.parent / RECIPE).read_text(encoding="utf-8"))
    )
    other = [
        f"{key} = {told(value)}"
        for table, keys in theirs.items()
        if isinstance(keys, dict)
        for key, value in keys.items()
        if ours[table].get(key) != value
    ]
    training = json.loads((run / METRICS).read_text(encoding="utf-8"))["training"]
    return {
        "changed": "; ".join(other),
        "epochs": training["epochs"],
        **scores(training),
        "hours": training["hours"],
        "hardware": training["hardware"],
    }


def scores(training):
    """What the last weights reach: the measures of this kind of model."""
    final = training["final"]
    if "validation_bleu" in training:
        return {"perplexity": final["val_perplexity"], "bleu": training["validation_bleu"]["last"]}
    if "val_perplexity" in final:
        return {"perplexity": final["val_perplexity"]}
    return {"accuracy": final["val_accuracy"], "cross_entropy": final["val_loss"]}


def best_first(row):
    """The key by which the rows of a table are sorted."""
    return -row["bleu"] if "bleu" in row else row.get("cross_entropy", row.get("perplexity"))


def told(value):
    """A value as TOML has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(told, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {told(own)}" for key, own in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    main()
