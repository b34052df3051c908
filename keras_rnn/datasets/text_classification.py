"""Texts with one label each: what the loaders return and what `fit` is given."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from keras_rnn.datasets.batching import bucketed_batches, check_at_least
from keras_rnn.datasets.pipelines import without_autotune

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, eq=False, repr=False)
class TextClassificationData:
    """Texts, the class of each, and the classes' names.

    >>> data = TextClassificationData(["bad", "good", "poor", "fine"], [0, 1, 0, 1], ("negative", "positive"))
    >>> data
    TextClassificationData(4 texts: 2 negative, 2 positive)
    >>> train, held_out = data.split(0.5, seed=1)
    >>> held_out
    TextClassificationData(2 texts: 1 negative, 1 positive)

    Args:
        texts: the texts, as strings.
        labels: `(len(texts),)` integers, each a position in `class_names`; kept as int32.
        class_names: the name of each class.
        groups: what each text is about, as far as several texts share it, such as the film of a review: one
            entry for each text, or None if it is not known.
    """

    texts: list[str]
    labels: np.ndarray
    class_names: tuple[str, ...]
    groups: Sequence[Hashable] | None = None

    def __post_init__(self) -> None:
        labels, classes = np.asarray(self.labels), len(self.class_names)
        if labels.shape != (len(self.texts),):
            raise ValueError(
                f"`labels` must have one entry for each of the {len(self.texts)} texts; "
                f"received labels of shape {labels.shape}."
            )
        if labels.size and labels.dtype.kind not in "iu":
            raise TypeError(f"`labels` must be integers; received labels of dtype {labels.dtype}.")
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(
                f"`labels` must lie in 0..{classes - 1}, the positions in `class_names`; "
                f"received labels from {labels.min()} to {labels.max()}."
            )
        if self.groups is not None and len(self.groups) != len(self.texts):
            raise ValueError(
                f"`groups` must have one entry for each of the {len(self.texts)} texts; "
                f"received {len(self.groups)}."
            )
        object.__setattr__(self, "labels", labels.astype(np.int32))

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        classes = ", ".join(f"{count:,} {name}" for count, name in zip(counts, self.class_names))
        return f"{type(self).__name__}({len(self):,} texts: {classes})"

    def split(
        self, fraction: float, seed: int, by_group: bool = False
    ) -> tuple[TextClassificationData, TextClassificationData]:
        """Holds out a random part: the same share of every class, or whole groups.

        The parts have no row in common, and each keeps the order of the rows. The same `seed` gives the same
        parts in every process.

        Args:
            fraction: the share to hold out, between 0 and 1; rounded to whole texts in each class.
            seed: an integer from 0.
            by_group: hold out whole groups, drawn at random until `fraction` of the texts is reached or just
                passed. A model that knows a group's names from training then does not look better on the
                held-out part than on new groups.

        Returns:
            `(train, held_out)`.

        Raises:
            ValueError: `fraction` is out of range, or leaves one of the parts empty; or the groups are not
                known.
        """
        check_at_least(0, seed=seed)
        if by_group and self.groups is None:
            raise ValueError(
                f"`by_group=True` needs `groups`, which {self!r} does not know. Leave `by_group` out."
            )
        if not 0 < fraction < 1:
            raise ValueError(f"`fraction` must lie between 0 and 1; received fraction={fraction}.")
        random = np.random.default_rng(seed)
        is_held_out = np.zeros(len(self), bool)
        if by_group:
            names, group = np.unique(np.asarray(self.groups), return_inverse=True)
            order = random.permutation(len(names))
            sizes = np.bincount(group, minlength=len(names))[order]
            taken = order[np.cumsum(sizes) - sizes < fraction * len(self)]
            is_held_out = np.isin(group, taken)
        else:
            for label in range(len(self.class_names)):
                rows = np.flatnonzero(self.labels == label)
                is_held_out[random.permutation(rows)[: round(fraction * len(rows))]] = True
        if is_held_out.all() or not is_held_out.any():
            raise ValueError(
                f"`fraction` must leave at least one text in each part; received fraction={fraction} "
                f"of {self!r}. Choose another fraction, or more texts."
            )
        return self._select(~is_held_out), self._select(is_held_out)

    def to_tf_dataset(
        self, batch_size: int = 64, shuffle: bool = True, seed: int = 0, drop_remainder: bool = False
    ) -> tf.data.Dataset:
        """Returns batches `(text, label)` for `fit`, `evaluate` and `predict`.

        Shuffled, the texts of one batch have similar lengths (in words), so that little of a batch is
        padding, and each iteration over the dataset draws new batches: the k-th one follows from `seed` and k
        alone, in every process. Unshuffled, rows come in their order.

        Args:
            batch_size: texts in a batch; one batch may have fewer.
            shuffle: whether to bucket by length and shuffle; False for evaluation.
            seed: an integer from 0.
            drop_remainder: whether to leave out the texts that fill no whole batch: shuffled, other ones in
                each iteration.

        Returns:
            A `tf.data.Dataset` of known cardinality, of text `(batch,)` string and label `(batch,)` int32.
        """
        import tensorflow as tf

        check_at_least(1, batch_size=batch_size)
        check_at_least(0, seed=seed)
        if shuffle:
            lengths = np.array([len(text.split()) for text in self.texts], np.int64)
            iterations = itertools.count()
            rows = tf.data.Dataset.from_generator(
                lambda: bucketed_batches(lengths, batch_size, seed, next(iterations), drop_remainder),
                output_signature=tf.TensorSpec([batch_size if drop_remainder else None], tf.int64),
            )
            whole, rest = divmod(len(self), batch_size)
            batches = whole + (rest > 0 and not drop_remainder)
            rows = rows.apply(tf.data.experimental.assert_cardinality(batches))
        else:
            rows = tf.data.Dataset.range(len(self)).batch(batch_size, drop_remainder=drop_remainder)
        with tf.device("CPU"):  # a corpus has no business in a GPU's memory
            texts, labels = tf.constant(self.texts, tf.string), tf.constant(self.labels)
        return without_autotune(
            rows.map(lambda row: (tf.gather(texts, row), tf.gather(labels, row))).prefetch(2)
        )

    def _select(self, chosen: np.ndarray) -> TextClassificationData:
        texts = list(itertools.compress(self.texts, chosen))
        groups = None if self.groups is None else list(itertools.compress(self.groups, chosen))
        return TextClassificationData(texts, self.labels[chosen], self.class_names, groups)
