"""Virtual adversarial training: a text and the worst small change of its vectors are to get one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_rnn.models.value_and_gradients import value_and_gradients

#: Length of the random step at which the direction is looked for, and what keeps a division finite.
SMALL, TINY = 0.1, 1e-12


def virtual_adversarial_loss(
    predict: Callable[[Any], Any], vectors: Any, mask: Any, norm: float, seed_generator: Any
) -> Any:
    """How far the answer moves when the vectors of a text move by a given length in the worst direction.

        loss = mean over the rows of KL(p || q(e + r))
        r    = norm g / |g|                                  the length is that of all steps of a row together
        g    = gradient by d of KL(p || q(e + d))            at d = 0.1 u / |u|, u random
        KL(p || q) = sum p log(p / q) + (1 - p) log((1 - p) / (1 - q))

    where p = q(e) is taken for a constant, and so is r. The divergence has its minimum at d = 0: its gradient
    near there is the Hessian times d, one step of the power method towards the direction of the largest
    curvature. No label is needed. Steps that are masked do not move.

    Differences from the paper: the vectors are as the model has them, and not normalised over the vocabulary,
    so `norm` is in their units; and KL is that of yes-or-no questions, summed over them.

    Args:
        predict: from vectors `(batch, time, features)` to probabilities `(batch, outputs)`, without dropout.
        vectors: e, those of the words.
        mask: `(batch, time)`, nonzero where a step counts.
        norm: the length of r, above 0.
        seed_generator: a `keras.random.SeedGenerator`, of u.

    Returns:
        A number, with a gradient.

    Source: T. Miyato, A. M. Dai, I. Goodfellow, "Adversarial Training Methods for Semi-Supervised Text
    Classification", ICLR 2017, section 3, equations 3 to 5.
    """
    e, p = ops.stop_gradient(vectors), ops.stop_gradient(predict(vectors))
    counts = ops.expand_dims(ops.cast(mask, e.dtype), -1)
    u = keras.random.normal(ops.shape(e), dtype=e.dtype, seed=seed_generator) * counts

    def moved(theta: list[Any]) -> tuple[Any, Any]:
        return ops.sum(_divergence(p, predict(e + theta[0]))), ()

    _, _, [g] = value_and_gradients(moved)([SMALL * _unit(u)])
    r = ops.stop_gradient(norm * _unit(g))
    return ops.mean(_divergence(p, predict(vectors + r)))


def _unit(x: Any) -> Any:
    """Each row, all its steps and features together, at length 1; a row of zeros stays one."""
    # Divided by the largest first: squares of small gradients vanish in 32 bits.
    x = x / ops.maximum(ops.max(ops.abs(x), axis=(1, 2), keepdims=True), 1e-30)
    return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=(1, 2), keepdims=True), TINY))


def _divergence(p: Any, q: Any) -> Any:
    """KL of each row, `(batch,)`."""
    p, q = (ops.clip(ops.cast(x, "float32"), 1e-7, 1 - 1e-7) for x in (p, q))
    yes, no = p * (ops.log(p) - ops.log(q)), (1 - p) * (ops.log(1 - p) - ops.log(1 - q))
    return ops.sum(yes + no, axis=-1)
