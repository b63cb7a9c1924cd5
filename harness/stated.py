"""What a data file of a package says, key by key: every key is known, and every value of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import UserError, nearest
from harness.texts import shown

_KINDS = {
    str: "text in quotes",
    list: "a list",
    dict: "a table",
    int: "a whole number",
    float: "a number with a point, such as 8e9",
    bool: "true or false",
}


def stated(said: Any, known: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Every known key with what is said, else its default, whose kind is asked for; the default ``()`` asks for a list
    of texts and ``[]`` for any. Raises UserError, which begins with ``where``, for other keys and other kinds."""
    if not isinstance(said, dict):
        raise UserError(f"{where} must be a table of keys, is {shown(said)}")
    for key, value in said.items():
        if key not in known:
            raise UserError(f"{where} says '{key}', which means nothing{nearest(key, known)}")
        wanted = list if isinstance(known[key], tuple) else type(known[key])
        if type(value) is not wanted:
            raise UserError(f"{where}: '{key}' must be {_KINDS[wanted]}, is {shown(value)}")
        if isinstance(known[key], tuple) and not all(isinstance(item, str) for item in value):
            raise UserError(f"{where}: '{key}' must be a list of texts, is {shown(value)}")
    return {**known, **said}


def require_stated(found: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    """Raise UserError for the first of these keys that is empty."""
    for key in keys:
        if not found[key]:
            raise UserError(f"{where} lacks '{key}': write it")
