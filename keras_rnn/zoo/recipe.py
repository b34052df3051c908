"""A recipe: all that is needed to train a model again, read from TOML with unknown keys refused."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from keras_rnn.zoo.model_tables import ClassifierModel, LanguageModelCore, PianoRollCore, TranslatorCore
from keras_rnn.zoo.recipe_layers import (
    make_decoder,
    make_embedding,
    make_layer,
    make_pooling,
    make_softmax,
    nearest,
    refuse_unknown,
)
from keras_rnn.zoo.recipe_tables import KINDS, AnyRecipe, Recipe, key_names

OneKind = TypeVar("OneKind", bound=Recipe)


def read_recipe(path: str | Path) -> AnyRecipe:
    """Reads `recipe.toml`.

    Raises:
        ValueError: if it is no TOML, a key is missing, unknown or of the wrong type; says which.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}.") from error
    try:
        recipe: AnyRecipe = _read(_kind(table), table, "")
        part = recipe.model
        if isinstance(part, (ClassifierModel, LanguageModelCore, PianoRollCore)):
            for k, layer in enumerate(part.layers, start=1):
                make_layer(layer, f"[[model.layers]] number {k}")
        if isinstance(part, ClassifierModel):
            make_pooling(part.attention_pooling, "`attention_pooling` in [model]")
        if isinstance(part, LanguageModelCore):
            make_softmax(part.softmax, part.vocabulary_size, part.tie_embeddings, "`softmax` in [model]")
            # The words come with the corpus: any other does for a look at the rest.
            make_embedding(part.embedding, part.embedding_dimension, ["word"], "[model]")
        if isinstance(part, TranslatorCore):
            for k, layer in enumerate(part.encoder, start=1):
                make_layer(layer, f"`encoder` in [model] number {k}")
            make_decoder(part, "[model]")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
    return recipe


def replace(recipe: OneKind, **overrides: Any) -> OneKind:
    """The recipe with keys of its `model`, `preprocessing`, `training` or `decoding` table changed.

    Raises:
        ValueError: if a key stands in none of them.
    """
    for key, value in overrides.items():
        found = [name for name, part in recipe.changeable.items() if key in key_names(part)]
        if not found:
            tables = recipe.changeable
            legal = sorted(name for part in tables.values() for name in key_names(part))
            raise ValueError(
                f"`{key}` is no key of the recipe's {' or '.join(', '.join(tables).rsplit(', ', 1))}; "
                f"received {key}={value!r}. Legal are {', '.join(legal)}."
            )
        part = recipe.changeable[found[0]]
        changed = _check_type(value, _hints(type(part))[key], f"[{found[0]}] {key}")
        recipe = dataclasses.replace(recipe, **{found[0]: dataclasses.replace(part, **{key: changed})})
    return recipe


def _kind(table: dict[str, Any]) -> Any:
    """The kind of recipe that `[model] type` names."""
    model = table.get("model")
    if not isinstance(model, dict):
        raise TypeError(f"`model` in the recipe must be a table; received {model!r}.")
    if model.get("type") not in KINDS:
        names = ", ".join(map(repr, sorted(KINDS)))
        raise ValueError(
            f"`type` in [model] must be one of {names}; received type={model.get('type')!r}."
            f"{nearest(str(model.get('type')), KINDS)}"
        )
    return KINDS[model["type"]]


def _read(cls: Any, table: dict[str, Any], where: str) -> Any:
    hints = _hints(cls)
    for key in table:
        refuse_unknown(key, list(hints), where or "the recipe")
    values = {}
    for f in dataclasses.fields(cls):
        if f.name in table:
            inner = f"[{f.name}]" if not where else f"{where} {f.name}"
            part = _without_none(hints[f.name])
            if dataclasses.is_dataclass(part) and isinstance(table[f.name], dict):
                values[f.name] = _read(part, table[f.name], inner)
            else:
                values[f.name] = _check_type(
                    table[f.name], hints[f.name], f"`{f.name}` in {where or 'the recipe'}"
                )
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise ValueError(f"`{f.name}` is missing in {where or 'the recipe'}.")
    return cls(**values)


def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _without_none(hint: Any) -> Any:
    """`X` of `X | None`."""
    if not isinstance(hint, types.UnionType):
        return hint
    return next(t for t in typing.get_args(hint) if t is not type(None))


def _check_type(value: Any, hint: Any, where: str) -> Any:
    if isinstance(hint, types.UnionType) and value is None:
        return None
    hint = _without_none(hint)
    plain = typing.get_origin(hint) or hint
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        wanted = "a table" if dataclasses.is_dataclass(plain) else f"of type {plain.__name__}"
        raise TypeError(f"{where} must be {wanted}; received {value!r}.")
    return value
