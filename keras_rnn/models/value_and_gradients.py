"""The value of a function and its gradients, on TensorFlow and JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def value_and_gradients(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns `(value, other, gradients)` where the one given returns `(value, other)`.

    Args:
        function: `(theta, *arguments) -> (value, other)`, theta a list of tensors, value a number and other
            any structure of tensors, of which no gradient is taken.

    Returns:
        A function of the same arguments; its gradients are tensors of the shapes of theta.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def taped(theta: list[Any], *arguments: Any) -> tuple[Any, Any, list[Any]]:
            with tf.GradientTape() as tape:
                tape.watch(theta)
                value, other = function(theta, *arguments)
            gradients = tape.gradient(value, theta, unconnected_gradients="zero")
            # That of an embedding is a list of rows.
            return value, other, [tf.convert_to_tensor(g) for g in gradients]

        return taped
    import jax

    def differentiated(theta: list[Any], *arguments: Any) -> tuple[Any, Any, list[Any]]:
        (value, other), gradients = jax.value_and_grad(function, has_aux=True)(theta, *arguments)
        return value, other, gradients

    return differentiated
