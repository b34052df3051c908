"""The optimizer of recipes whose learning rate falls as a cosine."""

from __future__ import annotations

from typing import Any

import keras


def cosine_adamw(
    learning_rate: float,
    steps: int,
    weight_decay: float,
    clip_norm: float | None = None,
    average: float | None = None,
    warmup_steps: int = 0,
) -> Any:
    """AdamW; the learning rate rises for `warmup_steps`, and falls to a fiftieth of it at the end.

    Args:
        learning_rate: the largest.
        steps: of the whole training.
        weight_decay: as in `keras.optimizers.AdamW`.
        clip_norm: the largest norm of the gradient of all weights together.
        average: the momentum of an exponential average, which at the end takes the place of the weights.
        warmup_steps: how long it rises, from a hundredth.
    """
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate / 100 if warmup_steps else learning_rate,
        max(1, steps - warmup_steps),
        alpha=0.02,
        warmup_target=learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    averaged = {} if average is None else {"use_ema": True, "ema_momentum": average}
    return keras.optimizers.AdamW(rate, weight_decay=weight_decay, global_clipnorm=clip_norm, **averaged)
