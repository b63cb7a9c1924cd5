"""What lmms-eval's own YAML files say of a task. lmms-eval is not imported: that takes 13 seconds, and it patches what
others use."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest

DIGITS = 16
_TASK = re.compile(r"^task\s*:\s*[\"']?([\w.\-]+)[\"']?\s*(?:#.*)?$", re.MULTILINE)
CAPTION_SCORER = "pycocoevalcap"
"""What imports this calls Java."""


@dataclass(frozen=True)
class Definition:
    """A task of the installed lmms-eval. ``digest`` is that of its YAML and Python files; ``captions``: scoring calls
    Java."""

    task: str
    dataset: str
    configuration: str
    split: str
    metrics: tuple[str, ...]
    captions: bool
    digest: str
    release: str


@cache
def definition_of(task: str) -> Definition:
    """The definition of a task. Raises UserError where lmms-eval is not installed, does not know the task, or where
    the task is of a kind that has no single data set (a group)."""
    places = _places()
    if task not in places:
        near = nearest(task, places) if get_close_matches(task, places, 1) else ""
        raise UserError(f"lmms-eval has no task '{task}'{near or ': python -m lmms_eval --tasks list names them'}")
    path = places[task]
    values = _read(path)
    split = values.get("test_split") or values.get("validation_split")
    if not isinstance(values.get("dataset_path"), str) or not isinstance(split, str):
        raise UserError(f"lmms-eval's task '{task}' names no data set of its own: name one of the tasks it is made of")
    sources = sorted(path.parent.glob("*.py"))
    code = "".join(file.read_text(encoding="utf-8") for file in sources)
    listed = values.get("metric_list") or []
    return Definition(
        task,
        values["dataset_path"],
        str(values.get("dataset_name") or ""),
        split.strip(),
        tuple(str(item["metric"]) for item in listed),
        CAPTION_SCORER in code,
        hashlib.sha256(f"{values!r}{code}".encode()).hexdigest()[:DIGITS],
        version("lmms-eval"),
    )


def tasks_folder() -> Path:
    """Where the installed lmms-eval keeps its tasks. Raises UserError where it is not installed."""
    found = importlib.util.find_spec("lmms_eval")
    if found is None or not found.submodule_search_locations:
        raise UserError("lmms-eval is not installed: pip install -e '.[lmms]' in the checkout")
    return Path(found.submodule_search_locations[0]) / "tasks"


@cache
def _places() -> Mapping[str, Path]:
    """Task name -> YAML file; of two files the first by name."""
    found: dict[str, Path] = {}
    for path in sorted(tasks_folder().rglob("*.yaml")):
        match = _TASK.search(path.read_text(encoding="utf-8", errors="replace"))
        if match:
            found.setdefault(match[1], path)
    return found


def _read(path: Path) -> dict[str, Any]:
    """The file over those that it includes. Functions (``!function utils.name``) are read as their names."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML carries no types
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {node.value}")
    values: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader) or {}
    included = values.pop("include", None) or []
    base: dict[str, Any] = {}
    for name in [included] if isinstance(included, str) else included:
        base |= _read(path.parent / name)
    return base | values
