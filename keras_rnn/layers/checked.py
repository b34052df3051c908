"""Checks of arguments that several layers share."""

from __future__ import annotations

from typing import Any


def check_rate(name: str, rate: float) -> None:
    """Raises ValueError if `rate` is no share in [0, 1)."""
    if not 0 <= rate < 1:
        raise ValueError(f"`{name}` must be a share in [0, 1); received {name}={rate!r}. Use 0 for none.")


def check_epsilon(epsilon: float) -> None:
    """Raises ValueError if `epsilon` is not positive."""
    if not epsilon > 0:
        raise ValueError(
            f"`epsilon` must be a positive number; received epsilon={epsilon!r}. "
            "Without it a row of equal numbers is divided by zero."
        )


def checked_size(name: str, size: Any) -> int:
    """`size` as an integer; raises ValueError if it is not a positive one."""
    if isinstance(size, bool) or not hasattr(size, "__index__") or size <= 0:
        raise ValueError(f"`{name}` must be a positive integer; received {name}={size!r}.")
    return int(size)


def checked_heads(heads: Any, units: int) -> int:
    """`heads` as an integer; raises ValueError if it is not a positive one that divides `units`."""
    heads = checked_size("heads", heads)
    if units % heads:
        raise ValueError(
            f"`units` must be a multiple of `heads`; received units={units}, heads={heads}. "
            "Change one of them: each head has as many units."
        )
    return heads


def check_any_states(cell: Any, name: str) -> None:
    """Raises ValueError if a state of the cell may not be any number, for first states that are learned."""
    if cell.positive_states:
        raise ValueError(
            f"`{name}` must be able to begin with any states, for they are learned; received "
            f"{type(cell).__name__}, whose states {', '.join(cell.positive_states)} must not be negative. "
            "Take another cell."
        )


def known_features(layer: Any, shape: Any, what: str = "inputs") -> int:
    """The last dimension of a shape, as a layer wants it when it is built.

    Raises:
        ValueError: if it is not known.
    """
    if shape[-1] is None:
        raise ValueError(
            f"The last dimension of the {what} of `{layer.name}` must be known; "
            f"received shape {tuple(shape)}."
        )
    return shape[-1]
