"""`tf.data` pipelines of batches that are ready: TensorFlow only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def pipeline(batches: Callable[[], Iterable[Any]], signature: Any, count: int) -> Any:
    """A `tf.data.Dataset` of what `batches()` yields in each epoch, made ahead of time.

    Args:
        batches: a function without arguments; called at the beginning of each epoch.
        signature: the nested `tf.TensorSpec` of a batch.
        count: how many it yields.
    """
    import tensorflow as tf

    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return without_autotune(dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2))


def without_autotune(dataset: Any) -> Any:
    """The same dataset, whose iterators end at once.

    TensorFlow's tuner of pipelines sleeps twice as long each time, up to a minute, and `fit` may not return
    from an epoch before it wakes: seen with 2.21 on busy cores, where an epoch of 3 s took 5 s, of 12 s 20 s.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
