"""What must be equal for two numbers to be set side by side, and how it is said where it is not."""

from __future__ import annotations

from typing import Any

from harness.contracts import Estimate
from reports.reading.runs import Run

OF_THE_SUBJECT = ("weights",)
"""What a fingerprint says of the model itself: which weights of a file that holds several."""
VERSION, CASES = "version of the metric", "set of cases"


def protocol_of(run: Run, estimate: Estimate) -> dict[str, Any]:
    """Everything that must be equal for two numbers to be ranked."""
    digest = run.measure.digest if run.measure else ""
    shared = {key: value for key, value in estimate.fingerprint.items() if key not in OF_THE_SUBJECT}
    return {**shared, VERSION: estimate.version, CASES: digest}


def what_differs(first: Run, second: Run, one: Estimate, two: Estimate) -> str:
    """Which parts of the protocols of two estimates differ, the sets of cases apart; "" for none."""
    ours, theirs = protocol_of(first, one), protocol_of(second, two)
    names = [name for name in sorted({*ours, *theirs}) if name != CASES]
    parts = [(name, ours.get(name, "not stated"), theirs.get(name, "not stated")) for name in names]
    versions = [run.spec.get("task_version") for run in (first, second)]
    parts.append(("version of the task", versions[0], versions[1]))
    said = [f"{name} is {_short(mine)} or {_short(other)}" for name, mine, other in parts if mine != other]
    return "; ".join(said)


def _short(value: Any, room: int = 80) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= room else text[: room - 1] + "\N{HORIZONTAL ELLIPSIS}"
