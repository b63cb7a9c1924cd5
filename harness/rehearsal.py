"""The dry run: what a suite would do, what of it is stored already, what is missing, and how long the rest takes.

The time comes from one batch per run, asked and observed twice (the second is timed); nothing is written.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from harness import catalog
from harness.contracts import Case, ComputesUnits
from harness.environment import limited_threads
from harness.errors import UserError
from harness.plan import PlannedRun, plan_run, require_same_cases, resolve_device, with_seeds
from harness.progress import duration
from harness.spec import RunRequest, SuiteSpec


@dataclass(frozen=True)
class Rehearsed:
    """One run: how many cases it has, how many of them are stored, and the seconds that the others take.

    ``problem`` says why it cannot start; the numbers are 0 then. What another program asks is not ``timed``.
    """

    request: RunRequest
    cases: int = 0
    stored: int = 0
    seconds: float = 0.0
    problem: str = ""
    timed: bool = True


@dataclass(frozen=True)
class Rehearsal:
    """All runs of a suite, rehearsed."""

    suite: SuiteSpec
    runs: tuple[Rehearsed, ...]
    workers: int

    @property
    def problems(self) -> tuple[Rehearsed, ...]:
        """The runs that cannot start."""
        return tuple(run for run in self.runs if run.problem)

    def require_all(self) -> None:
        """Raise UserError if a run cannot start."""
        if self.problems:
            first = self.problems[0]
            raise UserError(
                f"{len(self.problems)} of {len(self.runs)} runs cannot start; {_title(first)}: {first.problem}"
            )

    @property
    def seconds(self) -> float:
        """What is left to do, shared by the workers."""
        return sum(run.seconds for run in self.runs) / self.workers

    def __str__(self) -> str:
        width = max(len(_title(run)) for run in self.runs)
        lines = [f"{self.suite.name}: {len(self.runs)} runs", f"{'':{width}}   cases  stored   to do  time"]
        for run in self.runs:
            if run.problem:
                lines.append(f"{_title(run):{width}}  cannot start: {run.problem}")
                continue
            left = run.cases - run.stored
            took = "done" if not left else f"about {duration(run.seconds)}" if run.timed else "time unknown"
            lines.append(f"{_title(run):{width}}  {run.cases:6d}  {run.stored:6d}  {left:6d}  {took}")
        share = f" with {self.workers} workers" if self.workers > 1 else ""
        lines.append(f"in all about {duration(self.seconds)}{share}; nothing was written")
        return "\n".join(lines)


def _title(run: Rehearsed) -> str:
    return f"{run.request.model} on {run.request.task}"


def dry_run(suite: SuiteSpec, out: str = "runs", *, device: str = "auto", workers: int | None = 1) -> Rehearsal:
    """Rehearse every run of the suite. A run that cannot start is listed with the reason; the others go on."""
    rehearsed: dict[RunRequest, Rehearsed] = {}
    planned: list[PlannedRun] = []
    device = resolve_device(device)
    with limited_threads(suite.threads):
        for request in sorted(suite.runs, key=lambda request: suite.models.index(request.model)):
            try:
                item = plan_run(suite, request, device)
                rehearsed[request] = _rehearse(item, with_seeds(suite, item), out, device)
                planned.append(item)
            except UserError as error:
                rehearsed[request] = Rehearsed(request, problem=str(error))
    require_same_cases(planned)
    from harness.engines.local import Crew

    hands = Crew(workers, suite.threads, device).count
    return Rehearsal(suite, tuple(rehearsed[request] for request in suite.runs), hands)


def _rehearse(item: PlannedRun, seeded: Sequence[PlannedRun], out: str, device: str) -> Rehearsed:
    """The run with all of its seeds, of which one is timed."""
    cases = item.cases
    stored = [min(len(cases), _stored_cases(one, out)) for one in seeded]
    left = [len(cases) - count for count in stored]
    total = len(cases) * len(seeded)
    if isinstance(item.task, ComputesUnits):
        return Rehearsed(item.request, total, sum(stored), timed=False)
    batches = sum(math.ceil(count / item.spec.batch) for count in left)
    seconds = batches * _seconds_of_a_batch(item, cases, device) if batches else 0.0
    return Rehearsed(item.request, total, sum(stored), seconds)


def _stored_cases(item: PlannedRun, out: str) -> int:
    from harness.store.files import Folder
    from harness.store.run_folder import RunFolder

    place = f"{Folder(out).url}/{item.spec.model}/{item.spec.task}/{item.spec.key()}"
    if not Folder(place).exists("spec.json"):
        return 0
    folder = RunFolder.open(place)
    tables = {part.unit: table for part in folder.parts() if (table := folder.read(part)) is not None}
    return sum(table.num_rows for table in tables.values())


def _seconds_of_a_batch(item: PlannedRun, cases: Sequence[Case], device: str) -> float:
    """Seconds to ask and to observe the first batch."""
    from harness.jobs import Unit
    from harness.store.parts import read_part, samples_of
    from harness.units import AskingJob, make_unit

    job = AskingJob(item.spec, item.task, item.open_subject, "dry-run")
    subject = item.open_subject()
    unit = Unit("00000", tuple(cases[: item.spec.batch]))
    instruments = [catalog.make("instrument", name, device) for name in item.task.instruments]
    usable = [instrument for instrument in instruments if not instrument.unavailable()]
    elapsed = 0.0
    for _ in range(2):  # the first warms up: kernels are picked and files are read then
        start = time.perf_counter()
        part = make_unit(job, subject, unit, lambda done, failed: None)
        samples = [sample for sample in samples_of(read_part(part, "dry-run")) if sample.outcome == "ok"]
        if samples:
            for instrument in usable:
                instrument.observe(samples)
        elapsed = time.perf_counter() - start
    return elapsed
