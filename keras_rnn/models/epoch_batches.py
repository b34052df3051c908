"""Batches that are drawn anew for each epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras
import numpy as np


class EpochBatches(keras.utils.PyDataset, ABC):
    """Abstract: the rows of each batch of an epoch, which a subclass draws and reads.

    Args:
        epoch: to begin with. The batches of each follow from its number alone.
    """

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch
        self.batches: list[np.ndarray] = []
        self._read_to_its_end = False

    @abstractmethod
    def draw(self) -> list[np.ndarray]:
        """The rows of each batch of `epoch`."""

    @abstractmethod
    def read(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """What a batch of these rows is."""

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        self._read_to_its_end |= index == len(self) - 1
        return self.read(self.batches[index])

    def on_epoch_end(self) -> None:
        # Keras calls it too when it has looked at the first batch alone, as it does under JAX before the
        # training: no epoch is over then.
        if self._read_to_its_end:
            self._read_to_its_end = False
            self.epoch += 1
            self.batches = self.draw()

    def whole_epoch(self) -> Any:
        """Yields all batches, and draws those of the next epoch."""
        yield from (self[index] for index in range(len(self)))
        self.on_epoch_end()
