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
from harness.environment import limit_threads
from harness.isolation import attempt
from harness.seeding import seed_for
from harness.spec import RunSpec
from harness.store.parts import encode_samples, failed_row, sample_row

Row = dict[str, Any]
Tick = Callable[[int, int], None]
"""Called with how many cases were just finished and how many of them failed."""
Begin = Callable[[], None]
"""Called before each question to the subject, so that who watches can tell when no answer comes."""


def unwatched() -> None:
    """Where nobody watches."""


@dataclass(frozen=True)
class Unit:
    """A slice of the cases, named by its number: ``00000``, ``00001`` ..."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Job:
    """What an engine needs besides the units. With more than one worker it is pickled, and so must its members be."""

    spec: RunSpec
    task: Task
    open_subject: Callable[[], Any]
    environment: str

    def metadata(self, unit: Unit) -> dict[str, str]:
        """What is stored in the part of this unit."""
        return {
            "key": self.spec.key(),
            "environment": self.environment,
            "unit": unit.name,
            "rows": str(len(unit.cases)),
        }


def unit_name(index: int) -> str:
    """The name of the unit with this number; names sort as numbers."""
    return f"{index:05d}"


def split(cases: Sequence[Case], unit_size: int) -> list[Unit]:
    """The units of these cases, the last one possibly short."""
    starts = range(0, len(cases), unit_size)
    return [Unit(unit_name(index), tuple(cases[start : start + unit_size])) for index, start in enumerate(starts)]


def make_unit(job: Job, subject: Any, unit: Unit, tick: Tick, begin: Begin = unwatched) -> bytes:
    """Ask the subject for a unit: the bytes of its part."""
    return encode_samples(list(_rows(job, subject, unit, tick, begin)), job.metadata(unit))


def _rows(job: Job, subject: Any, unit: Unit, tick: Tick, begin: Begin) -> Iterator[Row]:
    for start in range(0, len(unit.cases), job.spec.batch):
        rows = make_batch(job, subject, unit.cases[start : start + job.spec.batch], {}, begin)
        tick(len(rows), sum(row["outcome"] == "failed" for row in rows))
        yield from rows


def make_batch(
    job: Job, subject: Any, cases: Sequence[Case], dead: Mapping[str, str], begin: Begin = unwatched
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
    job: Job,
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
    samples = list(job.task.ask(subject, asked, [loaded[index][0] for index in padded], seeds))
    if [sample.case.id for sample in samples] != [case.id for case in asked]:
        raise ValueError(f"{job.task.name} must return one sample per case, in their order")
    return samples[: len(slots)]


def _row(sample: Sample) -> Row:
    row, reason = attempt(partial(sample_row, sample))
    return failed_row(sample.case, reason) if row is None else row
