"""The time loop: one primitive, `scan`, for every backend.

`keras.ops.scan` cannot serve here: on TensorFlow it wants outputs of the carry's structure, and its
gradient does not compile under XLA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

Step = Callable[[Any, Any], tuple[Any, Any]]


def scan(
    step: Step,
    carry: Any,
    xs: Any,
    length: Any = None,
    unroll: bool = False,
    reverse: bool = False,
    keep: bool = False,
) -> tuple[Any, Any]:
    """Runs `carry, y[t] = step(carry, x[t])` for `t = 0 .. length - 1`.

    Inside a `tf.function` the loop is one `tf.while_loop` (one While op, differentiable, with unknown
    length, and under XLA), on JAX one `jax.lax.scan`; eager TensorFlow and other backends loop in Python.

    Args:
        step: a pure function `(carry, x) -> (carry, y)`. The new carry has the structure, shapes and
            dtypes of the old one; `y` may look like anything, or be `()` for no output.
        carry: the first carry, any nested structure of tensors.
        xs: any nested structure of tensors, each `(length, ...)`: time comes first. May be `()` when
            `length` is given. What another scan has kept may stand among them; `length` is then needed.
        length: number of steps, an integer or a scalar tensor; by default that of the tensors in `xs`.
        unroll: write the steps out one after the other in place of a loop. The length must be known.
        reverse: run from `t = length - 1` down to 0. `ys` stand in the order of `xs`.
        keep: `y` is a pair `(shown, kept)`, and what is kept need not become one tensor: it is for another
            scan of the same length to read. That saves a copy in and a copy out.

    Returns:
        `(carry, ys)`: the last carry, and the outputs of all steps in the structure of `y`, each
        `(length, ...)`. With length 0 the carry is the first one and `ys` have 0 steps.

    Raises:
        ValueError: if there is nothing to take the length from, or `unroll` is asked for with a length
            that is not known while the graph is made.
    """
    xs = tree.map_structure(lambda x: x if hasattr(x, "unstack") else ops.convert_to_tensor(x), xs)
    carry = tree.map_structure(ops.convert_to_tensor, carry)
    if length is None:
        length = _common_length(xs)
    if unroll:
        if not isinstance(length, int):
            raise ValueError(
                "`unroll=True` needs a number of time steps that is known when the graph is built; "
                "received an unknown one. Give the time dimension in `keras.Input(shape=(time, ...))`, "
                "or leave `unroll=False`."
            )
        return _scan_python(step, carry, xs, length, reverse)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.executing_eagerly():  # a trace of the step, at each call, would cost more than a short loop
            return _scan_python(step, carry, xs, int(length), reverse)
        return _scan_tensorflow(step, carry, xs, length, reverse, keep)
    if keras.backend.backend() == "jax":
        return _scan_jax(step, carry, xs, length, reverse)
    return _scan_python(step, carry, xs, length, reverse)


def _common_length(xs: Any) -> Any:
    leaves = tree.flatten(xs)
    if not leaves:
        raise ValueError("`scan` takes its number of steps from `xs` or from `length`; received neither.")
    lengths = {x.shape[0] for x in leaves if isinstance(x.shape[0], int)}
    if len(lengths) > 1:
        raise ValueError(
            f"All tensors in `xs` must have the same number of time steps; received {sorted(lengths)}."
        )
    return lengths.pop() if lengths else ops.shape(leaves[0])[0]


def _scan_python(step: Step, carry: Any, xs: Any, length: int, reverse: bool) -> tuple[Any, Any]:
    outputs = []
    # Taken apart at once: the gradient of `x[t]` would be as long as `x`, at every step.
    parts = tree.map_structure(lambda x: ops.unstack(x, length), xs) if length else xs
    for t in reversed(range(length)) if reverse else range(length):
        carry, y = step(carry, tree.map_structure_up_to(xs, lambda steps, t=t: steps[t], parts))
        outputs.append(y)
    if not outputs:
        # A step on zeros, for nothing but the shapes and dtypes of its output.
        _, y = step(carry, tree.map_structure(lambda x: ops.zeros(x.shape[1:], x.dtype), xs))
        return carry, tree.map_structure(lambda y: ops.zeros((0, *y.shape), y.dtype), y)
    if reverse:
        outputs.reverse()
    return carry, tree.map_structure(lambda *ys: ops.stack(ys), *outputs)


def _scan_jax(step: Step, carry: Any, xs: Any, length: Any, reverse: bool) -> tuple[Any, Any]:
    import jax

    return jax.lax.scan(step, carry, xs, length=length, reverse=reverse)


def _scan_tensorflow(
    step: Step, carry: Any, xs: Any, length: Any, reverse: bool, keep: bool
) -> tuple[Any, Any]:
    import tensorflow as tf

    def array(dtype: Any, shape: Any) -> Any:
        # Not cleared after a read: a persistent tape reads again, and so does a second derivative.
        return tf.TensorArray(dtype, size=length, element_shape=shape, clear_after_read=False)

    inputs = tree.map_structure(
        lambda x: x if isinstance(x, tf.TensorArray) else array(x.dtype, x.shape[1:]).unstack(x), xs
    )
    # A TensorArray wants dtype and shape of its elements before the first is written, so the step is traced
    # once on its own. (Running it on x[0], as others do, costs a step and fails on an empty sequence.)
    _, y_spec = (
        tf.function(step, autograph=False)
        .get_concrete_function(
            tree.map_structure(lambda c: tf.TensorSpec(c.shape, c.dtype), carry),
            tree.map_structure(lambda x: tf.TensorSpec(x.element_shape, x.dtype), inputs),
        )
        .structured_outputs
    )
    outputs = tree.map_structure(lambda y: array(y.dtype, y.shape), y_spec)

    def body(t: Any, carry: Any, outputs: Any) -> tuple[Any, Any, Any]:
        new_carry, y = step(carry, tree.map_structure(lambda array: array.read(t), inputs))
        # The loop needs shapes that do not change; a step may know less of them than the first carry.
        tree.map_structure(lambda new, old: new.set_shape(old.shape), new_carry, carry)
        return (
            t + (-1 if reverse else 1),
            new_carry,
            tree.map_structure(lambda array, y: array.write(t, y), outputs, y),
        )

    _, carry, outputs = tf.while_loop(
        lambda *_: tf.constant(True),
        body,
        (tf.cast(length - 1 if reverse else 0, tf.int32), carry, outputs),
        maximum_iterations=length,  # ends the loop, and lets XLA compile the gradient
    )

    def stack(array: Any) -> Any:
        shape = array.element_shape
        if shape.is_fully_defined() or shape.rank is None:
            return array.stack()
        # No element tells the sizes that are not known before the run. Where there is none at all, they are
        # taken to be the number of rows that came in.
        rows = next((tf.shape(x)[0] for x in tree.flatten(carry) if x.shape.rank), tf.constant(0))
        unknown = tf.where(tf.convert_to_tensor(length) > 0, -1, rows)
        stacked = tf.raw_ops.TensorListStack(
            input_handle=array.flow,
            element_shape=[unknown if size is None else size for size in shape],
            element_dtype=array.dtype,
        )
        stacked.set_shape([length if isinstance(length, int) else None, *shape])
        return stacked

    if keep:
        shown, kept = outputs
        return carry, (tree.map_structure(stack, shown), kept)
    return carry, tree.map_structure(stack, outputs)
