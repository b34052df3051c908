"""The command line: `keras-rnn`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from keras_rnn import __version__, cli_compare, cli_experiment, cli_explain, cli_generate
from keras_rnn.terminal import console, escape, read_texts, room, told_warnings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)
app.add_typer(cli_experiment.app, name="experiment")
app.command()(cli_compare.compare)
app.command()(cli_explain.explain)
app.command()(cli_generate.generate)
Name = Annotated[str, typer.Argument(help="A published model, or a folder that `train` wrote.")]
Data = Annotated[
    Path | None, typer.Option(help="Where the dataset lies. Default: KERAS_RNN_DATA, the cache, a download.")
]
Texts = Annotated[list[str] | None, typer.Argument(help="The texts. None: standard input, one a line.")]
File = Annotated[Path | None, typer.Option(help="A UTF-8 file, one text a line.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Recurrent networks for Keras: trained models to use, to train again and to export."""
    if version:
        print(__version__)
        raise typer.Exit


@app.command("list")
def list_(
    task: Annotated[str | None, typer.Option(help="Only models of this task.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only models trained on this dataset.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Only names that match, with * and ?.")] = None,
    as_json: Json = False,
) -> None:
    """Lists the published models with what was measured of them."""
    zoo, card = room("zoo"), room("zoo.card")
    names = zoo.list_models(task, dataset, pattern)
    measured = {row["name"]: row for row in card.rows(names)} if names else {}
    if as_json:
        print(json.dumps([measured.get(name, {"name": name}) for name in names], indent=2))
        return
    table = Table("model", "task", "on the test split", "parameters", "layers")
    for name in names:
        row = measured.get(name)
        if row:
            count = f"{row['parameters']:,}" if row["parameters"] else "–"
            table.add_row(name, row["task"], row["result"], count, row["layers"])
        else:
            trained = "weights" in zoo.info(name)["metrics"]
            table.add_row(name, "not measured" if trained else "not trained yet")
    console().print(table)


@app.command()
def info(name: Name, as_json: Json = False) -> None:
    """Shows the card of a model: result, architecture, training, source, terms."""
    zoo, card = room("zoo"), room("zoo.card")
    if as_json:
        print(json.dumps(zoo.info(name), indent=2))
    else:
        console().print(Markdown(card.card(name)))


@app.command()
def predict(name: Name, texts: Texts = None, file: File = None, as_json: JsonLines = False) -> None:
    """Judges texts: label and probability for each."""
    zoo = room("zoo")
    room("zoo.folders").find_entry(name)  # a wrong name is told before texts are read
    texts = read_texts(texts, file)
    model = zoo.load(name)
    if not hasattr(model, "tokenizer"):
        raise ValueError(f"`NAME` must be a text classifier; {name} is a {type(model).__name__}.")
    probabilities = model.predict(texts, verbose=0)[:, 0]
    if not as_json:
        table = Table("label", "p(label)", "text")
    for text, p in zip(texts, probabilities.tolist()):
        label = "positive" if p > 0.5 else "negative"
        if as_json:
            print(json.dumps({"text": text, "label": label, "probability_positive": round(p, 6)}))
        else:
            colour = "green" if p > 0.5 else "red"
            shown = text if len(text) <= 200 else text[:199] + "…"
            table.add_row(f"[{colour}]{label}[/]", f"{max(p, 1 - p):.3f}", shown.replace("[", "\\["))
    if not as_json:
        console().print(table)


@app.command()
def translate(
    name: Name,
    texts: Texts = None,
    file: File = None,
    beam: Annotated[
        int | None, typer.Option(min=1, help="Hypotheses at a time. Default: the card's.")
    ] = None,
    n_best: Annotated[int, typer.Option(min=1, help="How many translations of each sentence.")] = 1,
    as_json: JsonLines = False,
    attention: Annotated[
        Path | None, typer.Option(help="A PNG of what the first sentence that is not empty looked at.")
    ] = None,
) -> None:
    """Translates sentences, one a line; an empty line stays one.

    Characters that the model does not know are read as one unknown piece: of a sentence without any other the
    translation is made up, with a warning.
    """
    zoo = room("zoo")
    _, recipe, _ = room("zoo.folders").read_entry(name)  # a wrong name is told before texts are read
    if not hasattr(recipe, "decoding"):
        raise ValueError(f"`NAME` must be a translator; {name} is a {recipe.model.type}.")
    if attention is not None and not getattr(recipe.model, "attention", True):
        raise ValueError(f"`--attention` needs a model with attention; {name} has none.")
    texts = read_texts(texts, file, forgiving=True)
    settings = {**vars(recipe.decoding), **({} if beam is None else {"beam_size": beam})}
    model = zoo.load(name)
    with told_warnings():
        found = model.translations(texts, n_best=n_best, **settings)
    for text, own in zip(texts, found):
        for translation in own:
            told = {"text": text, "translation": translation.text, "score": round(translation.score, 6)}
            print(json.dumps(told, ensure_ascii=False) if as_json else translation.text)
    if attention is not None:  # last: what cannot be drawn loses no translation
        best = next((own[0] for own in found if own[0].attention is not None), None)
        if best is None:
            raise ValueError(f"`--attention` needs a sentence; received {len(texts)} empty ones.")
        room("plots").attention(best.attention, best.source_pieces, best.pieces, attention)


@app.command()
def train(
    name: Name,
    output: Annotated[Path | None, typer.Option(help="The folder to write. Default: runs/NAME.")] = None,
    data: Data = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="In place of the recipe's.")] = None,
    validation: Annotated[
        float | None, typer.Option(min=0.0, max=0.9, help="Share held out, in place of the recipe's.")
    ] = None,
    examples: Annotated[
        int | None, typer.Option(min=10, help="Train on so many examples only, for a first try.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.0, help="Stop after the epoch that passes so many; the same command goes on."),
    ] = None,
) -> None:
    """Trains a model's recipe from fresh weights. After a kill the same command goes on."""
    room("zoo.training").train(
        name, output or Path("runs") / Path(name).name, data, epochs, validation, examples, minutes
    )


@app.command()
def evaluate(
    name: Name,
    data: Data = None,
    examples: Annotated[
        int | None, typer.Option(min=10, help="Only so many; the entry's metrics stay as they are.")
    ] = None,
    write: Annotated[bool, typer.Option(help="Write the result into the entry's metrics.json.")] = False,
    split: Annotated[
        str, typer.Option(help="Of a language model or translator: train, validation or test.")
    ] = "test",
    method: Annotated[
        str | None,
        typer.Option(
            help="Of a language model: cache, dynamic-sgd or dynamic-rms; of a translator: beam. Settings "
            "are chosen on the validation split."
        ),
    ] = None,
) -> None:
    """Measures a model on the whole test split."""
    verbose = int(sys.stdout.isatty())  # no progress bars in what a script reads
    result = room("zoo.evaluation").evaluate(
        name, data, examples, write, verbose=verbose, split=split, method=method
    )
    print(json.dumps(result, indent=2))


@app.command()
def export(name: Name, path: Annotated[Path, typer.Argument(help="The folder of the SavedModel.")]) -> None:
    """Writes a SavedModel: text in; probabilities, text or a translation out.

    TensorFlow alone serves it; a translator needs tensorflow_text, too.
    """
    model = room("zoo").load(name)
    model.export(path)
    told = "outputs `probability` and `label`."
    if hasattr(model, "translate"):
        told = (
            "outputs `translation`, `score`; signature translate, with `beam_size`, `length_penalty`. Import "
            "tensorflow_text before it is loaded."
        )
    elif hasattr(model, "generate"):
        told = "outputs `perplexity`, `log_probability`; signature generate, from `prompt` to `text`."
    print(f"{path}: signature serving_default, input `text`, {told}")


@app.command()
def publish(run: Annotated[Path, typer.Argument(help="A folder that `train` wrote.")]) -> None:
    """Copies a finished training into the zoo of the checkout."""
    print(room("zoo.publish").publish(run))


@app.command()
def card(
    check: Annotated[bool, typer.Option(help="Change nothing; fail if a page is not up to date.")] = False,
) -> None:
    """Writes all cards and tables of the checkout anew from recipes and metrics."""
    pages = room("zoo.card")
    if check:
        if old := list(pages.outdated_pages()):
            raise ValueError(f"Not up to date: {', '.join(map(str, old))}. Run `keras-rnn card`.")
        return
    for path in pages.write_pages():
        print(path)


def main() -> None:
    """Runs the command line; an error is one line on standard error, and status 1."""
    try:
        app()
    except (ValueError, TypeError, OSError, ImportError) as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]Error:[/] {escape(str(error))}", highlight=False)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped. The same command goes on where it can.")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
