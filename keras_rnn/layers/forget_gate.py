"""The forget gate beside an exponential input gate: a sigmoid or an exponential, by its logarithm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

#: log f from the pre-activation of f. Logarithms, for f and the input gate are exponentials without bound.
LOG_FORGET: dict[str, Callable[[Any], Any]] = {"sigmoid": lambda f: -ops.softplus(-f), "exp": lambda f: f}


def checked_forget_gate(name: str) -> str:
    """`name`; raises ValueError if it is not that of a forget gate."""
    if name not in LOG_FORGET:
        raise ValueError(
            f"`forget_gate` must be one of {tuple(LOG_FORGET)}; received forget_gate={name!r}. "
            "Leave it out for 'sigmoid', which never lets the past grow."
        )
    return name
