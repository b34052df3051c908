"""Contributions of words as colours: in a terminal, and as a page of HTML."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from keras_rnn.explain.word_contributions import Explanation

#: What speaks for the output, and against it.
FOR, AGAINST = (80, 170, 95), (222, 90, 80)
#: The share of the largest contribution below which a word has no colour.
FAINT = 0.04
STRONGEST = 5


def shades(contributions: np.ndarray) -> list[tuple[int, int, int] | None]:
    """The colour behind each word: the stronger, the further from white; None where there is next to none."""
    largest = np.abs(contributions).max(initial=0.0) or 1.0
    found: list[tuple[int, int, int] | None] = []
    for share in contributions / largest:
        full = np.array(FOR if share > 0 else AGAINST)
        red, green, blue = (int(c) for c in 255 - abs(share) * (255 - full))
        found.append((red, green, blue) if abs(share) >= FAINT else None)
    return found


def legend(explanation: Explanation) -> str:
    """What the colours mean, and what the model says, in a sentence or two."""
    told = f"Output {explanation.output:.3f}"
    if explanation.baseline is not None:
        told += f", and {explanation.baseline:.3f} if it knew none of the words"
    if explanation.method == "attention":
        return f"{told}. Green: what the attention looks at."
    return f"{told}. Green speaks for it, red against it ({explanation.method})."


def strongest(explanation: Explanation) -> list[tuple[str, float]]:
    """The words that contribute most, by size."""
    order = np.argsort(-np.abs(explanation.contributions), kind="stable")[:STRONGEST]
    return [(explanation.words[k], float(explanation.contributions[k])) for k in order]


def as_text(explanation: Explanation) -> Any:
    """The words on their colours as a `rich.text.Text`, with a legend and the strongest ones."""
    from rich.text import Text

    text = Text()
    for word, shade in zip(explanation.words, shades(explanation.contributions)):
        text.append(word, style="" if shade is None else "black on rgb({},{},{})".format(*shade))
        text.append(" ")
    named = ", ".join(f"{word} {value:+.3f}" for word, value in strongest(explanation))
    return text.append(f"\n\n{legend(explanation)}\nStrongest: {named}.")


def as_html(explanation: Explanation, title: str = "") -> str:
    """A page of its own, with the contribution of a word shown where the mouse points."""
    spans = []
    for word, value, shade in zip(
        explanation.words, explanation.contributions, shades(explanation.contributions)
    ):
        style = "" if shade is None else ' style="background: rgb({}, {}, {})"'.format(*shade)
        spans.append(f'<span title="{value:+.4f}"{style}>{html.escape(word)}</span>')
    return (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n"
        "<style>body { font: 16px/1.8 sans-serif; max-width: 50em; margin: 2em auto; color: black; "
        "background: white } span { padding: 0.1em 0.15em; border-radius: 0.2em }</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n<p>{' '.join(spans)}</p>\n"
        f"<p>{html.escape(legend(explanation))}</p>\n</body>\n</html>\n"
    )
