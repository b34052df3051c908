"""A function of tensors that reads a model's weights, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def compiled(model: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, compiled once for each shape of its arguments, on TensorFlow and JAX.

    Weights are read when it is called: it follows a training.

    Args:
        model: the model whose variables `function` reads. It must not assign them.
        function: of arrays or tensors; its results are tensors.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False)
    import jax

    @jax.jit
    def pure(values: list[Any], *arguments: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values))):
            return function(*arguments)

    return lambda *arguments: pure([variable.value for variable in model.variables], *arguments)
