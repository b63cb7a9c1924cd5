"""How runs made by hand are shown: what the harness would have stored with them, from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from harness import catalog
from harness.contracts import ShownModel, ShownTask
from harness.display import SHOWING, metric_shown, written
from harness.errors import UserError
from tasks.editing.entries import IN_TURNS
from tasks.generation.entries import CLASSES
from tasks.mme.entries import SHOWN as MME
from tasks.perplexity.shown import CODES, GIVEN_CAPTION, OF_PICTURES
from tasks.tokenizing.shown import PLANE, RECONSTRUCTION

VARIANTS = {
    "generation-fashion": CLASSES,
    "perplexity-image-codes-given-caption": GIVEN_CAPTION,
    "perplexity-image-codes": CODES,
    "perplexity-captions-given-image": OF_PICTURES,
    "mme-world-held-out": replace(MME, headline=()),
    "editing-chain-world": IN_TURNS,
    "reconstruction-world": replace(RECONSTRUCTION, title="reconstruction, world", headline=PLANE),
    "reconstruction-fashion": replace(RECONSTRUCTION, title="reconstruction, fashion"),
}


def task_shown(task: str) -> ShownTask:
    if task in VARIANTS:
        return VARIANTS[task]
    known = [entry for entry in catalog.entries("task") if task == entry.name or task.startswith(f"{entry.name}-")]
    return max(known, key=lambda entry: len(entry.name)).shown if known else ShownTask()


def model_shown(model: str, control: bool = False) -> ShownModel:
    try:
        return catalog.lookup("model", catalog.split_name(model)[0]).shown
    except UserError:
        return ShownModel(role="control") if control else ShownModel()


def showing(model: str, task: str, metrics: Iterable[str], control: bool = False) -> dict[str, Any]:
    """What goes into the manifest."""
    return {
        SHOWING: {
            "task": written(task_shown(task)),
            "model": written(model_shown(model, control)),
            "metrics": {name: written(metric_shown(name, name)) for name in metrics},
        }
    }
