"""Runs of one or several folders, for what decides from them: what cannot be decided on is refused in one line."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import UserError
from harness.store.files import Folder
from reports.reading.runs import Problem, Run, Stored, read_stored, share_case_sets


def read_together(roots: Sequence[str], suite: str | None = None) -> Stored:
    """The runs of all these folders, each once, and what of them cannot be read.

    Raises UserError for a folder that is not there, one without runs that can be read, and for runs of which some were
    written by a newer version: numbers of two schemas are not set side by side.
    """
    if not roots:
        raise UserError("no folder of runs: name the one that 'ddtbench run' wrote to")
    runs: dict[tuple[str, str, str], Run] = {}
    problems: list[Problem] = []
    left_out: list[str] = []
    for root in roots:
        if not Folder(root).exists():
            raise UserError(f"there is no folder {root}: name the one that 'ddtbench run' wrote to")
        stored = read_stored(root, suite)
        where = f"{root.rstrip('/')}/" if len(roots) > 1 else ""
        problems += [Problem(f"{where}{item.where}", item.reason) for item in stored.problems]
        problems += _joined(runs, stored.runs, where)
        left_out += stored.left_out
    if (newer := next((item for item in problems if item.newer), None)) is not None:
        raise UserError(f"runs of different schemas: {newer.where}: {newer.reason}")
    read = list(runs.values())
    usable = tuple(run for run in (share_case_sets(read) if len(roots) > 1 else read) if run.estimates)
    if not usable:
        raise UserError(_why_none(roots, read, problems))
    unmeasured = ("/".join((str(run.spec["model"]), run.task, run.key)) for run in read if not run.estimates)
    problems += [Problem(place, "was not measured: 'ddtbench measure' does it") for place in unmeasured]
    return Stored(usable, tuple(problems), suite or "", tuple(left_out))


def _joined(runs: dict[tuple[str, str, str], Run], more: Sequence[Run], where: str) -> list[Problem]:
    """Adds to ``runs`` those that it lacks; of one that two folders hold, that of more cases."""
    problems = []
    for run in more:
        place = str(run.spec["model"]), run.task, run.key
        if place in runs:
            why = "is the same run as one in another folder: the one of more cases is taken"
            problems.append(Problem(f"{where}{'/'.join(place)}", why))
        if place not in runs or _size(run) > _size(runs[place]):
            runs[place] = run
    return problems


def _why_none(roots: Sequence[str], read: Sequence[Run], problems: Sequence[Problem]) -> str:
    named = " and ".join(roots)
    if problems:
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        return f"no run in {named} can be used: {problems[0].where}: {problems[0].reason}{more}: run it again"
    if read:
        return f"no run in {named} is measured: 'ddtbench measure {roots[0]}' does it"
    return f"no runs in {named}: 'ddtbench run SUITE --out {roots[0]}' makes some"


def _size(run: Run) -> int:
    return run.measure.size if run.measure else 0
