"""The adjoint of any cell's step, by automatic differentiation of that one step. TensorFlow's alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops, tree

from keras_rnn.layers.cell import Constants, RecurrentCell, States
from keras_rnn.ops.adjoint_scan import is_float
from keras_rnn.ops.state_product import Record, RecordedMatrix, Replay, transposed


class TapedStep:
    """Makes a `StepWithAdjoint` of a cell that says which constants multiply its states.

    On the way back the step is taken again on a tape, but for its matrix products: their values were kept,
    their gradients are recorded, and the matrices get theirs from one product after the loop.

    First derivatives only: a gradient of the gradient would miss what a product owes to its matrix, and is an
    error.

    Args:
        cell: a cell whose `recurrent_constants` name the matrices that `state_product` multiplies.
        constants: from `cell.get_constants`.
        projected, states: all steps of the inputs, time first, and the first states, for nothing but the
            shapes of one step.
    """

    def __init__(self, cell: RecurrentCell, constants: Constants, projected: Any, states: States) -> None:
        self.cell = cell
        named = tree.flatten_with_path(constants)
        self.matrices = {path for path, _ in named if set(path) & set(cell.recurrent_constants)}
        others = [
            path
            for path, leaf in named
            if path not in self.matrices and not str(path[-1]).endswith("mask") and is_float(leaf)
        ]
        self.summed_paths: list[Any] = others
        self.summed_paths = self._read_by_the_step(constants, projected, states)

    def step_forward(self, projected: Any, states: States, constants: Constants) -> Any:
        record = Record()
        wrapped = self._change(constants, lambda path, leaf: RecordedMatrix(path, leaf, record))
        output, new_states = self.cell.step(projected, states, wrapped)
        return output, new_states, (projected, list(states), record.products), record.left

    def backward_constants(self, constants: Constants) -> Constants:
        return self._change(constants, lambda _, leaf: transposed(leaf))

    def step_backward(self, saved: Any, d_output: Any, d_states: States, constants: Constants) -> Any:
        d_projected, d_read, right, sums = self._gradients(saved, d_output, d_states, constants)
        zeros = ops.zeros_like
        leaves = tree.flatten(saved[0])
        d_leaves = [zeros(p) if d is None else d for p, d in zip(leaves, d_projected)]
        d_read = [zeros(s) if d is None else d for s, d in zip(saved[1], d_read)]
        return _once(tree.pack_sequence_as(saved[0], d_leaves), d_read, right, sums)

    def _gradients(self, saved: Any, d_output: Any, d_states: States, constants: Constants) -> Any:
        import tensorflow as tf

        projected, states, products = saved
        summed = dict.fromkeys(self.summed_paths)
        with tf.GradientTape() as tape:
            replay = Replay(products, tape)

            def watched(path: Any, leaf: Any) -> Any:
                if path in self.matrices:
                    return RecordedMatrix(path, leaf, replay)
                if path in summed:
                    # A copy: what the tape watches must be a tensor of the loop's own graph.
                    summed[path] = leaf = tf.identity(leaf)
                    tape.watch(leaf)
                return leaf

            tape.watch([projected, states])
            output, new_states = self.cell.step(projected, states, self._change(constants, watched, True))
            targets, gradients = list(new_states), list(d_states)
            if d_output is not None:
                targets, gradients = [output, *targets], [d_output, *gradients]
            gradients = [ops.cast(d, y.dtype) for d, y in zip(gradients, targets)]
        sources = [tree.flatten(projected), states, list(summed.values())]
        found = tape.gradient(targets, sources, gradients)
        return found[0], found[1], replay.right, found[2]

    def _read_by_the_step(self, constants: Constants, projected: Any, states: States) -> list[Any]:
        """Those of the summed constants that have a gradient at all: a step reads few of them."""
        import tensorflow as tf

        read: list[Any] = []

        def probe(projected: Any, states: States) -> None:
            output, new_states, saved, _ = self.step_forward(projected, states, constants)
            d_output = None if self.cell.output_state is not None else ops.zeros_like(output)
            d_states = [ops.zeros_like(s) for s in new_states]
            shared = self.backward_constants(constants)
            sums = self._gradients(saved, d_output, d_states, shared)[3]
            read[:] = [path for path, d in zip(self.summed_paths, sums) if d is not None]

        tf.function(probe, autograph=False).get_concrete_function(
            tree.map_structure(lambda p: tf.TensorSpec(p.shape[1:], p.dtype), projected),
            [tf.TensorSpec(s.shape, s.dtype) for s in states],
        )
        return read

    def _change(
        self, constants: Constants, change: Callable[[Any, Any], Any], everything: bool = False
    ) -> Any:
        """The constants with their matrices, or with everything, changed."""
        return tree.pack_sequence_as(
            constants,
            [
                change(path, leaf) if everything or path in self.matrices else leaf
                for path, leaf in tree.flatten_with_path(constants)
            ],
        )


def _once(*results: Any) -> Any:
    """The same tensors, which refuse to be differentiated."""
    import tensorflow as tf

    message = (
        "The fast loop has no second derivative of this cell. "
        "Give the layer implementation='plain', which has."
    )
    return tree.map_structure(lambda d: tf.raw_ops.PreventGradient(input=d, message=message), results)
