"""What a suite has stored: the index of its runs, and estimates as one frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.contracts import Estimate
from harness.errors import UserError
from harness.files import Folder

if TYPE_CHECKING:
    import pandas as pd

    from harness.plan import PlannedRun

INDEX_SCHEMA = 1


def write_index(root: str, suite: str, runs: Iterable[PlannedRun], case_sets: Iterable[str]) -> None:
    """``suites/<suite>.json``: the runs of the suite as it was asked for last, each with the case set it measured."""
    rows = [
        {
            "model": run.request.model,
            "task": run.request.task,
            "limit": run.request.limit,
            "key": run.spec.key(),
            "path": f"{run.spec.model}/{run.spec.task}/{run.spec.key()}",
            "cases": cases,
        }
        for run, cases in zip(runs, case_sets, strict=True)
    ]
    Folder(root).write_json(f"suites/{suite}.json", {"schema": INDEX_SCHEMA, "suite": suite, "runs": rows})


def read_index(root: str, suite: str) -> list[Mapping[str, Any]]:
    """The rows of a suite's index. Raises UserError if the suite was not run here or a newer version wrote it."""
    content = Folder(root).read_json(f"suites/{suite}.json")
    if not content:
        known = ", ".join(name.removesuffix(".json") for name in Folder(root).names("suites"))
        raise UserError(f"suite '{suite}' was not run in {root}" + (f"; known there: {known}" if known else ""))
    if content.get("schema") != INDEX_SCHEMA:
        raise UserError(
            f"{root}/suites/{suite}.json has schema {content.get('schema')}, this version reads {INDEX_SCHEMA}"
        )
    rows = content.get("runs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "path" in row for row in rows):
        raise UserError(f"{root}/suites/{suite}.json is damaged: run the suite again, it asks nothing twice")
    return rows


def frame_of(measured: Sequence[tuple[Mapping[str, Any], Sequence[Estimate]]]) -> pd.DataFrame:
    """One row per estimate, with the model, task and key of its run before the fields of the estimate."""
    import pandas as pd

    rows = [{**run, **asdict(estimate)} for run, estimates in measured for estimate in estimates]
    return pd.DataFrame(rows)
