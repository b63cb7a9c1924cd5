"""Saved baselines: the results of one model, kept under a name to judge later checkpoints against.

    STORE/NAME/baseline.json            what was saved, of which model, and the SHA-256 of every file below
    STORE/NAME/runs/MODEL/TASK/KEY/     results only: scores, estimates and cost, no samples

The store is ``$DDTBENCH_BASELINES``, else ``ddtbench-baselines`` in the working folder: small, so that it can be
committed. A baseline of which a file changed since it was saved is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest

INDEX, RUNS, SCHEMA = "baseline.json", "runs", 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
KEPT = ("spec.json", "environment.json", "cost.json", "manifest.json")


@dataclass(frozen=True)
class Baseline:
    """What a baseline says of itself. ``problem``: why it does not hold, or ""."""

    name: str
    model: str
    tasks: tuple[str, ...]
    cases: int
    saved: str
    problem: str = ""


def store() -> Path:
    """Where baselines are kept."""
    return Path(os.environ.get("DDTBENCH_BASELINES") or "ddtbench-baselines")


def names() -> list[str]:
    """Those that are saved, sorted."""
    place = store()
    return sorted(path.parent.name for path in place.glob(f"*/{INDEX}")) if place.is_dir() else []


def is_saved(name: str) -> bool:
    return NAME.fullmatch(name) is not None and (store() / name / INDEX).is_file()


def opened(name: str) -> Path:
    """The root of its runs. Raises UserError for one that is not as it was saved."""
    if not is_saved(name):
        raise UserError(f"no baseline is called '{name}'{nearest(name, names())}")
    folder = store() / name
    if problem := problem_of(folder):
        raise UserError(f"baseline '{name}' {problem}: save it again, or get it again from where it is kept")
    return folder / RUNS


def index_of(folder: Path) -> dict[str, Any]:
    from harness.texts import read_json_object

    found = read_json_object(folder / INDEX)
    if not isinstance(found.get("schema"), int) or found["schema"] > SCHEMA:
        raise UserError(f"{folder / INDEX} has schema {found.get('schema')}, and {SCHEMA} is read here")
    return found


def problem_of(folder: Path) -> str:
    index = index_of(folder)
    files = index.get("files")
    if not isinstance(files, dict) or index.get("digest") != digest_of(index):
        return "was changed since it was saved (its index)"
    there = {path.relative_to(folder).as_posix() for path in (folder / RUNS).rglob("*") if path.is_file()}
    for name in sorted(there | files.keys()):
        if name not in there:
            return f"lacks {name}"
        if name not in files:
            return f"holds {name}, which was not saved"
        if sha_of(folder / name) != files[name]:
            return f"was changed since it was saved: {name} has another digest"
    return ""


def sha_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest_of(index: dict[str, Any]) -> str:
    body = {key: value for key, value in index.items() if key != "digest"}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def described(name: str) -> Baseline:
    """What a baseline says of itself."""
    folder = store() / name
    try:
        index = index_of(folder)
        problem = problem_of(folder)
    except UserError as error:
        return Baseline(name, "?", (), 0, "?", str(error))
    return Baseline(
        name, str(index.get("model")), tuple(index.get("tasks", ())), int(index["cases"]), str(index["saved"]), problem
    )
