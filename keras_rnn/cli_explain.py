"""The command `keras-rnn explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from keras_rnn.terminal import console, room


def explain(
    name: Annotated[str, typer.Argument(help="A published text classifier, or a folder that `train` wrote.")],
    text: Annotated[str, typer.Argument(help="The text.")],
    method: Annotated[
        str, typer.Option(help="integrated-gradients, gradient-x-input or attention.")
    ] = "integrated-gradients",
    png: Annotated[Path | None, typer.Option(help="Draw it into a PNG, too.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page, too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Shows what each word of a text contributes to the judgement of a classifier."""
    zoo, explanations = room("zoo"), room("explain")
    if method not in explanations.METHODS:  # told before the model is read
        raise ValueError(f"`--method` must be one of {explanations.METHODS}; received {method!r}.")
    model = zoo.load(name)
    if not hasattr(model, "tokenizer"):
        raise ValueError(f"`NAME` must be a text classifier; {name} is a {type(model).__name__}.")
    found = explanations.contributions(model, text, method)
    title = f"{name}: {found.output:.3f}"
    if png is not None:
        room("plots").contributions(found.words, found.contributions, png, title)
    if html is not None:
        room("files").write_text(html, explanations.as_html(found, title))
    if as_json:
        rounded = [round(c, 6) for c in found.contributions.tolist()]
        told = {**found._asdict(), "contributions": rounded}
        print(json.dumps(told, ensure_ascii=False))
    else:
        console().print(explanations.as_text(found))
