"""Runs of which a report has no numbers: what is wrong with each, and what to type against it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from reports.reading.cures import cure_of, run_again
from reports.reading.runs import Run, Stored


@dataclass(frozen=True)
class Broken:
    """``where``: the run or its file, from the folder of the runs on. ``cure``: a command, or ""."""

    where: str
    what: str
    cure: str


def broken_of(stored: Stored) -> list[Broken]:
    """What could not be read or does not hold, then runs that were never finished or measured, or failed whole."""
    unread = [Broken(item.where, item.reason, item.cure) for item in stored.problems]
    empty = (_empty(run, stored.suite) for run in stored.runs)
    return unread + [item for item in empty if item is not None]


def _empty(run: Run, suite: str) -> Broken | None:
    path = f"{run.spec['model']}/{run.task}/{run.key}"
    if not run.measures:
        if not run.asked:
            return Broken(path, "has no samples: it was never finished", run_again(path, suite, run.folder))
        what = f"was not measured: it holds {run.asked:,} samples"
        finished = bool(run.asked_for)
        cure = cure_of(what, path) if finished else run_again(path, suite, run.folder)
        return Broken(path, what if finished else f"was never finished: it holds {run.asked:,} samples", cure)
    scored = max((item.scored for item in run.estimates if not item.stratum), default=0)
    if scored or not run.failures:
        return None
    reason, count = Counter(item.reason or "no reason given" for item in run.failures).most_common(1)[0]
    what = f"failed on all of its {run.asked:,} cases, {count:,} times with: {reason}"
    return Broken(path, what, run_again(path, suite, run.folder, "--retry-failed"))
