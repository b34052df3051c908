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
from keras_rnn.layers.attention_pooling import AttentionPooling
from keras_rnn.layers.attention_rnn import AttentionRNN
from keras_rnn.layers.augmented_softmax import AugmentedSoftmax
from keras_rnn.layers.bahdanau_attention import BahdanauAttention
from keras_rnn.layers.bidirectional import Bidirectional
from keras_rnn.layers.bridge import Bridge
from keras_rnn.layers.cell import RecurrentCell
from keras_rnn.layers.character_cnn import CharacterCNN
from keras_rnn.layers.coupled_input_forget_lstm import CoupledInputForgetLSTM, CoupledInputForgetLSTMCell
from keras_rnn.layers.cross_attention import CrossAttention
from keras_rnn.layers.echo_state import EchoState, EchoStateCell
from keras_rnn.layers.embedding_dropout import EmbeddingDropout
from keras_rnn.layers.from_keras import from_keras
from keras_rnn.layers.full_softmax import FullSoftmax
from keras_rnn.layers.gru import GRU, GRUCell
from keras_rnn.layers.heads import BernoulliHead, CategoricalHead, GaussianHead
from keras_rnn.layers.highway import Highway
from keras_rnn.layers.ind_rnn import IndRNN, IndRNNCell
from keras_rnn.layers.layer_norm_gru import LayerNormGRU, LayerNormGRUCell
from keras_rnn.layers.layer_norm_lstm import LayerNormLSTM, LayerNormLSTMCell
from keras_rnn.layers.layer_norm_simple_rnn import LayerNormSimpleRNN, LayerNormSimpleRNNCell
from keras_rnn.layers.learned_initial_state import LearnedInitialState
from keras_rnn.layers.linear_cell import LinearCell
from keras_rnn.layers.lru import LRU, LRUCell
from keras_rnn.layers.lstm import LSTM, LSTMCell
from keras_rnn.layers.luong_attention import LuongAttention
from keras_rnn.layers.mgu import MGU, MGUCell
from keras_rnn.layers.min_gru import MinGRU, MinGRUCell
from keras_rnn.layers.min_lstm import MinLSTM, MinLSTMCell
from keras_rnn.layers.mixture_of_softmaxes import MixtureOfSoftmaxes
from keras_rnn.layers.mlstm import MLSTM, MLSTMCell
from keras_rnn.layers.mod_relu import ModReLU
from keras_rnn.layers.mogrifier import Mogrifier
from keras_rnn.layers.multiplicative_lstm import MultiplicativeLSTM, MultiplicativeLSTMCell
from keras_rnn.layers.nas import NAS, NASCell
from keras_rnn.layers.non_normal_rnn import NonNormalRNN, NonNormalRNNCell
from keras_rnn.layers.orthogonal_rnn import ExpRNN, ScaledCayleyRNN
from keras_rnn.layers.parametrized import Parametrized
from keras_rnn.layers.peephole_lstm import PeepholeLSTM, PeepholeLSTMCell
from keras_rnn.layers.positions import LearnedPositions, SinusoidalPositions
from keras_rnn.layers.projection_lstm import ProjectionLSTM, ProjectionLSTMCell
from keras_rnn.layers.qrnn import QRNN, QRNNCell
from keras_rnn.layers.recurrent import Recurrent
from keras_rnn.layers.recurrent_highway import RecurrentHighway, RecurrentHighwayCell
from keras_rnn.layers.residual import Residual
from keras_rnn.layers.rg_lru import RGLRU, RGLRUCell
from keras_rnn.layers.s5 import S5, S5Cell
from keras_rnn.layers.sampled_softmax import SampledSoftmax
from keras_rnn.layers.self_attention import SelfAttention
from keras_rnn.layers.self_attention_block import SelfAttentionBlock
from keras_rnn.layers.sequence_pooling import SequencePooling
from keras_rnn.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from keras_rnn.layers.slstm import SLSTM, SLSTMCell
from keras_rnn.layers.sru import SRU, SRUCell
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
    "MGU",
    "MLSTM",
    "NAS",
    "QRNN",
    "RGLRU",
    "S5",
    "SLSTM",
    "SRU",
    "ActivationRegularization",
    "AdaptiveSoftmax",
    "AffineCell",
    "AntisymmetricRNN",
    "AntisymmetricRNNCell",
    "Attention",
    "AttentionCell",
    "AttentionPooling",
    "AttentionRNN",
    "AugmentedSoftmax",
    "BahdanauAttention",
    "BernoulliHead",
    "Bidirectional",
    "Bridge",
    "CategoricalHead",
    "CharacterCNN",
    "CoupledInputForgetLSTM",
    "CoupledInputForgetLSTMCell",
    "CrossAttention",
    "EchoState",
    "EchoStateCell",
    "EmbeddingDropout",
    "ExpRNN",
    "FullSoftmax",
    "GRUCell",
    "GaussianHead",
    "Highway",
    "IndRNN",
    "IndRNNCell",
    "LRUCell",
    "LSTMCell",
    "LayerNormGRU",
    "LayerNormGRUCell",
    "LayerNormLSTM",
    "LayerNormLSTMCell",
    "LayerNormSimpleRNN",
    "LayerNormSimpleRNNCell",
    "LearnedInitialState",
    "LearnedPositions",
    "LinearCell",
    "LuongAttention",
    "MGUCell",
    "MLSTMCell",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "MixtureOfSoftmaxes",
    "ModReLU",
    "Mogrifier",
    "MultiplicativeLSTM",
    "MultiplicativeLSTMCell",
    "NASCell",
    "NonNormalRNN",
    "NonNormalRNNCell",
    "Parametrized",
    "PeepholeLSTM",
    "PeepholeLSTMCell",
    "ProjectionLSTM",
    "ProjectionLSTMCell",
    "QRNNCell",
    "RGLRUCell",
    "Recurrent",
    "RecurrentCell",
    "RecurrentHighway",
    "RecurrentHighwayCell",
    "Residual",
    "S5Cell",
    "SLSTMCell",
    "SRUCell",
    "SampledSoftmax",
    "ScaledCayleyRNN",
    "SelfAttention",
    "SelfAttentionBlock",
    "SequencePooling",
    "SimpleRNN",
    "SimpleRNNCell",
    "SinusoidalPositions",
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
    "from_keras",
]
