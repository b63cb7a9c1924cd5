"""Where numbers come from: failed cases, protocols and environments, each different one once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.contracts import Estimate
from harness.places import without_folders_anywhere
from reports.comparing.protocols import CASES, VERSION, protocol_of
from reports.reading.runs import Run

FAILURES_SHOWN = 200
ENVIRONMENT_HIDDEN = ("schema", "environment", "host", "started", "finished")
SPEC_WORDS = {
    "model": "model",
    "model_version": "version of the model's code",
    "checkpoint": "checkpoint (SHA-256 of the weights)",
    "task": "task",
    "task_version": "version of the task",
    "data_revision": "revision of the data",
    "seed": "seed of every draw",
    "dtype": "dtype",
    "batch": "cases asked at once",
    "unit_size": "cases stored in one file",
    "threads": "threads",
}
"""Keys of a run's spec in words, in the order in which they are told; settings follow, each by its own name."""
Pairs = tuple[tuple[str, str], ...]


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
                    "items": [(_key(key), _words(value)) for key, value in protocol.items()],
                    "metrics": {},
                    "methods": {},
                },
            )
            entry["metrics"][estimate.metric] = None
            entry["methods"][estimate.method] = None
    return list(found.values())


def protocol_pairs(run: Run, estimate: Estimate) -> Pairs:
    """Every key of the fingerprint in words, the version of the metric and the set of cases."""
    digest = run.measure.digest if run.measure else ""
    stated = {**estimate.fingerprint, VERSION: estimate.version, CASES: digest}
    return tuple((_key(key), _words(without_folders_anywhere(value))) for key, value in stated.items())


def run_pairs(run: Run) -> Pairs:
    """What was run: its spec, where it lies under its folder of runs, and how it is kept."""
    spec = without_folders_anywhere(dict(run.spec))
    settings = spec.get("settings")
    stated = {words: spec.get(key) for key, words in SPEC_WORDS.items()}
    stated |= {f"setting: {_key(key)}": value for key, value in settings.items()} if settings else {}
    stated["run folder"] = f"{run.spec.get('model')}/{run.task}/{run.key}"
    if run.results_only:
        stated["kept"] = "results only: its samples are not kept"
    elif run.measure and not run.measure.sealed:
        stated["kept"] = "unsealed: measured before results carried digests"
    return tuple((key, _words(value)) for key, value in stated.items() if value not in ("", None))


def environment_pairs(run: Run) -> Pairs:
    """What it was made in, without host and time."""
    return tuple(_flat(run.environment).items())


def _key(name: object) -> str:
    return str(name).replace("_", " ")


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
        return ", ".join(f"{_key(key)} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return str(value)
