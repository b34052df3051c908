"""Pictures: learning curves, what a network does with a text, and what it remembers."""

from keras_rnn.plots.attention_maps import attention, attention_maps
from keras_rnn.plots.contributions import contributions
from keras_rnn.plots.curves import bleu_by_length, learning_curves, states_over_text
from keras_rnn.plots.gates import gate_activations, gates
from keras_rnn.plots.gradient_flow import gradient_norms, loss_gradients, state_gradients
from keras_rnn.plots.memory_curves import memory_curves
from keras_rnn.plots.scores import score_curves, scores
from keras_rnn.plots.singular_values import singular_values

__all__ = [
    "attention",
    "attention_maps",
    "bleu_by_length",
    "contributions",
    "gate_activations",
    "gates",
    "gradient_norms",
    "learning_curves",
    "loss_gradients",
    "memory_curves",
    "score_curves",
    "scores",
    "singular_values",
    "state_gradients",
    "states_over_text",
]
