"""Gradients of our own, which go when their graph goes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """`keras.ops.custom_gradient`, without what it leaks.

    TensorFlow enters the gradient into a registry of the process, and with it every tensor of its graph: no
    graph that was ever traced is freed. Here the graph keeps its gradients, and the registry no more than
    weak references: as little is left behind as of keras.layers (`tests/benchmarks/traced_graphs.py` in
    the checkout).

    Args:
        function: of tensors; gives its value, one tensor or more, and the function that is its gradient.
    """
    differentiable = ops.custom_gradient(function)
    if keras.backend.backend() != "tensorflow":
        return differentiable
    import tensorflow as tf

    def call(*tensors: Any) -> Any:
        result = differentiable(*tensors)
        if not tf.executing_eagerly():
            _hand_over(tree.flatten(result)[0].op)
        return result

    return call


def _hand_over(operation: Any) -> None:
    """Takes the gradient of this operation out of the registry, and gives it to the graph."""
    name = operation.get_attr("_gradient_op_type").decode()
    try:
        from tensorflow.python.framework import ops as framework

        registry = framework.gradient_registry._registry
        gradient = registry[name]["type"]
    except (ImportError, AttributeError, KeyError):
        return  # another TensorFlow than this is made for: the gradient is right, and stays where it is
    graph = operation.graph
    graph._own_gradients = [*getattr(graph, "_own_gradients", []), gradient]
    registry[name]["type"] = weakref.proxy(gradient)
    weakref.finalize(graph, registry.pop, name, None)
