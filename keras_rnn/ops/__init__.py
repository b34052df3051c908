"""Pure functions without weights: the time loop, its gradient, linear recurrences, masks, decoding,
orthogonal matrices."""

from keras_rnn.ops.adjoint_scan import adjoint_scan
from keras_rnn.ops.beam_search import beam_search
from keras_rnn.ops.decoding import greedy, sample
from keras_rnn.ops.decoding_step import Hypotheses, repeat_rows
from keras_rnn.ops.linalg import cayley, householder, matrix_exp
from keras_rnn.ops.linear_recurrence import linear_scan, linear_step
from keras_rnn.ops.masking import sequence_mask
from keras_rnn.ops.recurrence import scan
from keras_rnn.ops.sampling import sample_logits
from keras_rnn.ops.state_product import state_product

__all__ = [
    "Hypotheses",
    "adjoint_scan",
    "beam_search",
    "cayley",
    "greedy",
    "householder",
    "linear_scan",
    "linear_step",
    "matrix_exp",
    "repeat_rows",
    "sample",
    "sample_logits",
    "scan",
    "sequence_mask",
    "state_product",
]
