"""The task ``lmms``: a case is a row of the data set; lmms-eval asks all that a run lacks, in one call."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from harness.catalog import split_name
from harness.contracts import Case, Sample, ShownTask
from harness.errors import UserError
from harness.images import PADDING
from harness.jobs import Tick, Unit
from harness.paths import checkout_root, data_root, user_path
from harness.spec import path_safe
from harness.units import AskingJob
from tasks.lmms.call import Call, Result, ask
from tasks.lmms.definition import Definition, definition_of
from tasks.lmms.documents import PICTURES, STRATA, Documents, documents_of
from tasks.lmms.entries import SCORE, STATED

PAIRED = ("mme",)
"""Tasks of which lmms-eval refuses half a pair."""


class LmmsTask:
    """``lmms@TASK``. Nothing is read before cases are asked for.

    A sample's text is the answer ("" where choices were compared by likelihood); its numbers are ``lmms-score`` (where
    lmms-eval scores rows), ``lmms-asked`` and ``lmms-failed`` (rows of the call that it was made in), and
    ``stated-METRIC`` (lmms-eval's totals over that call).
    """

    version = 1
    examines = "AnswersQuestions"
    instruments: Sequence[str] = ()

    def __init__(self, argument: str, subject: Any) -> None:
        if not argument:
            raise UserError("which task of lmms-eval? lmms@mme, lmms@pope, lmms@gqa ...")
        self.argument = argument
        self.shown_size = int(subject.image_size)

    @property
    def name(self) -> str:
        return path_safe(f"lmms-{self.argument}")

    @cached_property
    def definition(self) -> Definition:
        """What lmms-eval says of the task. Raises UserError, also where captions are to be scored without Java."""
        found = definition_of(self.argument)
        if found.captions and shutil.which("java") is None:
            raise UserError(
                f"lmms@{self.argument} scores captions with Java, which is not on this machine: "
                "install a Java runtime (Debian: apt-get install default-jre-headless)"
            )
        return found

    @property
    def _documents(self) -> Documents:
        return documents_of(self.definition)

    @property
    def data_revision(self) -> str:
        """Of the rows, and of what lmms-eval makes of them."""
        return f"{self._documents.revision}-{self.definition.digest}"

    @property
    def metrics(self) -> Sequence[str]:
        stated = [f"lmms-{name}" for name in self.definition.metrics if f"lmms-{name}" in STATED]
        return stated if self.definition.captions else [SCORE, *stated]

    @property
    def shown(self) -> ShownTask:
        """By lmms-eval's own total where it states one, else by the mean score of rows."""
        return ShownTask(
            f"{self.argument}, lmms-eval", tuple(self.metrics[-1:]), order=45, asked=("{question}", "row {row}")
        )

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        found = self.definition
        return {
            "reference": f"{found.dataset}{f' {found.configuration}' if found.configuration else ''}, {found.split}",
            "revision": self.data_revision,
            "scored-by": f"lmms-eval {found.release}, task {found.task}",
            "pad": f"square, grey {PADDING}",
            "resize": self.shown_size,
            "filter": "bicubic-antialias",
            "prompt": "lmms-eval's default",
            "decoding": "greedy",
        }

    @cached_property
    def _cases(self) -> Sequence[Case]:
        documents = self._documents  # columns of texts and whole numbers alone; where one is null, the row has none
        picture, stratum = documents.column(PICTURES), documents.column(STRATA)
        return [
            Case(
                f"{self.name}/{number:06d}",
                f"row {number}" if row.get(picture) is None else f"{row[picture]}",
                "" if row.get(stratum) is None else f"{row[stratum]}",
                {**row, "row": number},
            )
            for number, row in enumerate(documents.rows)
        ]

    def cases(self) -> Sequence[Case]:
        return self._cases

    def load(self, case: Case) -> Any:
        """Never called: lmms-eval loads its own pictures."""
        raise UserError(_ONE_CALL)

    def ask(self, subject: Any, cases: Sequence[Case], inputs: Sequence[Any], seeds: Sequence[int]) -> Sequence[Sample]:
        """Never called: see ``engine``."""
        raise UserError(_ONE_CALL)

    def probe(self, subject: Any) -> Mapping[str, float]:
        return {}

    def engine(self, model: str, device: str, job: AskingJob) -> LmmsEngine:
        """What computes this task's units (``contracts.ComputesUnits``)."""
        return LmmsEngine(self, model, device, job)


_ONE_CALL = "lmms-eval asks all rows in one call: run it with the local engine and one worker"


class LmmsEngine:
    """Computes all units that a run lacks by one call of lmms-eval (``harness.engines.Engine``).

    Answers are kept beside the data until the units are stored, so that a call that was killed goes on.
    """

    def __init__(self, task: LmmsTask, model: str, device: str, job: AskingJob) -> None:
        self._task, self._job = task, job
        self._model, self._device = _absolute(model), device
        self._work = data_root() / "lmms-calls" / job.spec.key()

    def compute(self, units: Sequence[Unit], tick: Tick) -> Iterator[tuple[Unit, bytes]]:
        from harness.store.parts import encode_samples, sample_row

        if not units:
            return
        rows = {int(case.facts["row"]) for unit in units for case in unit.cases}
        count = max(rows) + 1
        if self._task.argument in PAIRED and count % 2:
            raise UserError(f"{self._task.argument}'s questions come in pairs: give an even --limit, not {count}")
        spec, definition = self._job.spec, self._task.definition
        call = Call(definition, self._model, self._device, count, spec.batch, spec.threads, self._work)
        left = set(rows)

        def heard(row: int, failed: bool) -> None:
            if row in left:
                left.remove(row)
                tick(1, int(failed))

        result = ask(call, heard)
        tick(len(left), 0)  # choices by likelihood are not heard one by one
        for unit in units:
            samples = [_sample(case, result, count) for case in unit.cases]
            yield unit, encode_samples(map(sample_row, samples), self._job.metadata(unit))
        shutil.rmtree(self._work)  # reached once the last unit is stored

    def probe(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        return


def _sample(case: Case, result: Result, asked: int) -> Sample:
    row = int(case.facts["row"])
    if row in result.failed:
        return Sample(case, "failed", result.failed[row])
    if row not in result.answers and row not in result.scores:  # a choice by likelihood has no answer in words
        return Sample(case, "failed", "lmms-eval did not ask this row")
    numbers = {f"stated-{name}": value for name, value in result.stated.items()}
    numbers |= {"lmms-asked": asked, "lmms-failed": len(result.failed)}
    if row in result.scores:
        numbers[SCORE] = result.scores[row]
    return Sample(case, text=result.answers.get(row, ""), numbers=numbers)


def _absolute(model: str) -> str:
    """The same model for another working directory. Raises UserError for a path that lmms-eval's options cannot
    hold."""
    name, source = split_name(model)
    if not source:
        return name
    places = (user_path(source), checkout_root() / source)
    source = next((str(place.resolve()) for place in places if place.exists()), source)  # else a hub id or a setting
    if set(source) & set(",='\"{}"):
        raise UserError(f"'{source}' cannot be passed to lmms-eval: rename it without , = quotes and braces")
    return f"{name}@{source}"


def build(argument: str, subject: Any) -> LmmsTask:
    """The catalogue's factory."""
    return LmmsTask(argument, subject)
