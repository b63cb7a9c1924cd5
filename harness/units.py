"""Units of work: contiguous slices of the cases, each always computed whole and in the same batches.

A batch has exactly ``spec.batch`` slots. Slots without a case (after the last one, or where the input could not be
loaded) repeat another case of the batch, so that the shapes a subject sees never vary with the limit or with what
failed. A batch that raises is asked again case by case, each repeated to the full batch, so that only the guilty case
fails.

The seed of a case depends on the run's seed and the case's id, and on neither model nor batch: two models compared on
a case get the same draws on purpose, since paired noise makes their difference more precise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.contracts import Case, Sample, Task
from harness.engines.rescue import rescue
from harness.environment import limit_threads
from harness.isolation import attempt
from harness.jobs import Begin, Row, Search, Tick, Trial, Unit, unwatched
from harness.records import take_records, with_records
from harness.seeding import seed_for
from harness.spec import RunSpec
from harness.store.contents import SAMPLES
from harness.store.parts import encode_samples, failed_row, sample_row
from harness.store.summary import Stored, store_part


@dataclass(frozen=True)
class AskingJob:
    """Asking a subject the cases of a task (``Job``). ``place``: the run folder, for workers that store what they
    make."""

    spec: RunSpec
    task: Task
    open_subject: Callable[[], Any]
    environment: str
    place: str = ""

    def metadata(self, unit: Unit) -> dict[str, str]:
        """What is stored in the part of this unit."""
        return {
            "key": self.spec.key(),
            "environment": self.environment,
            "unit": unit.name,
            "rows": str(len(unit.cases)),
        }

    @property
    def threads(self) -> int:
        return self.spec.threads

    @property
    def key(self) -> str:
        return self.spec.key()

    @property
    def model(self) -> str:
        return self.spec.model

    @property
    def opens(self) -> str:
        return f"ask {self.spec.model} anything"

    @property
    def warm(self) -> int:
        return 0

    def doing(self, unit: Unit) -> str:
        return f"unit {self.spec.key()}/{unit.name}"

    def open(self) -> Any:
        return self.open_subject()

    def make(self, opened: Any, unit: Unit, tick: Tick, begin: Begin) -> bytes:
        return make_unit(self, opened, unit, tick, begin)

    def stored(self, unit: Unit, data: bytes) -> Stored:
        return store_part(f"{self.place}/{SAMPLES}", unit.name, data)

    def wanted(self, unit: Unit) -> bool:
        return True

    def search(self, unit: Unit, cause: str) -> Search:
        return rescue(unit, self.spec.batch)

    def rows(self, opened: Any, trial: Trial, begin: Begin) -> list[Row]:
        return make_batch(self, opened, trial.cases, trial.dead, begin)

    def encode(self, unit: Unit, rows: Sequence[Row]) -> bytes:
        return encode_samples(rows, self.metadata(unit))

    def probe(self, opened: Any) -> Mapping[str, Any]:
        return dict(self.task.probe(opened))


def unit_name(index: int) -> str:
    """The name of the unit with this number; names sort as numbers."""
    return f"{index:05d}"


def split(cases: Sequence[Case], unit_size: int) -> list[Unit]:
    """The units of these cases, the last one possibly short."""
    starts = range(0, len(cases), unit_size)
    return [Unit(unit_name(index), tuple(cases[start : start + unit_size])) for index, start in enumerate(starts)]


def make_unit(job: AskingJob, subject: Any, unit: Unit, tick: Tick, begin: Begin = unwatched) -> bytes:
    """Ask the subject for a unit: the bytes of its part."""
    return encode_samples(list(_rows(job, subject, unit, tick, begin)), job.metadata(unit))


def _rows(job: AskingJob, subject: Any, unit: Unit, tick: Tick, begin: Begin) -> Iterator[Row]:
    for start in range(0, len(unit.cases), job.spec.batch):
        rows = make_batch(job, subject, unit.cases[start : start + job.spec.batch], {}, begin)
        tick(len(rows), sum(row["outcome"] == "failed" for row in rows))
        yield from rows


def make_batch(
    job: AskingJob, subject: Any, cases: Sequence[Case], dead: Mapping[str, str], begin: Begin = unwatched
) -> list[Row]:
    """The rows of one batch. Cases in ``dead`` (id -> reason) are neither loaded nor asked: they fail for that
    reason."""
    limit_threads(job.spec.threads)
    begin()
    loaded = [(None, dead[case.id]) if case.id in dead else attempt(partial(job.task.load, case)) for case in cases]
    usable = [index for index, (_, reason) in enumerate(loaded) if not reason]
    rows: dict[int, Row] = {
        index: failed_row(cases[index], reason) for index, (_, reason) in enumerate(loaded) if reason
    }
    if usable:
        ask = partial(_ask, job, subject, cases, loaded, begin)
        # A slot whose input failed is filled by the first usable case; the others keep their place.
        slots = [index if index in usable else usable[0] for index in range(len(cases))]
        samples, reason = attempt(partial(ask, slots))
        for index in usable:
            if samples is None and len(usable) > 1:
                alone, why = attempt(partial(ask, [index]))
                rows[index] = failed_row(cases[index], why) if alone is None else _row(alone[0])
            elif samples is None:
                rows[index] = failed_row(cases[index], reason)
            else:
                rows[index] = _row(samples[index])
    return [rows[index] for index in range(len(cases))]


def _ask(
    job: AskingJob,
    subject: Any,
    cases: Sequence[Case],
    loaded: Sequence[tuple[Any, str]],
    begin: Begin,
    slots: Sequence[int],
) -> list[Sample]:
    """One call of ``Task.ask`` on a full batch: the samples of the slots, in their order."""
    begin()
    padded = [*slots, *[slots[-1]] * (job.spec.batch - len(slots))]
    asked = [cases[index] for index in padded]
    seeds = [seed_for(job.spec.seed, case.id, "sample") for case in asked]
    take_records(subject)  # of what was asked before and failed
    samples = list(job.task.ask(subject, asked, [loaded[index][0] for index in padded], seeds))
    if [sample.case.id for sample in samples] != [case.id for case in asked]:
        raise ValueError(f"{job.task.name} must return one sample per case, in their order")
    return with_records(samples, take_records(subject))[: len(slots)]


def _row(sample: Sample) -> Row:
    row, reason = attempt(partial(sample_row, sample))
    return failed_row(sample.case, reason) if row is None else row
