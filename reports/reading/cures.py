"""What to type against what is wrong with a stored run, also one that cannot be read (``commands``: of the others)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from harness.spec import RunSpec
from harness.store.parts import USE_NEWER
from harness.store.run_folder import RunFolder
from reports.reading.index import UNREADABLE

ROOT = "RUNS"
"""Stands for the folder of the runs, which a report does not name: it is passed on."""
UPGRADE = "git pull && make setup"
"""In the checkout that it is installed from: no registry has it."""


def cure_of(reason: str, path: str, suite: str = "", folder: RunFolder | None = None) -> str:
    """The command; "" where none helps. ``path``: of the run, from the folder of the runs on."""
    if reason.endswith(USE_NEWER):
        return UPGRADE
    for word in ("observe", "measure"):
        if f"{word} again" in reason or f"not {word}d" in reason:
            return f"ddtbench {word} {shlex.quote(f'{ROOT}/{path}')}"
    if any(words in reason for words in ("again", "damaged", "repeat the command", "changed")):
        return run_again(path, suite, folder)
    return ""


def run_again(path: str, suite: str = "", folder: RunFolder | None = None, *options: str) -> str:
    """The command that made a run: it goes on where that stopped, and asks nothing twice."""
    if suite:
        return " ".join(("ddtbench run", shlex.quote(suite), f"--out {ROOT}", *options))
    subject, _, rest = path.partition("/")
    stated = _request(folder)
    model, task = (str(stated.get(name, other)) for name, other in (("model", subject), ("task", rest.split("/")[0])))
    words = ["ddtbench run", shlex.quote(task), f"--model {shlex.quote(model)}"]
    words += [f"--as {shlex.quote(named)}"] if (named := _named(folder)) else []
    words += [f"--limit {stated['limit']}"] if isinstance(stated.get("limit"), int) else []
    words += _as_before(folder) if folder is not None else []
    return " ".join((*words, f"--out {ROOT}", *options))


def _as_before(folder: RunFolder) -> list[str]:
    """What of its spec is no default: else another run would be begun."""
    usual = {item.name: item.default for item in fields(RunSpec)}
    options = ("seed", "batch", "unit_size", "threads")
    mine = {name: getattr(folder.spec, name) for name in options if getattr(folder.spec, name) != usual[name]}
    return [f"--{name.replace('_', '-')} {value}" for name, value in mine.items()]


def _manifest(folder: RunFolder | None) -> Mapping[str, Any]:
    try:
        return folder.manifest() if folder is not None else {}
    except UNREADABLE:
        return {}


def _named(folder: RunFolder | None) -> str:
    """The name that the user gave: the run would be made in another folder without it."""
    named = _manifest(folder).get("shown")
    return named if isinstance(named, str) else ""


def _request(folder: RunFolder | None) -> Mapping[str, Any]:
    """What was asked for, as far as the run says so."""
    protocol = _manifest(folder).get("protocol")
    request = protocol.get("request") if isinstance(protocol, Mapping) else None
    return request if isinstance(request, Mapping) else {}
