"""Recurrent layers for Keras."""

from keras_rnn.layers.activation_regularization import (
    ActivationRegularization,
    TemporalActivationRegularization,
)
from keras_rnn.layers.adaptive_softmax import AdaptiveSoftmax
from keras_rnn.layers.affine_cell import AffineCell
from keras_rnn.layers.antisymmetric_rnn import AntisymmetricRNN, AntisymmetricRNNCell
from keras_rnn.layers.attention import Attention
from keras_rnn.layers.attention_cell import AttentionCell
from keras_rnn.layers.attention_rnn import AttentionRNN
from keras_rnn.layers.augmented_softmax import AugmentedSoftmax
from keras_rnn.layers.bahdanau_attention import BahdanauAttention
from keras_rnn.layers.bidirectional import Bidirectional
from keras_rnn.layers.bridge import Bridge
from keras_rnn.layers.cell import RecurrentCell
from keras_rnn.layers.character_cnn import CharacterCNN
from keras_rnn.layers.embedding_dropout import EmbeddingDropout
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.layers.gru import GRU, GRUCell
from keras_rnn.layers.heads import BernoulliHead, CategoricalHead, GaussianHead
from keras_rnn.layers.highway import Highway
from keras_rnn.layers.layer_norm_lstm import LayerNormLSTM, LayerNormLSTMCell
from keras_rnn.layers.learned_initial_state import LearnedInitialState
from keras_rnn.layers.linear_cell import LinearCell
from keras_rnn.layers.lru import LRU, LRUCell
from keras_rnn.layers.lstm import LSTM, LSTMCell
from keras_rnn.layers.luong_attention import LuongAttention
from keras_rnn.layers.min_gru import MinGRU, MinGRUCell
from keras_rnn.layers.min_lstm import MinLSTM, MinLSTMCell
from keras_rnn.layers.mixture_of_softmaxes import MixtureOfSoftmaxes
from keras_rnn.layers.mod_relu import ModReLU
from keras_rnn.layers.mogrifier import Mogrifier
from keras_rnn.layers.non_normal_rnn import NonNormalRNN, NonNormalRNNCell
from keras_rnn.layers.orthogonal_rnn import ExpRNN, ScaledCayleyRNN
from keras_rnn.layers.parametrized import Parametrized
from keras_rnn.layers.peephole_lstm import PeepholeLSTM, PeepholeLSTMCell
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.layers.recurrent_highway import RecurrentHighway, RecurrentHighwayCell
from keras_rnn.layers.residual import Residual
from keras_rnn.layers.sampled_softmax import SampledSoftmax
from keras_rnn.layers.sequence_pooling import SequencePooling
from keras_rnn.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from keras_rnn.layers.stacked import StackedCells
from keras_rnn.layers.tied_embedding import TiedEmbedding
from keras_rnn.layers.uniform_attention import UniformAttention
from keras_rnn.layers.unitary_rnn import UnitaryRNN, UnitaryRNNCell
from keras_rnn.layers.variational_dropout import VariationalDropout
from keras_rnn.layers.weight_drop import WeightDrop
from keras_rnn.layers.word_dropout import WordDropout
from keras_rnn.layers.wrapped_cell import WrappedCell
from keras_rnn.layers.zoneout import Zoneout

__all__ = [
    "GRU",
    "LRU",
    "LSTM",
    "ActivationRegularization",
    "AdaptiveSoftmax",
    "AffineCell",
    "AntisymmetricRNN",
    "AntisymmetricRNNCell",
    "Attention",
    "AttentionCell",
    "AttentionRNN",
    "AugmentedSoftmax",
    "BahdanauAttention",
    "BernoulliHead",
    "Bidirectional",
    "Bridge",
    "CategoricalHead",
    "CharacterCNN",
    "EmbeddingDropout",
    "ExpRNN",
    "FullSoftmax",
    "GRUCell",
    "GaussianHead",
    "Highway",
    "LRUCell",
    "LSTMCell",
    "LayerNormLSTM",
    "LayerNormLSTMCell",
    "LearnedInitialState",
    "LinearCell",
    "LuongAttention",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "MixtureOfSoftmaxes",
    "ModReLU",
    "Mogrifier",
    "NonNormalRNN",
    "NonNormalRNNCell",
    "Parametrized",
    "PeepholeLSTM",
    "PeepholeLSTMCell",
    "Recurrent",
    "RecurrentCell",
    "RecurrentHighway",
    "RecurrentHighwayCell",
    "Residual",
    "SampledSoftmax",
    "ScaledCayleyRNN",
    "SequencePooling",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedCells",
    "TemporalActivationRegularization",
    "TiedEmbedding",
    "UniformAttention",
    "UnitaryRNN",
    "UnitaryRNNCell",
    "VariationalDropout",
    "WeightDrop",
    "WordDropout",
    "WrappedCell",
    "Zoneout",
]
