"""Text that a language model writes, one id after the other, in one loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.layers.cell import States
from keras_rnn.ops.recurrence import scan
from keras_rnn.ops.sampling import check_sampling, sample_logits


def continued(
    model: Any,
    prompt: Any,
    states: States,
    u: Any,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    allowed: Any = True,
) -> tuple[Any, States]:
    """The ids after a prompt: it is read once, and then each id is drawn, and read to draw the next.

        y[0]   = the last id of the prompt
        y[t+1] ~ p(. | prompt, y[1] .. y[t])        t = 0 .. steps - 1, by u[t]

    A pure function. What it returns goes on: with y[steps] for a prompt, the states and other numbers.

    Args:
        model: has `run` and `log_likelihoods`, as `keras_rnn.models.LanguageModel`.
        prompt: ids `(batch, time)`, one at least.
        states: the states before the prompt.
        u: `(steps, batch)` numbers in [0, 1).
        temperature, top_k, top_p: see `keras_rnn.ops.sample_logits`.
        allowed: `(V,)` booleans, which ids may be drawn.

    Returns:
        y[1] .. y[steps], `(batch, steps)` int32, and the states before the last of them.
    """
    prompt = ops.cast(prompt, "int32")

    def step(carry: Any, u: Any) -> tuple[Any, Any]:
        y, states = carry
        h, states = model.run(y[:, None], states)
        log_p = ops.where(allowed, model.log_likelihoods(h)[:, 0], -float("inf"))
        y = sample_logits(log_p, u, temperature, top_k, top_p)
        return (y, states), y

    _, states = model.run(prompt[:, :-1], states)
    (_, states), y = scan(step, (prompt[:, -1], states), u)
    return ops.transpose(y), states


def generate_pieces(
    model: Any,
    prompt: np.ndarray,
    u: np.ndarray,
    piece: int,
    settings: tuple[Any, ...] = (),
) -> Iterator[np.ndarray]:
    """What `continued` gives from fresh states, in pieces of so many steps, with the states carried on.

    Args:
        model: a `keras_rnn.models.GenerativeModel`.
        prompt: ids `(batch, time)`.
        u: `(steps, batch)`.
        piece: ids of a row in a piece; the last has the rest.
        settings: the other arguments of `continued`, as from `checked_settings`.
    """
    states = model.initial_states(len(prompt))
    for start in range(0, len(u), piece):
        part = u[start : start + piece]
        missing = piece - len(part)  # drawn and thrown away: another length would be compiled anew
        part = np.pad(part, ((0, missing), (0, 0)))
        y, states = model.compiled_continuation(prompt, states, part, *settings)
        y = ops.convert_to_numpy(y)
        yield y[:, : piece - missing]
        prompt = y[:, -1:]


def uniform_numbers(steps: int, rows: int, seed: int) -> np.ndarray:
    """`(steps, rows)` numbers in [0, 1): the same for the same arguments and backend."""
    return ops.convert_to_numpy(keras.random.uniform((steps, rows), seed=seed))


def checked_settings(
    vocabulary_size: int, temperature: float, top_k: int, top_p: float, forbidden: Any
) -> tuple[Any, ...]:
    """The settings of `continued`, in its order, as tensors: other values are not compiled anew.

    Raises:
        ValueError: if one of them is out of its range, or no id is left.
    """
    check_sampling(temperature, top_k, top_p)
    wrong = [id for id in forbidden if not (hasattr(id, "__index__") and 0 <= id < vocabulary_size)]
    if wrong:
        raise ValueError(
            f"`forbidden` must be ids from 0 to {vocabulary_size - 1}; received {wrong[0]!r}. Of a word: "
            "vocabulary.ids(['word'])."
        )
    allowed = np.ones(vocabulary_size, bool)
    allowed[list(forbidden)] = False
    if not allowed.any():
        raise ValueError(f"`forbidden` must leave an id; received all {vocabulary_size}.")
    return (
        ops.convert_to_tensor(temperature, "float32"),
        ops.convert_to_tensor(min(top_k, vocabulary_size), "int32"),
        ops.convert_to_tensor(top_p, "float32"),
        ops.convert_to_tensor(allowed),
    )
