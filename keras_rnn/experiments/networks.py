"""The recurrent networks that experiments compare, each with the training that suits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from keras_rnn import layers
from keras_rnn.optimizers import LearningRateMultipliers
from keras_rnn.parametrizations import Henaff, Orthogonal

#: What RMSprop keeps of the mean square from one update to the next, as in Arjovsky, Shah, Bengio 2016. With
#: PyTorch's 0.99 more is left of the loss of the ExpRNN and the UnitaryRNN.
RHO = 0.9
#: What it adds to that mean square. Keras's 1e-7 is the square of 3e-4, and most gradients of a network that
#: has learned the task are smaller: its last steps would be short ones.
EPSILON = 1e-16


@dataclass(frozen=True)
class Network:
    """A recurrent layer and its training, by RMSprop.

    Args:
        make: from the number of units to the layer.
        learning_rate: of all weights but those that `multipliers` names.
        multipliers: see `keras_rnn.optimizers.LearningRateMultipliers`.
        clip_norm: the largest norm of the gradient of all weights together; None leaves it as it is.
        period: of `keras_rnn.callbacks.DynamicTrivialization`; 0 for none.
    """

    make: Callable[..., Any]
    learning_rate: float = 1e-3
    multipliers: tuple[tuple[str, float], ...] = ()
    clip_norm: float | None = 1.0
    period: int = 0

    def optimizer(self, learning_rate: float | None = None) -> Any:
        """A new one."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        inner = keras.optimizers.RMSprop(rate, rho=RHO, epsilon=EPSILON, global_clipnorm=self.clip_norm)
        return LearningRateMultipliers(inner, dict(self.multipliers)) if self.multipliers else inner

    def told(self, learning_rate: float | None = None) -> str:
        """The training in words."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        words = [f"RMSprop (rho {RHO:g}, epsilon {EPSILON:g}), learning rate {rate:g}"]
        words += [f"{factor:g} times that for `{path}`" for path, factor in self.multipliers]
        if self.clip_norm:
            words.append(f"gradients clipped at the norm {self.clip_norm:g}")
        if self.period:
            words.append(f"a new base point every {self.period} updates")
        return ", ".join(words)


def _orthogonal(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(units: int, **arguments: Any) -> Any:
        # As in the code of the ExpRNN's authors: a wide start of the input kernel, one bias, that of modReLU.
        activation = layers.ModReLU(bias_initializer=keras.initializers.RandomUniform(-0.01, 0.01))
        own = {"activation": activation, "kernel_initializer": "he_normal", "use_bias": False}
        return make(units, **own, **arguments)

    return made


def _householder_rnn(units: int, **arguments: Any) -> Any:
    return layers.SimpleRNN(
        units,
        recurrent_initializer=Henaff(),
        recurrent_parametrization=Orthogonal("householder"),
        **arguments,
    )


def _lru(units: int, **arguments: Any) -> Any:
    # Of moduli below 0.99 nothing would be left after some hundred steps.
    return layers.LRU(units, r_min=0.99, r_max=0.9999, **arguments)


_SLOWER: dict[str, Any] = {"multipliers": (("recurrent_kernel", 0.1),), "clip_norm": None}
#: By name. Orthogonal weights learn ten times more slowly than others, as in the papers.
NETWORKS: dict[str, Network] = {
    "simple_rnn": Network(layers.SimpleRNN),
    "lstm": Network(layers.LSTM),
    "gru": Network(layers.GRU),
    "exp_rnn": Network(_orthogonal(layers.ExpRNN), **_SLOWER, period=100),
    "cayley_rnn": Network(_orthogonal(layers.ScaledCayleyRNN), **_SLOWER, period=100),
    "householder_rnn": Network(_orthogonal(_householder_rnn), **_SLOWER),
    "unitary_rnn": Network(layers.UnitaryRNN, clip_norm=None),
    "lru": Network(_lru),
}
#: Those that are compared unless others are named.
SIX = ("simple_rnn", "lstm", "gru", "exp_rnn", "unitary_rnn", "lru")
