"""Recurrent layers for Keras."""

from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.bidirectional import Bidirectional
from keras_rnn.layers.cell import RecurrentCell
from keras_rnn.layers.gru import GRU, GRUCell
from keras_rnn.layers.heads import BernoulliHead, CategoricalHead, GaussianHead
from keras_rnn.layers.lstm import LSTM, LSTMCell
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.layers.sequence_pooling import SequencePooling
from keras_rnn.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from keras_rnn.layers.stacked import StackedCells
from keras_rnn.layers.word_dropout import WordDropout

__all__ = [
    "GRU",
    "LSTM",
    "AffineCell",
    "BernoulliHead",
    "Bidirectional",
    "CategoricalHead",
    "GRUCell",
    "GaussianHead",
    "LSTMCell",
    "Recurrent",
    "RecurrentCell",
    "SequencePooling",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedCells",
    "WordDropout",
]
