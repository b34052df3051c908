"""Stochastic gradient descent with an average of its weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_rnn")
class AveragedSGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent that keeps, from a chosen step on, the mean of the weights.

        w = w - learning_rate * (g + weight_decay * w)
        average = average + (w - average) / n,    in the n-th step since `begin_averaging`

    g is the gradient, clipped if so asked, the weight decay is added after the clipping. Without momentum it
    makes no difference whether a decay is part of the gradient (as in torch) or is taken off the weights (as
    Keras does it). `average` is the mean of the n weights that the n steps have led to. It is of no influence
    on the steps; `finalize_variable_values`, which `fit` calls at its end, writes it into the weights.

    Until averaging has begun this is plain descent. It differs from `keras.optimizers.SGD` in one point: on
    TensorFlow, Keras takes each occurrence of a word in a batch by itself when it computes the norm to clip
    by; here the gradient of an embedding is summed first, as under JAX and in torch.

    Differences from torch.optim.ASGD with t0=0 and lambd=0: there the mean leaves out the weights after the
    first step, and a changed learning rate counts one step later. Difference from Keras's `use_ema`: that
    mean forgets exponentially, and begins with the training.

    Args:
        learning_rate: a float, or a schedule. Default `0.01`.
        kwargs: of `keras.optimizers.Optimizer`: `weight_decay`, `global_clipnorm`, `name` and so on.

    Variables:
        averages: one of each weight's shape; zeros until a step is averaged.
        averaged_steps: n.
        averaging: 1 once averaging has begun, until then 0.

    Source: B. T. Polyak, A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; with
    the trigger of `keras_rnn.callbacks.NonMonotonicTrigger` this is NT-ASGD of S. Merity, N. S. Keskar,
    R. Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018, section 3.

    Example:

    >>> w, optimizer = keras.Variable([8.0]), AveragedSGD(0.5)
    >>> optimizer.begin_averaging()
    >>> for _ in range(3):
    ...     optimizer.apply([w.value], [w])
    ...     print(float(w[0]), round(float(optimizer.averages[0][0]), 3))
    4.0 4.0
    2.0 3.0
    1.0 2.333
    """

    def __init__(self, learning_rate: Any = 0.01, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.averaged_steps = self.add_variable((), dtype="int", name="averaged_steps")
        self.averaging = self.add_variable((), dtype="int", name="averaging")

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self.averages = self.add_optimizer_variables(variables, "average")

    def begin_averaging(self) -> None:
        """Begins the mean with the next step; a mean that was begun before is forgotten."""
        self.averaged_steps.assign(0)
        self.averaging.assign(1)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        # On TensorFlow the gradient of an embedding is a list of rows, several for one word: a sum is dense.
        super().apply([g if g is None else ops.add(g, 0.0) for g in grads], trainable_variables)
        # Here, and not in `update_step`: after the constraints, and for weights without a gradient, too.
        n = ops.add(self.averaged_steps, self.averaging)
        self.averaged_steps.assign(n)
        for average, w in zip(self.averages, self._trainable_variables):
            average.assign(_mean(average, w, n))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        learning_rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, ops.multiply(ops.cast(gradient, variable.dtype), learning_rate))

    def finalize_variable_values(self, var_list: Any) -> None:
        """Writes the averages into the weights, if a step has been averaged."""
        super().finalize_variable_values(var_list)
        if int(ops.convert_to_numpy(self.averaged_steps)) > 0:
            for w in var_list:
                # Copied: under JAX two variables must not share their memory.
                w.assign(ops.copy(self.averages[self._get_variable_index(w)]))


def _mean(average: Any, w: Any, n: Any) -> Any:
    return ops.cond(
        n > 0,
        lambda: average + (w - average) / ops.cast(n, w.dtype),
        lambda: ops.convert_to_tensor(average),
    )
