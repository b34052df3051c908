"""Where the values of a model are while JAX trains it."""

from __future__ import annotations

from typing import Any


def write_back(model: Any) -> None:
    """Under JAX, `fit` holds all values outside their variables, until it is asked to write them back."""
    getattr(model, "jax_state_sync", lambda: None)()
