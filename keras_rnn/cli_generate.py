"""The command line: `keras-rnn generate`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from keras_rnn.terminal import room


def generate(
    name: Annotated[str, typer.Argument(help="A published model, or a folder that `train` wrote.")],
    prompt: Annotated[str, typer.Option(help="The text to go on from. Default: a new line.")] = "",
    tokens: Annotated[int, typer.Option(min=1, help="How many words, characters or steps to write.")] = 200,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="Below 1 favours the probable; 0 takes the most probable.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(min=0, help="Draw from the k most probable; 0 from all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw from the most probable that have this mass.")] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed writes the same text.")] = 0,
    midi: Annotated[Path | None, typer.Option(help="The file that a model of music writes.")] = None,
) -> None:
    """Writes text with a language model, or music as a MIDI file."""
    model = room("zoo").load(name)
    plays = isinstance(model, room("models").PianoRollModel)
    for option, given, own in (
        ("prompt", prompt, not plays),
        ("top-k", top_k, not plays),
        ("top-p", top_p != 1, not plays),
        ("midi", midi, plays),
    ):
        if given and not own:
            raise ValueError(f"`--{option}` must be left out for {name}, a {type(model).__name__}.")
    if plays:
        path = midi or Path(f"{Path(name).name}.mid")
        room("midi").write_midi(model.generate(tokens, seed=seed, temperature=temperature), path)
        print(f"{path}: {tokens} steps")
        return
    if not hasattr(model, "generate"):
        raise ValueError(f"`NAME` must be a LanguageModel; {name} is a {type(model).__name__}.")
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    pieces = model.generate_pieces(prompt, tokens, **settings)
    text = model.vocabulary.text(model.vocabulary.ids(prompt))  # as it is read
    for piece in chain([text], pieces):
        print(piece, end="", flush=True)
    if not piece.endswith("\n"):
        print()
