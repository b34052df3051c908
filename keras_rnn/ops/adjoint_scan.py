"""The time loop with a gradient of its own: what makes training fast.

Automatic differentiation of a loop adds up the gradient of every weight at every step, and keeps all that it
might need. Here the backward loop goes over the states alone: the factors of the weights' gradients are laid
down step by step, and each gradient is one matrix product over the whole sequence, after the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
from keras import ops, tree

from keras_rnn.ops.affine import sum_of_rows
from keras_rnn.ops.custom_gradient import custom_gradient
from keras_rnn.ops.recurrence import scan

#: Where a constant stands in the nested structure of constants, as `keras.tree.flatten_with_path` says it.
Path = tuple[Any, ...]


class StepWithAdjoint(Protocol):
    """A step that can be taken backwards.

    The constants that it multiplies states with get their gradients from factors: of `z = left @ U` with the
    gradient `right` of z, that of U is the sum of `left.T @ right` over time. U may be one matrix for each
    row of the batch, `(batch, m, n)`. A constant that is added has no left factor (None). Gradients of other
    constants come step by step and are added up in the loop.
    """

    #: The constants whose gradients come step by step.
    summed_paths: Sequence[Path]

    def step_forward(
        self, projected: Any, states: list[Any], constants: Any
    ) -> tuple[Any, list[Any], Any, list[tuple[Path, Any]]]:
        """One step: `(output, new_states, saved, [(path, left), ...])`.

        `saved` is what the backward step wants, any nested structure of tensors; each left factor is
        `(batch, m)`.
        """

    def backward_constants(self, constants: Any) -> Any:
        """What all backward steps share, such as transposed matrices, made once."""

    def step_backward(
        self, saved: Any, d_output: Any, d_states: list[Any], constants: Any
    ) -> tuple[Any, list[Any], list[Any], list[Any]]:
        """The adjoint of one step: `(d_projected, d_states, [right, ...], [sum, ...])`.

        `d_output` is None if the output is one of the states; its gradient is then in theirs. The right
        factors `(batch, n)` stand in the order of the left ones, the sums in that of `summed_paths`.
        """


def adjoint_scan(
    cell: StepWithAdjoint,
    projected: Any,
    states: list[Any],
    constants: Any,
    output_state: int | None,
    mask: Any = None,
    reset: Any = None,
    fresh: Sequence[Any] = (),
    show: bool = True,
) -> tuple[Any, list[Any]]:
    """Runs a cell over time, with a gradient that runs it back.

        read[t]       = fresh where reset[t], else states[t-1]
        y[t], new[t]  = cell(projected[t], read[t])
        states[t]     = new[t] where mask[t], else read[t]

    Args:
        cell: the step and its adjoint.
        projected: what the steps read, any nested structure of tensors `(time, batch, ...)`.
        states: the first states, each `(batch, size)`.
        constants: what the steps share, a nested structure. Its float tensors get gradients.
        output_state: the position of the state that is the output, or None.
        mask: `(time, batch, 1)` booleans, true where a step counts, or None.
        reset: the same, true where `fresh` takes the place of the states, or None.
        fresh: the states that a reset puts in.
        show: whether the outputs of the steps are wanted.

    Returns:
        `(outputs, states)`: the outputs `(time, batch, units)`, or `()`; where a step does not count the
        held state, if the output is one, else whatever the step gave. And the last states.
    """
    fresh = list(fresh) if reset is not None else []
    named = [(path, leaf) for path, leaf in tree.flatten_with_path(constants) if is_float(leaf)]
    paths = [path for path, _ in named]
    inputs = [projected, states, [leaf for _, leaf in named], fresh]
    first = tree.flatten(projected)[0]
    length = first.shape[0] if isinstance(first.shape[0], int) else ops.shape(first)[0]
    masks = {name: m for name, m in (("mask", mask), ("reset", reset)) if m is not None}

    @custom_gradient
    def run(*flat: Any) -> Any:
        projected, states, leaves, fresh = tree.pack_sequence_as(inputs, list(flat))
        own = _replace(constants, paths, leaves)
        targets: list[tuple[Path, str]] = []  # of each right factor: its constant, where its left one is

        def forward(states: list[Any], x: Any) -> Any:
            p, m = x
            read = _where(m["reset"], fresh, states) if "reset" in m else states
            output, new, saved, left = cell.step_forward(p, read, own)
            new = [ops.cast(n, old.dtype) for n, old in zip(new, states)]
            held = _where(m["mask"], new, read) if "mask" in m else new
            if output_state is not None:
                output = held[output_state]
            # A left factor that is the state before is the output of the step before: not laid down again.
            before = read[output_state] if show and output_state is not None and "reset" not in m else None
            where = ["none" if f is None else "outputs" if f is before else "factors" for _, f in left]
            targets[:] = [(path, w) for (path, _), w in zip(left, where)]
            factors = [f for (_, f), w in zip(left, where) if w == "factors"]
            return held, ((output if show else (), factors), saved)

        last, ((outputs, lefts), saved) = scan(forward, states, (projected, masks), length, keep=True)

        def gradient(*upstream: Any) -> Any:
            # TensorFlow hands over the gradients of several outputs one by one, JAX as one tuple.
            given = list(upstream[0] if isinstance(upstream[0], (tuple, list)) else upstream)
            d_outputs, d_last = (given[0], given[1:]) if show else ((), given)
            shared = cell.backward_constants(own)
            places: list[int] = []  # of each right factor, among all that a backward step lays down

            def backward(carry: Any, x: Any) -> Any:
                d_states, d_fresh, sums = carry
                d_y, saved, m = x
                d_y = d_y if show else None
                if output_state is not None:
                    if show:
                        d_states = list(d_states)
                        d_states[output_state] = d_states[output_state] + d_y
                    d_y = None
                zeros = [ops.zeros_like(d) for d in d_states] if m else []
                d_new = _where(m["mask"], d_states, zeros) if "mask" in m else d_states
                d_projected, d_read, right, more = cell.step_backward(saved, d_y, d_new, shared)
                d_read = [ops.cast(d, old.dtype) for d, old in zip(d_read, d_states)]
                if "mask" in m:
                    d_read = _where(m["mask"], d_read, d_states)
                if "reset" in m:
                    d_fresh = [d + f for d, f in zip(d_fresh, _where(m["reset"], d_read, zeros))]
                    d_read = _where(m["reset"], zeros, d_read)
                sums = [s + ops.cast(d, s.dtype) for s, d in zip(sums, more)]
                # A right factor often is the gradient of what the step read: laid down once.
                laid = tree.flatten(d_projected)
                known = len(laid)
                for d in right:
                    if not any(d is other for other in laid):
                        laid.append(d)
                places[:] = [next(k for k, other in enumerate(laid) if d is other) for d in right]
                return (d_read, d_fresh, sums), (d_projected, laid[known:])

            sums = [_zeros_of_at_least_32_bits(leaves[paths.index(path)]) for path in cell.summed_paths]
            begin = (d_last, [ops.zeros_like(f) for f in fresh], sums)
            (d_states, d_fresh, sums), (d_projected, others) = scan(
                backward, begin, (d_outputs, saved, masks), length, reverse=True
            )
            found: dict[Path, Any] = dict(zip(cell.summed_paths, sums))
            rights, rest = [*tree.flatten(d_projected), *others], iter(lefts)
            for (path, left), place in zip(targets, places):
                factor = next(rest) if left == "factors" else None
                if left == "outputs":
                    factor = ops.concatenate([states[output_state][None], outputs], axis=0)[:-1]
                d = _product_gradient(factor, rights[place], len(leaves[paths.index(path)].shape) == 3)
                found[path] = found[path] + d if path in found else d
            d_leaves = [_as_gradient(found.get(path), leaf) for path, leaf in zip(paths, leaves)]
            # No packing and flattening here: to Keras's tree a None is a leaf, and it has to stay one.
            return (*tree.flatten(d_projected), *d_states, *d_leaves, *d_fresh)

        return (outputs, *last) if show else tuple(last), gradient

    results = list(run(*tree.flatten(inputs)))
    return (results[0], results[1:]) if show else ((), results)


def _where(condition: Any, chosen: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    return [ops.where(condition, a, b) for a, b in zip(chosen, other)]


def is_float(leaf: Any) -> bool:
    """Whether it is a tensor of floating-point numbers, which has a gradient."""
    return hasattr(leaf, "dtype") and "float" in keras.backend.standardize_dtype(leaf.dtype)


def _zeros_of_at_least_32_bits(leaf: Any) -> Any:
    dtype = keras.backend.standardize_dtype(leaf.dtype)
    return ops.zeros_like(leaf, "float32" if dtype in ("float16", "bfloat16") else dtype)


def _replace(structure: Any, paths: list[Path], leaves: Sequence[Any]) -> Any:
    """The same structure with other leaves at these paths."""
    new = dict(zip(paths, leaves))
    return tree.pack_sequence_as(
        structure, [new.get(path, leaf) for path, leaf in tree.flatten_with_path(structure)]
    )


def _product_gradient(left: Any, right: Any, of_rows: bool) -> Any:
    """The gradient of a constant, or of one of each row, from its factors at all steps `(time, batch, n)`."""
    if of_rows:
        left, right = ops.transpose(left, (1, 2, 0)), ops.transpose(right, (1, 0, 2))
        return ops.matmul(left, ops.cast(right, left.dtype))
    right = ops.reshape(right, (-1, right.shape[-1]))
    if left is None:
        return sum_of_rows(right)
    left = ops.reshape(left, (-1, left.shape[-1]))
    return ops.matmul(ops.transpose(left), ops.cast(right, left.dtype))


def _as_gradient(found: Any, leaf: Any) -> Any:
    if found is not None:
        return ops.cast(found, leaf.dtype)
    # TensorFlow takes None for a constant that the steps do not read; JAX wants zeros, and removes them.
    return None if keras.backend.backend() == "tensorflow" else ops.zeros_like(leaf)
