"""The seam to stored runs: hands out frozen values. Only this, ``read_run`` and ``stored_samples`` open run folders.

What cannot be read or does not hold (a changed file, a part of another run, one that is missing) is a ``Problem`` with
its reason, shown on the page and in the terminal. It never hides the other runs, and its numbers stand in no table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.contracts import ShownTask
from harness.store.files import Folder
from harness.store.parts import USE_NEWER
from harness.store.results import read_index, read_left_out
from harness.store.run_folder import RunFolder, run_paths
from reports.reading.cures import cure_of
from reports.reading.run import CaseScores, Measure, Run, read_run, reason_of
from reports.reading.samples import UNREADABLE

__all__ = ["CaseScores", "Measure", "Problem", "Run", "Stored", "in_order", "read_stored"]


@dataclass(frozen=True)
class Problem:
    """Something under the root that could not be read. ``cure``: what to type ("": nothing is known)."""

    where: str
    reason: str
    cure: str = ""

    @property
    def newer(self) -> bool:
        """Whether a newer version wrote it."""
        return self.reason.endswith(USE_NEWER)


@dataclass(frozen=True)
class Stored:
    """All that a report is made of."""

    runs: tuple[Run, ...]
    problems: tuple[Problem, ...] = ()
    suite: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.task for run in self.runs))

    def shown(self, task: str) -> ShownTask:
        """How a task is shown, by the first of its runs that says so."""
        said = (run.shown_task for run in self.of_task(task) if run.shown_task.title)
        return next(said, ShownTask())

    def of_task(self, task: str) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.task == task)


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Models in the order that they state, then others by name, then controls."""
    return sorted(runs, key=lambda run: (run.control, run.shown_model.order, run.subject, run.key))


def read_stored(runs_root: str, suite: str | None = None) -> Stored:
    """Every run under the root, or those of one suite, in a fixed order. An empty or missing root has none.

    Raises UserError for a suite that was not run here.
    """
    top = Folder(runs_root)
    index = {str(row["path"]): row for row in read_index(runs_root, suite)} if suite else {}
    runs: list[Run] = []
    problems = [] if suite else _broken_links(top)
    seen: dict[tuple[str, str, str], str] = {}
    for path in sorted(index) if suite else run_paths(runs_root):
        folder = None
        try:
            folder = RunFolder.open(f"{top.url}/{path}".rstrip("/"))
            run, troubles = read_run(folder, index.get(path, {}))
        except UNREADABLE as error:
            run, troubles = None, [("", reason_of(error, top.url))]
        problems += [
            Problem(f"{path}/{name}".strip("/"), reason, cure_of(reason, path, suite or "", folder))
            for name, reason in troubles
        ]
        if run is None:
            continue
        first = seen.setdefault(_place(run), path)
        if first != path:
            problems.append(Problem(path, f"is the same run as {first}: shown once"))
            continue
        runs.append(run)
    shared = [
        _with_case_set(run, str(index.get(seen[_place(run)], {}).get("cases", "")))
        for run in share_case_sets(_apart(runs))
    ]
    return Stored(tuple(shared), tuple(problems), suite or "", read_left_out(runs_root, suite) if suite else ())


def _broken_links(top: Folder) -> list[Problem]:
    """Links in place of a subject, a task or a run that lead nowhere: a run may have been meant."""
    subjects = top.names(folders=True)
    places = [
        "",
        *subjects,
        *(f"{subject}/{task}" for subject in subjects for task in top.names(subject, folders=True)),
    ]
    return [
        Problem(f"{place}/{name}".strip("/"), "is a link that leads nowhere")
        for place in places
        for name in top.broken_links(place)
    ]


def _place(run: Run) -> tuple[str, str, str]:
    return str(run.spec["model"]), run.task, run.key


def _apart(runs: Sequence[Run]) -> list[Run]:
    """Two models that were given one name are told apart by what their folders are called."""
    holders: dict[str, set[str]] = {}
    for run in runs:
        holders.setdefault(run.subject, set()).add(str(run.spec["model"]))
    return [
        replace(run, subject=f"{run.subject} ({run.spec['model']})", named=True)
        if len(holders[run.subject]) > 1
        else run
        for run in runs
    ]


def share_case_sets(runs: Sequence[Run]) -> list[Run]:
    """For each task show the set of cases that most runs have measured (the largest of those): rows are comparable."""
    chosen: list[Run] = []
    for run in runs:
        peers = [other for other in runs if other.task == run.task]
        holders = {
            item.digest: sum(any(item.digest == measure.digest for measure in peer.measures) for peer in peers)
            for item in run.measures
        }
        best = max(run.measures, key=lambda item: (holders[item.digest], item.size, item.digest), default=None)
        chosen.append(run if best is run.measure else replace(run, measure=best))
    return chosen


def _with_case_set(run: Run, digest: str) -> Run:
    """The run on the cases that its suite asked for last, if they were measured; else as it is."""
    asked = next((measure for measure in run.measures if measure.digest == digest), run.measure)
    return run if asked is run.measure else replace(run, measure=asked)
