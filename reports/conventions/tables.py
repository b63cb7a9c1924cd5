"""The runs of a folder, scored by the conventions that know their tasks: one table for each task."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from harness import catalog
from harness.conventions import Conventions, read_conventions
from harness.errors import UserError
from harness.isolation import tried
from reports.conventions.rescored import Rescored, rescore, scorable
from reports.reading.runs import Run, Stored, in_order
from reports.tables.table import twin_mark


@dataclass(frozen=True)
class ConventionsTable:
    """A task's runs (their labels and how many pictures each has) beside every convention; ``cells[run][way]``."""

    task: str
    known: Conventions
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    cells: tuple[tuple[Rescored, ...], ...]


@dataclass(frozen=True)
class Rescoring:
    """``left_out``: a line for each run that could not be scored."""

    tables: tuple[ConventionsTable, ...]
    left_out: tuple[str, ...]


def rescored_runs(stored: Stored, round_trip: str = "", limit: int | None = None) -> Rescoring:
    """Raises UserError where there is nothing to score, and for a round trip of nobody here."""
    lines = [f"not shown: {item.where}: {item.reason}" for item in stored.problems]
    tables: list[ConventionsTable] = []
    opened: dict[str, Any] = {}
    seen = False
    for entry in catalog.entries("conventions"):
        known = read_conventions(entry.name)
        runs = in_order(scorable(stored.runs, known))
        seen = seen or bool(runs)
        for task in dict.fromkeys(run.task for run in runs):
            table, failed = _table(task, [run for run in runs if run.task == task], known, round_trip, limit, opened)
            lines += failed
            if table.labels:
                tables.append(table)
    if not tables:
        tasks = sorted(
            {task for entry in catalog.entries("conventions") for task in read_conventions(entry.name).tasks}
        )
        cure = f"run one: ddtbench run {tasks[0]}@FOLDER --model MODEL" if tasks else "no package has conventions"
        raise UserError(lines[0] if seen and lines else f"no run here is of {' or '.join(tasks)}: {cure}")
    return Rescoring(tuple(tables), tuple(lines))


def _table(
    task: str, runs: list[Run], known: Conventions, round_trip: str, limit: int | None, opened: dict[str, Any]
) -> tuple[ConventionsTable, list[str]]:
    trip = _round_trip(runs, task, round_trip)
    labels, counts, cells, failed = [], [], [], []
    for run in runs:
        if run is trip:
            continue
        label = run.label + twin_mark(run, [other for other in runs if other.subject == run.subject])
        if run.results_only or not run.folder.parts():
            failed.append(f"{label} on {task}: its samples are not kept (results only), so run it again to score them")
            continue
        found, reason = tried(partial(rescore, run, known, round_trip=trip, limit=limit, opened=opened))
        if found is None:
            failed.append(f"{label} on {task}: {reason}")
            continue
        labels.append(label)
        total = max((item.scored for item in run.estimates if not item.stratum), default=run.asked)
        counts.append(min(total, limit or total))
        cells.append(tuple(found))
    return ConventionsTable(task, known, tuple(labels), tuple(counts), tuple(cells)), failed


def _round_trip(runs: list[Run], task: str, name: str) -> Run | None:
    """The autoencoder's run of this task. Raises UserError where there is none, or its samples are not kept."""
    if not name:
        return None
    found = next((run for run in runs if name in (run.subject, run.request[0])), None)
    if found is None:
        known = ", ".join(dict.fromkeys(run.subject for run in runs))
        raise UserError(f"no run of '{name}' on {task} here: the round trip is one of {known}")
    if found.results_only:
        raise UserError(f"the samples of {name} on {task} are not kept: run it again")
    return found
