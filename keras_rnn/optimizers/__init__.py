"""Optimizers and learning-rate schedules that Keras lacks."""

from keras_rnn.optimizers.averaged_sgd import AveragedSGD
from keras_rnn.optimizers.learning_rate_multipliers import LearningRateMultipliers
from keras_rnn.optimizers.one_cycle import OneCycle
from keras_rnn.optimizers.slanted_triangular import SlantedTriangular

__all__ = ["AveragedSGD", "LearningRateMultipliers", "OneCycle", "SlantedTriangular"]
