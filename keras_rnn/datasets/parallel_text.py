"""Sentences in two languages, line by line: what the loaders for translation return."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np

from keras_rnn.datasets.batching import check_at_least


@dataclass(frozen=True, eq=False, repr=False)
class ParallelText:
    """Sentences and their translations.

    >>> data = ParallelText(["Hi.", "Go.", "hi!"], ["Salut !", "Va !", "Bonjour."], ("en", "fr"))
    >>> data
    ParallelText(3 sentence pairs, en-fr)
    >>> train, held_out = data.split(0.3, seed=1)
    >>> train.source, held_out.source
    (['Go.'], ['Hi.', 'hi!'])

    Args:
        source: the sentences to translate, in true case; an empty one is legal.
        target: the translation of each.
        languages: the names of the two.
    """

    source: list[str]
    target: list[str]
    languages: tuple[str, str] = ("source", "target")

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target):
            raise ValueError(
                f"`target` must have one sentence for each of `source`; received {len(self.source):,} "
                f"{self.languages[0]} and {len(self.target):,} {self.languages[1]} sentences. Find the line "
                "that one of them lacks."
            )

    def __len__(self) -> int:
        return len(self.source)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} sentence pairs, {'-'.join(self.languages)})"

    def split(self, fraction: float, seed: int) -> tuple[ParallelText, ParallelText]:
        """Holds out a random part that shares no sentence with the rest, in either language.

        Pairs that share a sentence (see `sentence_groups`) stay together; each part keeps the order of the
        pairs. The same `seed` gives the same parts in every process.

        Args:
            fraction: the share to hold out, between 0 and 1: groups are drawn at random until it is reached
                or just passed.
            seed: an integer from 0.

        Returns:
            `(train, held_out)`.

        Raises:
            ValueError: `fraction` is out of range, or leaves one of the parts empty.
        """
        check_at_least(0, seed=seed)
        if not 0 < fraction < 1:
            raise ValueError(f"`fraction` must lie between 0 and 1; received fraction={fraction}.")
        names, group = np.unique(sentence_groups(self.source, self.target), return_inverse=True)
        order = np.random.default_rng(seed).permutation(len(names))
        sizes = np.bincount(group, minlength=len(names))[order]
        taken = order[np.cumsum(sizes) - sizes < fraction * len(self)]
        is_held_out = np.isin(group, taken)
        if is_held_out.all():  # of no pairs, too
            raise ValueError(
                f"`fraction` must leave at least one pair in each part; received fraction={fraction} of "
                f"{self!r} in {len(names):,} groups. Choose another fraction, or more pairs."
            )
        return self.select(~is_held_out), self.select(is_held_out)

    def select(self, chosen: np.ndarray) -> ParallelText:
        """The pairs at which the booleans `chosen`, `(len(self),)`, are true."""
        source, target = (list(itertools.compress(side, chosen)) for side in (self.source, self.target))
        return ParallelText(source, target, self.languages)


def sentence_groups(source: list[str], target: list[str]) -> np.ndarray:
    """Finds which pairs belong together: those that share a sentence, directly or through other pairs.

    Two sentences of one side are the same if they differ in nothing but case, punctuation and white space. A
    model that has seen one pair of a group in training looks too good on the others.

    >>> sentence_groups(["Hi.", "Hello!", "hi", "Go."], ["Salut !", "Salut.", "Bonjour !", "Va !"])
    array([0, 0, 0, 3])

    Returns:
        `(pairs,)` integers: the number of the first pair of each pair's group.
    """
    group = list(range(len(source)))  # a pair before it in its group, or itself
    first: dict[tuple[int, str], int] = {}

    def root(pair: int) -> int:
        while group[pair] != pair:
            group[pair] = group[group[pair]]
            pair = group[pair]
        return pair

    for pair, sentences in enumerate(zip(source, target)):
        for side, sentence in enumerate(sentences):
            plain = re.sub(r"\W+", " ", sentence).strip().casefold() or sentence
            earlier, later = sorted((root(first.setdefault((side, plain), pair)), root(pair)))
            group[later] = earlier
    return np.array([root(pair) for pair in range(len(group))], np.int64)
