"""Images as sequences of pixels: line by line, or in one order that is shuffled and the same for all images.

    x[t] = image[order[t]]        order = 0, 1, 2, ..   or a permutation that a seed draws

Shuffled, neighbours in the image stand far apart in the sequence.

Source: Q. V. Le, N. Jaitly, G. E. Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear
Units", 2015, section 4.2 (of MNIST: 784 steps).

>>> images = np.array([[[0, 51], [102, 255]]], dtype=np.uint8)
>>> print(sequences(images)[0, :, 0], sequences(images, permutation_seed=1)[0, :, 0])
[0.  0.2 0.4 1. ] [1.  0.4 0.  0.2]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_rnn.datasets.batching import check_at_least


def sequences(images: ArrayLike, permutation_seed: int | None = None) -> np.ndarray:
    """Lays the pixels of each image out over time.

    Args:
        images: `(images, height, width)` or `(images, height, width, channels)`; integers are divided by the
            largest number of their dtype (255), floats stay as they are.
        permutation_seed: an integer from 0, that of the order of the pixels; None reads line by line. The
            training and the test images want the same.

    Returns:
        `(images, height * width, channels)`, float32.

    Raises:
        ValueError: if the images have not three or four axes.
    """
    images = _checked(images)
    count, height, width = images.shape[:3]
    rows = images.reshape(count, height * width, -1)
    if permutation_seed is not None:
        check_at_least(0, permutation_seed=permutation_seed)
        # The streams of `default_rng` may change with NumPy, and a model knows the order of its training.
        rows = rows[:, np.random.RandomState(permutation_seed).permutation(height * width)]
    scale = np.iinfo(images.dtype).max if images.dtype.kind in "iu" else 1
    return rows.astype(np.float32) / np.float32(scale)


def batches(
    images: ArrayLike,
    labels: ArrayLike,
    count: int,
    batch_size: int = 128,
    permutation_seed: int | None = None,
    seed: int = 0,
    first: int = 0,
) -> Any:
    """Batches for `fit`, in a random order in each epoch: the k-th follows from `seed` and k alone.

    `len(images) // batch_size` batches are an epoch, which leaves out the images that fill no whole batch,
    others each time. The images may be a `numpy.memmap`: a batch is laid out when it is read. To evaluate,
    give Keras `sequences(images)`.

    Args:
        images: as in `sequences`.
        labels: `(images, ...)`.
        count: number of batches of the whole training; `steps_per_epoch` in `fit` cuts it into epochs.
        batch_size: images in a batch.
        permutation_seed: as in `sequences`.
        seed: an integer from 0, that of the order of the images.
        first: number of the batch to begin with, for a training that goes on.

    Returns:
        A `keras.utils.PyDataset` of pairs `(sequences, labels)`, as
        `keras_rnn.datasets.generated_batches.GeneratedBatches` describes it.

    Raises:
        ValueError: if images and labels are not equally many, or fewer than a batch.
    """
    from keras_rnn.datasets.generated_batches import GeneratedBatches

    images, labels = _checked(images), np.asanyarray(labels)
    check_at_least(0, seed=seed)
    check_at_least(1, batch_size=batch_size)
    if not len(images) == len(labels) >= batch_size:
        raise ValueError(
            "`images` and `labels` must be equally many, and at least `batch_size`; "
            f"received {len(images)} images, {len(labels)} labels and batch_size={batch_size}."
        )
    in_epoch = len(images) // batch_size

    def draw(k: int) -> tuple[np.ndarray, np.ndarray]:
        order = np.random.default_rng([seed, k // in_epoch]).permutation(len(images))
        rows = order[k % in_epoch * batch_size :][:batch_size]
        return sequences(images[rows], permutation_seed), labels[rows]

    return GeneratedBatches(draw, count, first)


def _checked(images: ArrayLike) -> np.ndarray:
    images = np.asanyarray(images)
    if images.ndim not in (3, 4):
        raise ValueError(
            "`images` must be (images, height, width) or (images, height, width, channels); "
            f"received an array of shape {images.shape}."
        )
    return images
