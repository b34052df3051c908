"""Weights with a property, such as orthogonality, as functions of free weights; and starts that have it."""

from keras_rnn.parametrizations.almost_orthogonal import AlmostOrthogonal
from keras_rnn.parametrizations.constrained_weight import ConstrainedWeight
from keras_rnn.parametrizations.orthogonal import Orthogonal, SpecialOrthogonal
from keras_rnn.parametrizations.parametrization import Parametrization
from keras_rnn.parametrizations.spectral_norm import SpectralNorm
from keras_rnn.parametrizations.starts import Cayley, Haar, Henaff
from keras_rnn.parametrizations.stiefel import Stiefel
from keras_rnn.parametrizations.symmetric import Skew, Symmetric
from keras_rnn.parametrizations.unitary import Unitary

__all__ = [
    "AlmostOrthogonal",
    "Cayley",
    "ConstrainedWeight",
    "Haar",
    "Henaff",
    "Orthogonal",
    "Parametrization",
    "Skew",
    "SpecialOrthogonal",
    "SpectralNorm",
    "Stiefel",
    "Symmetric",
    "Unitary",
]
