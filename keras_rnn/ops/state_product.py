"""The product of a state with a weight: where a loop can record it, and replay it backwards."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_rnn.ops.custom_gradient import custom_gradient


def state_product(state: Any, matrix: Any) -> Any:
    """`state @ matrix`, as the step of a cell should write it.

    Args:
        state: `(batch, m)`.
        matrix: `(m, n)`, one of the cell's constants; or one for each row of the batch, `(batch, m, n)`.

    Returns:
        `(batch, n)`. While a fast loop runs, the product is recorded: its value is then not computed again
        on the way back, and the gradient of the matrix becomes one product over the whole sequence.
    """
    if isinstance(matrix, RecordedMatrix):
        return matrix.multiply(state)
    return _product(state, matrix)


def transposed(matrix: Any) -> Any:
    """The transposed matrix, or that of each row."""
    return ops.transpose(matrix, (0, 2, 1) if len(matrix.shape) == 3 else None)


def _product(state: Any, matrix: Any) -> Any:
    if len(matrix.shape) == 3 and len(state.shape) == 2:
        return ops.squeeze(ops.matmul(ops.expand_dims(state, 1), matrix), 1)
    return ops.matmul(state, matrix)


class RecordedMatrix:
    """Stands for one matrix among the constants and notes the products that a step forms with it."""

    def __init__(self, path: Any, matrix: Any, record: Record | Replay) -> None:
        self.path = path
        self.matrix = matrix
        self.record = record
        # The matrices of a replay are transposed, and a step may ask for the shape.
        self.shape = matrix.shape
        if isinstance(record, Replay):
            *rows, n, m = matrix.shape
            self.shape = (*rows, m, n)
        self.dtype = matrix.dtype

    def multiply(self, state: Any) -> Any:
        return self.record.multiply(self, state)


class Record:
    """What one step forward multiplies, in the order in which it does."""

    def __init__(self) -> None:
        self.left: list[tuple[Any, Any]] = []
        self.products: list[Any] = []

    def multiply(self, entry: RecordedMatrix, state: Any) -> Any:
        self.left.append((entry.path, state))
        self.products.append(_product(state, entry.matrix))
        return self.products[-1]


class Replay:
    """The same step again: products have their recorded values, and their gradients are noted.

    The matrices of a replay are the transposed ones. TensorFlow's alone: it sets a gradient by hand.

    Args:
        products: their values, in the order in which the step forms them.
        tape: the `tf.GradientTape` that the step is taken on.
    """

    def __init__(self, products: list[Any], tape: Any) -> None:
        self.products = products
        self.tape = tape
        self.right: list[Any] = [ops.zeros_like(product) for product in products]
        self.count = 0

    def multiply(self, entry: RecordedMatrix, state: Any) -> Any:
        import tensorflow as tf

        place, self.count = self.count, self.count + 1

        @custom_gradient
        def product(state: Any) -> Any:
            def gradient(d: Any) -> Any:
                self.right[place] = d
                return _product(d, entry.matrix)

            return tf.identity(self.products[place]), gradient

        # The tape goes back to a product for its matrix, even where what multiplies it has no gradient.
        state = tf.identity(state)
        self.tape.watch(state)
        return product(state)
