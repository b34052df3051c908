"""Pure functions without weights: the time loop, masks."""

from keras_rnn.ops.masking import sequence_mask
from keras_rnn.ops.recurrence import scan

__all__ = ["scan", "sequence_mask"]
