"""Recipes of tokenizers: those of the catalogue, and a TOML file that changes one of them.

recipe = "ddt"          # a name of 'ddtbench list recipes'
start = "mine/ddt"      # go on from these weights
steps = 2000
warmup = 100
seed = 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from harness import catalog
from harness.contracts import Recipe
from harness.errors import UserError, nearest
from harness.paths import user_path
from harness.texts import read_toml

FIXED = ("build",)


def tokenizer_recipe(name: str) -> Recipe:
    """The recipe of this name, or what a TOML file makes of one.

    Raises UserError for an unknown name or key, a value of the wrong kind, and the recipe of a language model.
    """
    if name.endswith(".toml"):
        return _changed(user_path(name))
    found = catalog.find("recipe", name)
    if isinstance(found, Mapping):
        raise UserError(f"recipe '{name}' is that of a language model: ddtbench train mllm {name}")
    recipe: Recipe = found if isinstance(found, Recipe) else found()
    return recipe


def _changed(path: Path) -> Recipe:
    values = read_toml(path, "the recipe")
    base = values.pop("recipe", None)
    if not isinstance(base, str) or base.endswith(".toml"):
        raise UserError(f'{path}: name the recipe that it changes, for example recipe = "ddt"')
    recipe = tokenizer_recipe(base)
    known = [field.name for field in fields(Recipe) if field.name not in FIXED]
    for key, value in values.items():
        if key not in known:
            raise UserError(f"{path}: a recipe has no '{key}'{nearest(key, known)}")
        values[key] = _of_kind(path, key, value, getattr(recipe, key))
    return replace(recipe, **{"name": path.stem, **values})


def _of_kind(path: Path, key: str, value: Any, default: Any) -> Any:
    """``value``, of the kind that this field has."""
    if isinstance(default, tuple):
        if isinstance(value, list) and len(value) == len(default) and all(_number(item) for item in value):
            return tuple(float(item) for item in value)
        raise UserError(f"{path}: {key} is a list of {len(default)} numbers, not {value!r}")
    if isinstance(default, float):
        if _number(value):
            return float(value)
        raise UserError(f"{path}: {key} is a number, not {value!r}")
    if type(value) is not type(default):
        raise UserError(f"{path}: {key} is {'a whole number' if isinstance(default, int) else 'text'}, not {value!r}")
    if isinstance(value, int) and value < (1 if key in ("steps", "batch", "threads") else 0):
        raise UserError(f"{path}: {key} cannot be {value}")
    return value


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
