"""A weight that is computed from a free one: what a layer holds in the place of a variable."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_rnn.ops.linalg import is_traced
from keras_rnn.parametrizations.parametrization import Parametrization, Shape

#: The variables on disk. Rounded to 16 bits, a base point is no member any more, and the member nearest to it
#: has moved the state by some percent after a thousand steps.
EXACT = "free", "base"


class ConstrainedWeight(keras.layers.Layer):
    """The free weight of a constrained one, and its base point.

    Part of another layer, which reads `value()` once for each of its calls. Made when that layer is built.

    Weights:
        free: as `parametrization.free_shape` says, trained.
        base: as `parametrization.base_shape` says, not trained; absent if it says None.

    Args:
        parametrization: a `Parametrization`.
        shape: of the constrained weight.
        start: a function of shape and dtype that gives its first value, a member.
        nearest: begin at the member nearest to what `start` gives, whatever it is. Default `False`.
    """

    def __init__(
        self,
        parametrization: Parametrization,
        shape: Shape,
        start: Callable[[Shape, str], Any],
        nearest: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.parametrization = parametrization
        base_shape = parametrization.base_shape(shape)
        parts: list[Any] = []  # free weight and base point, of one draw

        def initial(part: int, own_shape: Shape, dtype: str) -> Any:
            if not parts:
                w = start(shape, self.variable_dtype)
                if is_traced(w):  # Keras asks for shapes alone
                    return ops.zeros(own_shape, dtype)
                parts.extend(parametrization.right_inverse(parametrization.nearest(w) if nearest else w))
            return ops.convert_to_tensor(parts[part], dtype)

        # Not cast by anyone: what is made of a rounded weight is another one, and no member.
        self.free = self.add_weight(
            name="free",
            shape=parametrization.free_shape(shape),
            initializer=partial(initial, 0),
            autocast=False,
        )
        self.base: Any = base_shape and self.add_weight(
            name="base",
            shape=base_shape,
            initializer=partial(initial, 1),
            trainable=False,
            autocast=False,
        )
        self.built = True

    def value(self) -> Any:
        """The constrained weight, in float32 at least."""
        dtype = "float32" if self.variable_dtype in ("float16", "bfloat16") else self.variable_dtype
        values = [self.free] if self.base is None else [self.free, self.base]
        return self.parametrization(*(ops.cast(v, dtype) for v in values))

    # By name, which tells the zoo not to write them with 16 bits.

    def save_own_variables(self, store: Any) -> None:
        """As for any layer, under the names of `EXACT`."""
        for name, variable in self._named().items():
            store[name] = variable

    def load_own_variables(self, store: Any) -> None:
        """Of such a store."""
        for name, variable in self._named().items():
            variable.assign(store[name])

    def _named(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in EXACT if getattr(self, name) is not None}

    def assign(self, w: Any, atol: float = 1e-4) -> None:
        """Sets the weight to a member w, up to `atol`; the base point, if there is one, moves there.

        Raises:
            ValueError: if w is no member; says how far it is from one.
        """
        free, base = self.parametrization.right_inverse(np.asarray(ops.convert_to_numpy(w)), atol)
        self.free.assign(free)
        if base is not None:
            self.base.assign(base)
