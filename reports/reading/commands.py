"""The command that made a stored run, from what the run says it was asked for and from its spec."""

from __future__ import annotations

import shlex

from harness.places import ELSEWHERE
from reports.reading.run import Run

PLACE = "RUNS"
"""Stands for the folder of runs, which a report does not name."""
DTYPE = "float32"
"""The only one that the command line asks for."""


def command_of(run: Run) -> tuple[str, str]:
    """(the command that made the run and resumes it, what has to be known of it); either may be ''."""
    model, task = run.asked_for.get("model"), run.asked_for.get("task")
    if not isinstance(model, str) or not isinstance(task, str) or not model or not task:
        return "", "The run does not say how it was asked for: it was stored before runs did, or never finished."
    if run.spec.get("dtype") != DTYPE:
        return "", f"It was asked for from Python: the command line has no option for dtype {run.spec.get('dtype')}."
    words = ["ddtbench", "run", task, "-m", model]
    words += ["--as", run.subject] if run.named else []
    limit = run.asked_for.get("limit")
    words += ["--limit", str(limit)] if isinstance(limit, int) and not isinstance(limit, bool) else []
    for option, name in (("seed", "seed"), ("batch", "batch"), ("unit-size", "unit_size"), ("threads", "threads")):
        words += [f"--{option}", str(run.spec[name])]
    words += ["--device", "cpu"] if _on_cpu(run) else []
    words += ["--mixed-environment"] if run.measure and run.measure.mixed else []
    return shlex.join([*words, "--out", PLACE]), _remark(model, task)


def _remark(model: str, task: str) -> str:
    if any(f"{sign}{ELSEWHERE}/" in name for name in (model, task) for sign in "@:=,"):
        return f"'{ELSEWHERE}' stands for a folder of the machine that made it, which no report names."
    return ""


def _on_cpu(run: Run) -> bool:
    """Whether every environment that it was made in computed on the CPU, so that a GPU of now must not."""
    known = run.environment.get("environments")
    devices = [item.get("device") for item in known.values()] if isinstance(known, dict) else []
    return bool(devices) and all(isinstance(device, str) and device.split()[:1] == ["cpu"] for device in devices)
