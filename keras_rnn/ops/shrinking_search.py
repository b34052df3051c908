"""The loop of a beam search in which rows that are done leave the batch; on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops, tree

from keras_rnn.ops.decoding_step import Hypotheses

# The share of the rows at which they are moved. To move them costs something, and so do rows that are done.
NUMERATOR, DENOMINATOR = 2, 3


def run_shrinking(
    may_improve: Callable[..., Any],
    body: Callable[..., Any],
    found: Callable[..., Any],
    state: tuple[Any, ...],
    fixed: dict[str, Any],
    beam_size: Any,
) -> Any:
    """Runs `body` until no row may improve; a loop in a loop.

    The inner loop ends when a third of its rows are done. All of them are written down, the others are
    gathered, and the outer loop goes on with these.

    Args:
        may_improve: `(t, live, finished, fixed)` to booleans `(rows,)`.
        body: `(t, live, finished, history, fixed)` to the first four, one step later.
        found: `(finished, history)` to the `Hypotheses` of the rows.
        state: the first `(t, live, finished, history)`. Of `live`, `y` and `states` have rows * beam_size
            lines, the others one for each row; `history`, if it is no `()`, has them on its second axis.
        fixed: what does not change: `constants` with rows * beam_size lines, the others with rows.
        beam_size: an integer.

    Returns:
        The `Hypotheses` of each row at its end.
    """
    import tensorflow as tf

    def inner(state: Any, fixed: Any) -> Any:
        def enough_left(t: Any, live: Any, finished: Any, _: Any) -> Any:
            left = may_improve(t, live, finished, fixed)
            counted = ops.sum(ops.cast(left, "int32"))
            return DENOMINATOR * counted > NUMERATOR * ops.shape(left)[0]

        return ops.while_loop(enough_left, lambda *state: body(*state, fixed), state)

    def outer(state: Any, fixed: Any, index: Any, results: Any) -> Any:
        t, live, finished, history = inner(state, fixed)
        new = written(finished, history)
        results = {
            name: tf.tensor_scatter_nd_update(results[name], index[:, None], new[name]) for name in new
        }
        keep = ops.cast(tf.where(may_improve(t, live, finished, fixed))[:, 0], "int32")
        line = ops.reshape(keep[:, None] * beam_size + ops.arange(beam_size, dtype="int32"), (-1,))

        def kept(structure: Any, of_hypotheses: tuple[str, ...] = ()) -> Any:
            return {
                name: tree.map_structure(
                    lambda x, rows=line if name in of_hypotheses else keep: ops.take(x, rows, axis=0), own
                )
                for name, own in structure.items()
            }

        history = tree.map_structure(lambda x: ops.take(x, line, axis=1), history)
        state = (t, kept(live, ("y", "states")), kept(finished), history)
        return state, kept(fixed, ("constants",)), ops.take(index, keep, axis=0), results

    def written(finished: Any, history: Any) -> dict[str, Any]:
        return {name: x for name, x in found(finished, history)._asdict().items() if x is not None}

    rows = ops.shape(state[2]["score"])[0]
    variables = (state, fixed, ops.arange(rows, dtype="int32"), written(state[2], state[3]))
    leaves = tree.flatten(variables)

    def shape_of(path: Any, leaf: Any) -> Any:
        """Unknown where rows are counted; those of the results stay."""
        if path[0] == 3 or not leaf.shape.rank:
            return leaf.shape
        axis = 1 if path[:2] == (0, 3) else 0
        return tf.TensorShape([None if k == axis else size for k, size in enumerate(leaf.shape)])

    shapes = [shape_of(path, leaf) for path, leaf in tree.flatten_with_path(variables)]

    def packed(leaves: Any) -> Any:
        return tree.pack_sequence_as(variables, leaves)

    def unfinished(*leaves: Any) -> Any:
        _, _, index, results = packed(leaves)
        return (ops.shape(index)[0] > 0) & (ops.shape(results["ids"])[2] > 0)

    *_, results = packed(
        tf.while_loop(
            unfinished,
            lambda *leaves: tree.flatten(outer(*packed(leaves))),
            leaves,
            shape_invariants=shapes,
        )
    )
    return Hypotheses(**{**dict.fromkeys(Hypotheses._fields), **results})
