"""Where numbers come from: failed cases, protocols and environments, each different one once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reports.comparing.protocols import protocol_of
from reports.reading.runs import Run

FAILURES_SHOWN = 200
ENVIRONMENT_HIDDEN = ("schema", "environment", "host", "started", "finished")


def failures_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Failed cases by run, the first 200 of each by name."""
    return [
        {"run": run, "shown": run.failures[:FAILURES_SHOWN], "more": max(0, len(run.failures) - FAILURES_SHOWN)}
        for run in runs
        if run.failures
    ]


def protocols_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Each different protocol once, with the numbers that were made under it."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        for estimate in run.estimates:
            if estimate.stratum or estimate.value is None:
                continue
            protocol = protocol_of(run, estimate)
            entry = found.setdefault(
                json.dumps([run.task, protocol], sort_keys=True, default=str),
                {
                    "task": run.task,
                    "items": [(key, _words(value)) for key, value in protocol.items()],
                    "metrics": {},
                    "methods": {},
                },
            )
            entry["metrics"][estimate.metric] = None
            entry["methods"][estimate.method] = None
    return list(found.values())


def environments_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Each different environment once, with the runs made in it; no host and no time."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        kept = _flat(run.environment)
        entry = found.setdefault(json.dumps(kept, default=str), {"items": list(kept.items()), "runs": []})
        entry["runs"].append(run)
    return [entry for entry in found.values() if entry["items"]]


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """name -> value over every environment a run was made in, without what says nothing about its numbers."""
    several, runs = environment.get("environments"), environment.get("runs")
    parts = list(several.values()) if isinstance(several, Mapping) else []
    parts += runs if isinstance(runs, list) else []
    found: dict[str, dict[str, None]] = {}
    for part in parts or [environment]:
        for name, value in part.items() if isinstance(part, Mapping) else ():
            if name not in ENVIRONMENT_HIDDEN:
                found.setdefault(str(name), {})[_words(value)] = None
    return {name: "; ".join(values) for name, values in found.items()}


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return str(value)
