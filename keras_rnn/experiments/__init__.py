"""Comparisons of networks that one command runs: `keras-rnn experiment`."""

from keras_rnn.experiments.comparison import compare, measured
from keras_rnn.experiments.networks import NETWORKS, Network
from keras_rnn.experiments.tasks import Task, adding, copying
from keras_rnn.experiments.training import Settings

__all__ = ["NETWORKS", "Network", "Settings", "Task", "adding", "compare", "copying", "measured"]
