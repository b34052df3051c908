"""Music that a model writes, one step after the other, in one loop."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_rnn.ops.recurrence import scan


def continued(model: Any, before: Any, u: Any, temperature: Any) -> Any:
    """The steps after `before`: each is drawn, and read to draw the next.

        x[t, k] = 1 where u[t, k] < sigmoid(score[t, k] / temperature), else 0
        x[t, k] = 1 where score[t, k] > 0, else 0                              at temperature 0

    A pure function.

    Args:
        model: a `keras_rnn.models.PianoRollModel`.
        before: `(batch, time, keys)`, one step at least.
        u: `(steps, batch, keys)` numbers in [0, 1).
        temperature: a number from 0.

    Returns:
        `(steps, batch, keys)`.
    """

    warm = ops.where(temperature > 0, temperature, 1.0)  # no division by 0

    def step(carry: Any, u: Any) -> tuple[Any, Any]:
        x, states = carry
        scores, states = model.run(x[:, None], states)
        scores = scores[:, 0]
        sounds = ops.where(temperature > 0, u < ops.sigmoid(scores / warm), scores > 0)
        x = ops.cast(sounds, x.dtype)
        return (x, states), x

    before = ops.cast(before, model.compute_dtype)
    _, states = model.run(before[:, :-1], model.initial_states(ops.shape(before)[0]))
    _, drawn = scan(step, (before[:, -1], states), u)
    return drawn
