"""The recurrent weight of a cell: a variable, or what a parametrization makes of a free one."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.parametrizations import ConstrainedWeight, Parametrization


def get_parametrization(value: Any) -> Parametrization | None:
    """A parametrization from itself, from its configuration, or None."""
    found = keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
    if found is not None and not isinstance(found, Parametrization):
        raise TypeError(
            "`recurrent_parametrization` must be a keras_rnn.parametrizations.Parametrization, such as "
            f"Orthogonal(); received recurrent_parametrization={value!r}."
        )
    return found


def add_recurrent_weight(cell: Any) -> Any:
    """Makes `recurrent_kernel` for an `AffineCell`: a variable, or a `ConstrainedWeight` with that name.

    Raises:
        ValueError: if the parametrization has no member of the shape, if the initializer does not give one,
            or if there is also a regularizer or a constraint.
    """
    parametrization = cell.recurrent_parametrization
    if parametrization is None:
        # A cell casts it by itself: some multiply by it in `state_dtype`, where 16 bits would be seen.
        return cell.add_weight(
            name="recurrent_kernel",
            shape=cell.recurrent_shape,
            initializer=cell.initial_recurrent_kernel,
            regularizer=cell.recurrent_regularizer,
            constraint=cell.recurrent_constraint,
            autocast=False,
        )
    if cell.recurrent_regularizer or cell.recurrent_constraint:
        raise ValueError(
            "`recurrent_regularizer` and `recurrent_constraint` must be None beside a "
            f"`recurrent_parametrization`; `{cell.name}` received {parametrization!r} with one of them. They "
            "would act on the free weight, which says nothing about the constrained one."
        )
    # Keras's orthogonal matrices are so as a whole, not gate by gate, and of any determinant.
    return ConstrainedWeight(
        parametrization,
        cell.recurrent_shape,
        cell.initial_recurrent_kernel,
        nearest=isinstance(cell.recurrent_initializer, keras.initializers.Orthogonal),
        name="recurrent_kernel",
        dtype=cell.dtype_policy,
    )


def value_of(weight: Any) -> Any:
    """The variable, or the constrained weight, computed anew; in what keras_rnn exports it is a constant."""
    if not isinstance(weight, ConstrainedWeight):
        return weight
    from keras_rnn.layers.implementation import exporting  # which knows cells, that know this

    if not exporting():
        return weight.value()
    import tensorflow as tf

    with tf.init_scope():
        value = keras.ops.convert_to_numpy(weight.value())
    return keras.ops.convert_to_tensor(value)
