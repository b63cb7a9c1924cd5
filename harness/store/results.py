"""What a suite has stored: the index of its runs, and estimates as one frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.contracts import Estimate
from harness.errors import UserError
from harness.places import without_folders
from harness.spec import is_path_safe
from harness.store.files import Folder

if TYPE_CHECKING:
    import pandas as pd

    from harness.plan import PlannedRun

INDEX_SCHEMA = 1


def write_index(
    root: str, suite: str, runs: Iterable[PlannedRun], case_sets: Iterable[str], left_out: Sequence[str] = ()
) -> None:
    """``suites/<suite>.json``: these runs of the suite, each with the case set it measured, beside those it had before,
    and what the machine could not do of it this time.

    A run that is asked again, or whose model, task or data are of another version now, stands for the one before; one
    whose folder is gone is no member any more.
    """
    rows = {
        _member(
            row := {
                "model": without_folders(run.request.model),
                "task": without_folders(run.request.task),
                "limit": run.request.limit,
                "seed": run.spec.seed,
                "key": run.spec.key(),
                "path": f"{run.spec.model}/{run.spec.task}/{run.spec.key()}",
                "cases": cases,
            }
        ): row
        for run, cases in zip(runs, case_sets, strict=True)
    }
    try:
        before = {_member(row): row for row in read_index(root, suite)}
    except UserError:  # none yet, or a damaged one, which this replaces
        before = {}
    there = {member: row for member, row in before.items() if Folder(root).exists(f"{row['path']}/spec.json")}
    content = {"schema": INDEX_SCHEMA, "suite": suite, "runs": list({**there, **rows}.values())}
    if left_out:
        content["left_out"] = [*left_out]
    Folder(root).write_json(f"suites/{suite}.json", content)


def _member(row: Mapping[str, Any]) -> tuple[str, int]:
    """What makes a run a member of a suite beside others: SUBJECT/TASK and the seed, of whatever key."""
    return str(row["path"]).rpartition("/")[0], int(row.get("seed", 0))


def read_left_out(root: str, suite: str) -> tuple[str, ...]:
    """What the suite left out when it was run last, and why; nothing where it was whole."""
    found = Folder(root).read_json(f"suites/{suite}.json").get("left_out")
    return tuple(map(str, found)) if isinstance(found, list) else ()


def read_index(root: str, suite: str) -> list[Mapping[str, Any]]:
    """The rows of a suite's index. Raises UserError if the suite was not run here or a newer version wrote it."""
    if not is_path_safe(suite):
        raise UserError(f"a suite's name must be safe in a path, and '{suite}' is not")
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
        raise UserError(f"{root}/suites/{suite}.json is damaged: run the suite again; nothing is asked twice")
    for row in rows:
        if not _is_place(row["path"]):
            raise UserError(
                f"{root}/suites/{suite}.json names {str(row['path'])[:80]!r}, which is not a SUBJECT/TASK/KEY in this "
                "folder: run the suite again; nothing is asked twice"
            )
    return rows


def _is_place(path: object) -> bool:
    """Whether this leads to a run below the root and nowhere else."""
    return isinstance(path, str) and path.count("/") == 2 and all(map(is_path_safe, path.split("/")))


def frame_of(measured: Sequence[tuple[Mapping[str, Any], Sequence[Estimate]]]) -> pd.DataFrame:
    """One row per estimate, with the model, task and key of its run before the fields of the estimate."""
    import pandas as pd

    rows = [{**run, **asdict(estimate)} for run, estimates in measured for estimate in estimates]
    return pd.DataFrame(rows)
