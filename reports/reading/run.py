"""One run folder, read into frozen values; the part of the seam that ``read`` puts together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from harness.citations import REFERENCES, Reference, parsed
from harness.contracts import Estimate, ShownInstrument, ShownMetric, ShownModel, ShownTask
from harness.display import SHOWING, plain_label, read_shown
from harness.errors import UserError
from harness.sets import JACKKNIFE_CASE
from harness.store.integrity import problems as problems_of
from harness.store.run_folder import RunFolder
from reports.reading.samples import UNREADABLE, Failure, read_failures

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class CaseScores:
    """One metric on every scored case: ``numerators / denominators`` are the scores, ``groups`` the clusters.

    For a metric of a set each score is the value plus the case's share of it times the number of cases, or the "cases"
    are its jackknife groups, in order; over a denominator of 1.
    """

    cases: np.ndarray
    groups: np.ndarray
    strata: np.ndarray
    numerators: np.ndarray
    denominators: np.ndarray

    @property
    def jackknife(self) -> bool:
        """Whether these are the groups of a metric of a set."""
        return bool(len(self.cases)) and all(str(case).startswith(JACKKNIFE_CASE) for case in self.cases)

    def by_case(self) -> dict[str, float]:
        """case -> score; cases with denominator 0 are left out, since they say nothing."""
        return {
            str(case): float(top) / float(bottom)
            for case, top, bottom in zip(self.cases, self.numerators, self.denominators, strict=True)
            if bottom
        }


@dataclass(frozen=True)
class Measure:
    """What was measured on one set of cases. ``mixed``: made under more than one environment; ``sealed``: the run's
    manifest holds its digests."""

    digest: str
    estimates: tuple[Estimate, ...]
    mixed: bool = False
    sealed: bool = True

    @property
    def size(self) -> int:
        """The number of cases: scored and failed."""
        return max((item.scored + item.failed for item in self.estimates if not item.stratum), default=0)


@dataclass(frozen=True)
class Cited:
    """A reference as the run stores it, and what of the run cites it."""

    reference: Reference
    by: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One run folder, read. ``measure`` is the set of cases that the report shows for it; ``named``: the user gave the
    model a name; ``results_only``: its samples are not kept. A run of before says nothing of how it is shown: it is
    shown by its names."""

    subject: str
    task: str
    key: str
    folder: RunFolder = field(hash=False, compare=False)
    spec: Mapping[str, Any] = field(hash=False)
    environment: Mapping[str, Any] = field(hash=False)
    cost: Mapping[str, Any] = field(hash=False)
    measures: tuple[Measure, ...] = ()
    measure: Measure | None = None
    failures: tuple[Failure, ...] = ()
    asked: int = 0
    named: bool = False
    shown_task: ShownTask = field(default_factory=ShownTask, hash=False)
    shown_model: ShownModel = field(default_factory=ShownModel, hash=False)
    shown_metrics: Mapping[str, ShownMetric] = field(default_factory=dict, hash=False)
    results_only: bool = False
    instruments: frozenset[str] = frozenset()
    """Those that looked at it, or could not."""
    references: tuple[Cited, ...] | None = field(default=None, hash=False)
    """What it cites; None: it is of before and does not say."""
    shown_instruments: Mapping[str, ShownInstrument] = field(default_factory=dict, hash=False)
    """Those that find what can be drawn over a picture."""

    @property
    def label(self) -> str:
        """The model in prose: as the user named it, else its own label with what follows the ``@``."""
        if self.named:
            return self.subject
        name, _, rest = self.subject.partition("@")
        known = self.shown_model.label or name
        return f"{known} ({rest})" if rest else known

    @property
    def control(self) -> bool:
        """Whether it shows the scale and is never ranked."""
        return self.shown_model.control

    @cached_property
    def asked_for(self) -> Mapping[str, Any]:
        """``model``, ``task`` and ``limit`` as the run says that they were asked for; {} where it does not."""
        stated = _manifest(self.folder).get("protocol")
        asked = stated.get("request") if isinstance(stated, Mapping) else None
        return asked if isinstance(asked, Mapping) else {}

    @property
    def request(self) -> tuple[str, str]:
        """(model, task) as they were asked for, ``NAME[@REST]``; as the folder calls them where it does not say."""
        return str(self.asked_for.get("model", self.spec["model"])), str(self.asked_for.get("task", self.task))

    @cached_property
    def in_task(self) -> int:
        """How many cases the task has, as the run states; 0 where it does not."""
        stated = _manifest(self.folder).get("cases")
        return stated if isinstance(stated, int) and stated > 0 else 0

    def metric(self, name: str) -> ShownMetric:
        """How a metric is shown; one that the run says nothing of, by its name."""
        return self.shown_metrics.get(name) or ShownMetric(plain_label(name))

    def rates(self) -> list[str]:
        """The metrics of what is spent."""
        return [name for name, shown in self.shown_metrics.items() if shown.role == "rate"]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        return self.measure.estimates if self.measure else ()

    def estimate(self, metric: str, stratum: str = "") -> Estimate | None:
        """The estimate of that metric, overall or in one stratum."""
        return next((item for item in self.estimates if item.metric == metric and item.stratum == stratum), None)

    @property
    def failed_share(self) -> float:
        """The share of cases that failed, in [0, 1]."""
        total = max((item.scored + item.failed for item in self.estimates if not item.stratum), default=0)
        failed = max((item.failed for item in self.estimates if not item.stratum), default=0)
        return failed / total if total else (len(self.failures) / self.asked if self.asked else 0.0)

    @cached_property
    def reasons(self) -> dict[tuple[str, str], str]:
        """(metric, case) -> why the case has its score; empty where no metric gives reasons or the file does not
        hold."""
        return self.reasons_of(None)

    def reasons_of(self, cases: Collection[str] | None) -> dict[tuple[str, str], str]:
        """``reasons`` of these cases alone (None: of all), where there is no need to hold the others."""
        try:
            return self.folder.read_reasons(self.measure.digest, cases) if self.measure else {}
        except UNREADABLE:
            return {}

    @cached_property
    def scores(self) -> dict[str, CaseScores]:
        """metric -> scores per case, in case order of the file; empty when there is no readable file."""
        return _read_scores(self.folder, self.measure.digest) if self.measure else {}


def read_run(folder: RunFolder, row: Mapping[str, Any]) -> tuple[Run | None, list[tuple[str, str]]]:
    """(run, troubles): a file of the folder that cannot be read is a trouble. The run is None, in no table, where its
    samples or what was measured on them do not hold. ``row``: what the suite's index says of it."""
    if row.get("key", folder.key) != folder.key:
        raise UserError(f"the suite ran {row['key']} there, and it is {folder.key}: run the suite again")
    troubles = [(name, reason.replace(f"{folder.path}/", "")) for name, reason in problems_of(folder)]
    holds = not troubles
    found: dict[str, dict[str, Any]] = {}
    files: dict[str, Callable[[], dict[str, Any]]] = {
        "environment.json": partial(folder.folder.read_json, "environment.json"),
        "cost.json": folder.cost,
    }
    for name, read in files.items():
        try:
            found[name] = read()
        except UNREADABLE as error:
            troubles.append((name, reason_of(error, folder.path)))
    measures = []
    for digest in folder.case_sets() if holds else ():
        try:
            measures.append(_read_measure(folder, digest))
        except UNREADABLE as error:
            troubles.append((f"measures/{digest}", reason_of(error, folder.path)))
            # what is not there at all is a run that was not measured: a row without numbers
            holds = holds and not folder.folder.names(f"measures/{digest}")
    if not holds and not measures:
        return None, troubles
    if row.get("cases") and row["cases"] not in {measure.digest for measure in measures}:
        return None, [*troubles, (f"measures/{row['cases']}", "the cases that the suite asked last are not measured")]
    name = _named(folder)
    run = Run(
        subject=name or folder.spec.model,
        named=bool(name),
        task=folder.spec.task,
        key=folder.key,
        folder=folder,
        spec=folder.spec.to_dict(),
        environment=found.get("environment.json", {}),
        cost=found.get("cost.json", {}),
        measures=tuple(measures),
        **_shown(folder),
        measure=max(measures, key=lambda item: (item.size, item.digest), default=None),
        results_only=folder.results_only,
    )
    if not measures or any(item.failed for measure in measures for item in measure.estimates):
        failures, asked, unread = read_failures(folder)
        return replace(run, failures=failures, asked=asked), troubles + unread
    return run, troubles


def _named(folder: RunFolder) -> str:
    """A name that the user or the model itself gave, or ""."""
    named = _manifest(folder).get("shown")
    return named if isinstance(named, str) and named.strip() and named.isprintable() else ""


def _shown(folder: RunFolder) -> dict[str, Any]:
    """How task, model and metrics are shown, as the run states."""
    manifest = _manifest(folder)
    stated = manifest.get(SHOWING)
    stated = stated if isinstance(stated, Mapping) else {}
    model = read_shown(ShownModel, stated.get("model"))
    if not stated and manifest.get("control") is True:
        model = ShownModel(role="control")
    metrics = stated.get("metrics")
    known = metrics.items() if isinstance(metrics, Mapping) else ()
    drawn = stated.get("instruments")
    seen = drawn.items() if isinstance(drawn, Mapping) else ()
    return {
        "references": _references(stated.get(REFERENCES)),
        "shown_task": read_shown(ShownTask, stated.get("task")),
        "shown_model": model,
        "instruments": frozenset({**manifest.get("instruments", {}), **manifest.get("unavailable", {})}),
        "shown_metrics": {str(name): read_shown(ShownMetric, item) for name, item in known},
        "shown_instruments": {str(name): read_shown(ShownInstrument, item) for name, item in seen},
    }


def _references(stated: Any) -> tuple[Cited, ...] | None:
    """What can be read of them: a run that was copied from anywhere may hold anything."""
    if not isinstance(stated, Mapping):
        return None
    found: list[Cited] = []
    for item in stated.values():
        text, by = (item.get("bibtex"), item.get("by")) if isinstance(item, Mapping) else ("", ())
        with suppress(UserError):
            entries = parsed(text, "a run") if isinstance(text, str) else []
            found += [Cited(entry, tuple(map(str, by if isinstance(by, list) else ()))) for entry in entries]
    return tuple(found)


def _manifest(folder: RunFolder) -> Mapping[str, Any]:
    try:
        return folder.manifest()
    except UNREADABLE:
        return {}


def _read_measure(folder: RunFolder, digest: str) -> Measure:
    """Raises UNREADABLE for what does not hold or is not there."""
    folder.require_measure(digest)
    header = folder.read_estimates_header(digest)
    if not header:
        raise UserError("estimates.json is missing: measure again")
    sealed = folder.is_sealed(digest)
    if not sealed and folder.folder.exists(f"measures/{digest}/scores.parquet"):
        folder.read_scores(digest)  # without a seal, reading it is the one test
    estimates = tuple(_checked(Estimate(**item)) for item in header["estimates"])
    return Measure(digest, estimates, bool(header.get("mixed_environment")), sealed)


def _checked(estimate: Estimate) -> Estimate:
    """The estimate, if its fields are of their types; JSON promises nothing. Raises TypeError."""
    numbers = (estimate.value, estimate.low, estimate.high, estimate.failures_wrong, estimate.chance)
    words = (estimate.metric, estimate.unit, estimate.stratum, estimate.absent, estimate.method)
    counts = (estimate.scored, estimate.failed)
    if (
        any(not isinstance(number, int | float | None) for number in numbers)
        or any(not isinstance(word, str) for word in words)
        or any(not isinstance(count, int) for count in counts)
        or not isinstance(estimate.fingerprint, Mapping)
        or estimate.direction not in ("higher", "lower", "none")
    ):
        raise TypeError(f"an estimate of '{estimate.metric}' has fields of wrong types")
    return estimate


def _read_scores(folder: RunFolder, digest: str) -> dict[str, CaseScores]:
    import numpy as np

    try:
        frame = folder.read_scores(digest)
        scores = {}
        for metric, rows in frame.groupby("metric", sort=False):
            words = (rows[name].to_numpy(dtype=str) for name in ("case", "group", "stratum"))
            numbers = (rows[name].to_numpy(dtype=np.float64) for name in ("numerator", "denominator"))
            scores[str(metric)] = CaseScores(*words, *numbers)
    except UNREADABLE:
        return {}
    return scores


def reason_of(error: BaseException, place: str) -> str:
    """In words, files named from ``place`` on: reports are passed on."""
    said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return said.replace(f"{place.rstrip('/')}/", "")
