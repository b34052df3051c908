"""Comparisons of networks that one command runs: `keras-rnn experiment` and `keras-rnn compare`."""

from keras_rnn.experiments.cell_comparison import compare_cells
from keras_rnn.experiments.cell_tasks import CELL_TASKS, CellTask
from keras_rnn.experiments.cells import CELLS, TWELVE
from keras_rnn.experiments.comparison import compare, measured
from keras_rnn.experiments.networks import NETWORKS, SIX, Network
from keras_rnn.experiments.tasks import Task, adding, copying
from keras_rnn.experiments.training import Settings

__all__ = [
    "CELLS",
    "CELL_TASKS",
    "NETWORKS",
    "SIX",
    "TWELVE",
    "CellTask",
    "Network",
    "Settings",
    "Task",
    "adding",
    "compare",
    "compare_cells",
    "copying",
    "measured",
]
