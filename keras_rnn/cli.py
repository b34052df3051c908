"""The command line: `keras-rnn`."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from keras_rnn import __version__

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)
Name = Annotated[str, typer.Argument(help="A published model, or a folder that `train` wrote.")]
Data = Annotated[
    Path | None, typer.Option(help="Where the dataset lies. Default: KERAS_RNN_DATA, the cache, a download.")
]


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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Lists the published models with what was measured of them."""
    zoo, card = _room("zoo"), _room("zoo.card")
    names = zoo.list_models(task, dataset, pattern)
    measured = {row["name"]: row for row in card.rows(names)} if names else {}
    if as_json:
        print(json.dumps([measured.get(name, {"name": name}) for name in names], indent=2))
        return
    table = Table("model", "task", "test accuracy", "parameters", "layers")
    for name in names:
        row = measured.get(name)
        cells = (
            [row["task"], row["accuracy"], f"{row['parameters']:,}", row["layers"]]
            if row
            else ["not measured"]
        )
        table.add_row(name, *cells)
    _console().print(table)


@app.command()
def info(name: Name, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Shows the card of a model: result, architecture, training, source, terms."""
    zoo, card = _room("zoo"), _room("zoo.card")
    if as_json:
        print(json.dumps(zoo.info(name), indent=2))
    else:
        _console().print(Markdown(card.card(name)))


@app.command()
def predict(
    name: Name,
    texts: Annotated[
        list[str] | None, typer.Argument(help="The texts. None: standard input, one a line.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A UTF-8 file, one text a line.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Judges texts: label and probability for each."""
    zoo = _room("zoo")
    _room("zoo.folders").find_entry(name)  # a wrong name is told before texts are read
    texts = _read_texts(texts, file)
    probabilities = zoo.load(name).predict(texts, verbose=0)[:, 0]
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
        _console().print(table)


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
) -> None:
    """Trains a model's recipe from fresh weights. After a kill the same command goes on."""
    _room("zoo.training").train(
        name, output or Path("runs") / Path(name).name, data, epochs, validation, examples
    )


@app.command()
def evaluate(
    name: Name,
    data: Data = None,
    examples: Annotated[
        int | None, typer.Option(min=10, help="Only so many; the entry's metrics stay as they are.")
    ] = None,
    write: Annotated[bool, typer.Option(help="Write the result into the entry's metrics.json.")] = False,
) -> None:
    """Measures a model on the whole test split."""
    print(json.dumps(_room("zoo.evaluation").evaluate(name, data, examples, write), indent=2))


@app.command()
def export(name: Name, path: Annotated[Path, typer.Argument(help="The folder of the SavedModel.")]) -> None:
    """Writes a SavedModel: text in, probability and label out, TensorFlow alone needed."""
    _room("zoo").load(name).export(path)
    print(f"{path}: signature serving_default, input `text`, outputs `probability` and `label`.")


@app.command()
def publish(run: Annotated[Path, typer.Argument(help="A folder that `train` wrote.")]) -> None:
    """Copies a finished training into the zoo of the checkout."""
    print(_room("zoo.publish").publish(run))


@app.command()
def card(
    check: Annotated[bool, typer.Option(help="Change nothing; fail if a page is not up to date.")] = False,
) -> None:
    """Writes all cards and tables of the checkout anew from recipes and metrics."""
    pages = _room("zoo.card")
    if check:
        old = [
            p for p, text in pages.generated_pages().items() if not p.exists() or p.read_text("utf-8") != text
        ]
        if old:
            raise ValueError(f"Not up to date: {', '.join(map(str, old))}. Run `keras-rnn card`.")
        return
    for path in pages.write_pages():
        print(path)


def _room(name: str) -> Any:
    """A module of the package, imported when a command needs it: `--help` answers without TensorFlow."""
    with _quiet():
        return importlib.import_module(f"keras_rnn.{name}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back what TensorFlow's libraries print while they load; shown only if the import fails.

    A user who sets TF_CPP_MIN_LOG_LEVEL sees everything.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(original, kept.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


def _read_texts(texts: list[str] | None, file: Path | None) -> list[str]:
    if texts and file:
        raise ValueError("Texts come as arguments or from --file; received both.")
    if texts:
        return texts
    source = str(file) if file else "standard input"
    raw = file.read_bytes() if file else sys.stdin.buffer.read()
    try:
        # Only the newline ends a line: str.splitlines() would also cut at U+0085, which real texts hold.
        lines = raw.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{source} is not UTF-8: byte {error.object[error.start]:#04x} at position {error.start}. "
            "Convert it, for example with iconv."
        ) from error
    if not raw.strip():
        raise ValueError(f"{source} is empty; there is no text to judge. Give one text a line.")
    return lines


def _console() -> Any:
    # Off a terminal rich would wrap at 80 columns and cut what a script wants to read.
    return Console() if sys.stdout.isatty() else Console(width=160)


def main() -> None:
    """Runs the command line; an error is one line on standard error, and status 1."""
    try:
        app()
    except (ValueError, TypeError, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]Error:[/] {_escape(str(error))}", highlight=False)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped. The same command goes on where it can.")
        raise SystemExit(130) from None


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    main()
