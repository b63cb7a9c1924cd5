"""Where a training of a tokenizer begins, and whether a saved state belongs to its recipe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.contracts import Recipe
from harness.errors import UserError
from harness.weights.checkpoints import load_checkpoint, read_card


def described(recipe: Recipe) -> dict[str, Any]:
    """A recipe as its card and its resuming state hold it: every field but the function that builds it."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(recipe).items()
        if key != "build"
    }


def require_same_recipe(path: Path, saved: Mapping[str, Any], recipe: Recipe, steps: int) -> None:
    """Raise UserError if a saved state was made by another recipe, naming the first fields that differ."""
    if not isinstance(saved["recipe"], Mapping):
        raise UserError(f"{path} was saved by an older version, without its recipe: train again without --resume")
    saved = {**saved["recipe"], "steps": saved["steps"]}
    now = {**described(recipe), "steps": steps}
    differing = [key for key in sorted(now.keys() | saved.keys()) if now.get(key) != saved.get(key)]
    if differing:
        named = ", ".join(f"{key} {saved.get(key)!r} there and {now.get(key)!r} here" for key in differing[:3])
        raise UserError(f"{path} was started with another recipe ({named}): use that recipe, or another --out")


def start_from(source: str, subject: Any, live: Mapping[str, Tensor]) -> None:
    """Copy the weights of a checkpoint folder into a module that is to be trained further.

    ``live`` is the state that the module exports, whose tensors are its own. Settings that are no shape
    (``subject.free_settings``; one inside another by ``outer.inner``) may differ; weights that the module brings itself
    (``subject.own_weights``, prefixes) stay as they are. Raises UserError for a folder of another family or
    configuration, naming the first setting that differs.
    """
    state, card = load_checkpoint(source, subject.family)
    free, own = getattr(subject, "free_settings", ()), tuple(getattr(subject, "own_weights", ()))
    differing = _first_difference(card["config"], subject.config(), free)
    if differing:
        raise UserError(f"start = {source} differs in shape from this recipe: {differing}")
    odd = sorted(key for key in state.keys() ^ live.keys() if not key.startswith(own))
    if odd:
        raise UserError(
            f"start = {source} holds weights that this recipe does not have: {odd[0]} and {len(odd) - 1} more"
        )
    with torch.no_grad():
        for key, value in live.items():
            if not key.startswith(own):
                value.copy_(state[key])
    begin = getattr(subject, "begin_from_weights", None)
    if begin:
        begin()


def started_from(source: str) -> dict[str, Any]:
    """What a card says of the checkpoint that its training began with: digest, and the hours that were spent on it."""
    card = read_card(source)
    training = card.get("training", {})
    before = {key: training[key] for key in ("cpu_hours", "images_seen", "device") if key in training}
    return {"sha256": card["sha256"], **before}


def _first_difference(theirs: Any, ours: Any, free: Collection[str], where: str = "") -> str:
    if where in free:
        return ""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        for key in sorted(theirs.keys() | ours.keys()):
            found = _first_difference(theirs.get(key), ours.get(key), free, f"{where}.{key}" if where else str(key))
            if found:
                return found
        return ""
    plain = [list(value) if isinstance(value, tuple) else value for value in (theirs, ours)]
    return "" if plain[0] == plain[1] else f"{where} is {plain[0]} there and {plain[1]} here"
