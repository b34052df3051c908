"""Callbacks for training that can be killed at any moment, for carried states, and for recipes."""

from keras_rnn.callbacks.deviation import Deviation
from keras_rnn.callbacks.dynamic_trivialization import DynamicTrivialization
from keras_rnn.callbacks.gradual_unfreezing import GradualUnfreezing
from keras_rnn.callbacks.non_monotonic_trigger import NonMonotonicTrigger
from keras_rnn.callbacks.reset_states import ResetStates
from keras_rnn.callbacks.singular_values import SingularValues
from keras_rnn.callbacks.step_decay import StepDecay
from keras_rnn.callbacks.stop_on_nan import StopOnNaN
from keras_rnn.callbacks.training_checkpoint import TrainingCheckpoint
from keras_rnn.callbacks.validation_bleu import ValidationBLEU
from keras_rnn.callbacks.variable_steps import VariableSteps

__all__ = [
    "Deviation",
    "DynamicTrivialization",
    "GradualUnfreezing",
    "NonMonotonicTrigger",
    "ResetStates",
    "SingularValues",
    "StepDecay",
    "StopOnNaN",
    "TrainingCheckpoint",
    "ValidationBLEU",
    "VariableSteps",
]
