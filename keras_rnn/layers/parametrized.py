"""Any layer of Keras, with weights that are held to a property."""

from __future__ import annotations

from typing import Any

import keras

from keras_rnn.layers.recurrent_weight import value_of
from keras_rnn.layers.sequence_inputs import takes
from keras_rnn.parametrizations import ConstrainedWeight, Parametrization


@keras.saving.register_keras_serializable("keras_rnn")
class Parametrized(keras.layers.Layer):
    """A layer some weights of which are computed, once a call, from free ones.

        y = layer(x)        with parametrization(free) in the place of each weight that is named

    `Parametrized(keras.layers.Dense(8), kernel=Orthogonal())` is a dense layer whose kernel is and stays
    orthogonal. It starts at the member that is nearest to what the layer's own initializer draws, or to the
    weight of a layer that is built already.

    The layer is called with another value of that weight (`keras.layers.Layer.stateless_call`); its own
    variable is left alone, and no longer trained. For the recurrent layers of keras_rnn the argument
    `recurrent_parametrization` does the same in the fast loops.

    Weights:
        Those of the layer but for the named ones, and for each of these its free weight and, if there is
        one, its base point.

    Args:
        layer: a Keras layer that is called with one tensor.

    Further arguments are parametrizations, `kernel=Orthogonal()`. The name is that of a weight, with which
    its `path` ends, wherever it stands in the layer.

    Call arguments:
        inputs: those of the layer.
        training, mask: handed on, if the layer takes them.

    Raises:
        TypeError: if `layer` is no layer or an argument no `Parametrization`.
        ValueError: if there is none; if the layer has a regularizer or a constraint on that weight; if no
            weight has that name, or several have; if the parametrization has no member of its shape.

    Example:

    >>> from keras_rnn.parametrizations import Orthogonal
    >>> layer = Parametrized(keras.layers.Dense(4), kernel=Orthogonal())
    >>> layer(np.zeros((2, 4))).shape
    TensorShape([2, 4])
    >>> Orthogonal().is_member(layer.constrained["kernel"].value())
    True
    >>> [(w.name, tuple(w.shape)) for w in layer.weights]
    [('bias', (4,)), ('free', (4, 4)), ('base', (4, 4))]
    """

    def __init__(self, layer: Any, **parametrizations: Any) -> None:
        own = {
            key: parametrizations.pop(key)
            for key in ("name", "trainable", "dtype")
            if key in parametrizations and not isinstance(parametrizations[key], Parametrization)
        }
        if not isinstance(layer, keras.layers.Layer):
            raise TypeError(f"`layer` must be a Keras layer; received layer={layer!r}.")
        if not parametrizations:
            raise ValueError(
                f"At least one weight must be named; received none for layer={layer.name!r}. Write, for "
                "example, `Parametrized(layer, kernel=Orthogonal())`."
            )
        for name, parametrization in parametrizations.items():
            if not isinstance(parametrization, Parametrization):
                raise TypeError(
                    f"`{name}` must be a keras_rnn.parametrizations.Parametrization; received "
                    f"{name}={parametrization!r}."
                )
        super().__init__(**{"dtype": layer.dtype_policy, **own})
        self.layer = layer
        self.parametrizations = parametrizations
        self.activity_regularizer = layer.activity_regularizer
        self.supports_masking = layer.supports_masking
        # On the CPU TensorFlow's XLA inverts and exponentiates slower: "auto" in `compile` leaves it out.
        self.supports_jit = layer.supports_jit and keras.backend.backend() != "tensorflow"
        self._replaced: dict[str, int] = {}  # the ids of variables, which are not to be tracked twice
        self.constrained: dict[str, ConstrainedWeight] = {}
        self._passed_on = [name for name in ("training", "mask") if takes(layer, name)]

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        for name, parametrization in self.parametrizations.items():
            variable = self._variable(name)
            self.constrained[name] = ConstrainedWeight(
                parametrization,
                tuple(variable.shape),
                lambda *_, v=variable: v.value,
                nearest=True,
                name=name.replace("/", "_"),
                dtype=self.dtype_policy,
            )
            variable.trainable = False
            self._replaced[name] = id(variable)

    def _variable(self, name: str) -> Any:
        found = [w for w in self.layer.weights if f"/{w.path}".endswith(f"/{name}")]
        if len(found) != 1:
            paths = [w.path for w in found or self.layer.weights]
            raise ValueError(
                f"`{name}` must name one weight of `{self.layer.name}`; received the name of {len(found)}. "
                f"{'They are' if found else 'It has'} {', '.join(paths)}."
            )
        variable = found[0]
        if variable.regularizer is not None or variable.constraint is not None:
            raise ValueError(
                f"`{name}` of `{self.layer.name}` must have no regularizer and no constraint beside its "
                f"parametrization; received regularizer={variable.regularizer!r}, "
                f"constraint={variable.constraint!r}."
            )
        return variable

    # What is replaced is nobody's weight any more, in memory and in counts.

    @property
    def weights(self) -> list[Any]:
        return [weight for weight in super().weights if id(weight) not in self._replaced.values()]

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        given = {"training": training, "mask": mask}
        instead = {self._replaced[name]: value_of(weight) for name, weight in self.constrained.items()}
        fixed = self.layer.non_trainable_variables
        values = [instead.get(id(v), v.value) for v in fixed]
        outputs, after, losses = self.layer.stateless_call(
            [v.value for v in self.layer.trainable_variables],
            values,
            inputs,
            return_losses=True,
            **{name: given[name] for name in self._passed_on},
        )
        for variable, old, new in zip(fixed, values, after):
            if new is not old:
                variable.assign(new)
        # The regularizers come last, and are counted by Keras itself.
        regularized = sum(v.regularizer is not None for v in self.layer.trainable_variables)
        for loss in losses[: len(losses) - regularized]:
            self.add_loss(loss)
        return outputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        config = {k: v for k, v in super().get_config().items() if k != "activity_regularizer"}
        parts = {"layer": self.layer, **self.parametrizations}
        return {**config, **{k: keras.saving.serialize_keras_object(v) for k, v in parts.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Parametrized:
        own = {k: config[k] for k in ("name", "trainable", "dtype") if k in config}
        parts = {k: v for k, v in config.items() if k not in own}
        made = {k: keras.saving.deserialize_keras_object(v, custom_objects) for k, v in parts.items()}
        return cls(**made, **own)
