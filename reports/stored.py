"""The runs that a user names, or one line that says why there are none."""

from __future__ import annotations

from harness.errors import UserError
from harness.store.files import Folder
from reports.reading.runs import Stored, read_stored


def stored_runs(runs: str) -> Stored:
    """Every run under ``runs``. Raises UserError where there is no such folder, or no run in it that can be read."""
    if not Folder(runs).names(folders=True):
        raise UserError(f"no runs in '{runs}': name the folder that 'ddtbench run ... --out FOLDER' wrote")
    found = read_stored(runs)
    if found.runs:
        return found
    if found.problems:
        first = found.problems[0]
        raise UserError(f"no run in '{runs}' can be read; the first, {first.where}: {first.reason}")
    raise UserError(f"no runs in '{runs}': name the folder that 'ddtbench run ... --out FOLDER' wrote")
