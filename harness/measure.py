"""Observations -> scores -> estimates: arithmetic on what is stored. No subject and no instrument is asked again.

A **score** is a metric on a case: its part of a ratio of sums. Of a metric of a set the rows of ``scores.parquet`` are
what each case adds to its value, or its jackknife groups (``harness.sets``), over a denominator of 1, so that pairing
two models' rows by ``case`` compares them fairly for either kind. The groups depend on which cases were asked only,
failed ones among them.

Measuring the same folder again writes the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.contracts import (
    ChanceOnData,
    Columns,
    Estimate,
    GivesReasons,
    NotesPublished,
    RatioMetric,
    SetMetric,
    StatedMetric,
    require_read,
    traits_of,
)
from harness.errors import UserError
from harness.failed_metrics import failed_estimate, failures_in, name_of
from harness.isolation import tried
from harness.metrics import NotMeasured
from harness.observe import HALVED
from harness.sets import SETS, SIDES, UNPAIRED, Sides, measure_set
from harness.statistics import Interval, ratio_interval
from harness.store.run_folder import FAILED, RunFolder, StoredCases, case_set_digest
from harness.store.stored_vectors import StoredVectors, take

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

WITHIN_STRATA = "clusters within strata"
"""What the protocol of a metric says of its interval (``resampled``), so that a paired test does the same."""

_OWN = ("case", "group", "stratum", "facts", "codes")
_SCORE_COLUMNS = ("metric", "case", "group", "stratum", "numerator", "denominator")
_REASON_COLUMNS = ("metric", "case", "reason")
_Measured = tuple[list["pa.Table"], list[Estimate]]
"""Scores in the columns above (one table, or none), and estimates."""


def measure(
    folder: RunFolder,
    metrics: Sequence[RatioMetric | SetMetric | StatedMetric],
    fingerprint: Mapping[str, Any],
    *,
    seed: int = 0,
    unavailable: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> list[Estimate]:
    """Measure what ``folder`` holds; store scores and estimates under the digest of the case set; return the estimates.

    ``fingerprint`` is the task's protocol; each estimate adds its metric's own protocol and the digests of the
    instruments that it reads. ``unavailable`` maps instruments to the reason why they could not look (default: what
    the folder's manifest says). ``limit`` keeps the first cases only. A metric that fails (it raises, or a value is
    not finite) has no estimate but the reason (``failures_in``), and keeps none of the others from being measured.
    Raises UserError, before anything is written, where nothing was run or every metric failed.
    """
    unreadable: dict[str, str] = {}
    stored = folder.columns(limit, unreadable)
    asked = _Asked.of(stored, fingerprint.get(SETS) == UNPAIRED)
    if not asked.groups:
        raise UserError(f"{folder.path} holds no samples: run it first")
    reasons = {**folder.unavailable(), **(unavailable or {})}
    halved = folder.manifest().get(HALVED, {})
    digests = {
        name: f"{digest}, in batches of {halved[name]} since memory ran out" if name in halved else digest
        for name, digest in folder.instruments().items()
    }
    scores: list[pa.Table] = []
    estimates: list[Estimate] = []
    chances: dict[str, float | str | None] = {}
    for metric in metrics:
        rest = (stored.columns, asked, seed, reasons, fingerprint, digests, unreadable)
        measured, reason = tried(partial(_measure_with_protocol, metric, *rest))
        if measured:
            chances[name_of(metric)] = traits_of(metric).chance
        rows, found = measured or ([], [failed_estimate(metric, reason, asked.count() - len(asked.order), fingerprint)])
        scores += rows
        estimates += found
    failed = failures_in(estimates)
    if failed and len(failed) == len(metrics):
        raise UserError(f"{failed[0][1]}; nothing was written")
    estimates = _with_measured_chance(estimates, chances)
    digest = case_set_digest(list(asked.groups))
    folder.write_measures(digest, _table(scores), estimates, _reasons(metrics, stored.columns))
    return estimates


def _reasons(metrics: Sequence[Any], columns: Columns) -> pa.Table | None:
    """Why each case has its score, in the words of the metrics that give reasons; None where none does. A metric that
    was not measured, or fails at this, gives none."""
    import pyarrow as pa

    rows: list[tuple[str, str, str]] = []
    for metric in metrics:
        name, needs = name_of(metric), tuple(getattr(metric, "needs", ()))
        if not isinstance(metric, GivesReasons) or any(column not in columns for column in needs):
            continue
        said, _ = tried(partial(metric.reasons, columns))
        cases = columns["case"]
        rows += [(name, str(case), str(text)) for case, text in zip(cases, said or (), strict=False) if text]
    if not rows:
        return None
    found = zip(*sorted(rows), strict=True)
    return pa.table({name: pa.array(values) for name, values in zip(_REASON_COLUMNS, found, strict=True)})


def _measure_with_protocol(
    metric: Any,
    columns: Columns,
    asked: _Asked,
    seed: int,
    unavailable: Mapping[str, str],
    fingerprint: Mapping[str, Any],
    digests: Mapping[str, str],
    unreadable: Mapping[str, str],
) -> _Measured:
    """Scores and estimates of a metric, its own protocol in their fingerprint."""
    for name in _instruments(metric.needs):
        if name in unreadable:
            raise UserError(unreadable[name])
    require_read(metric, f"metric '{name_of(metric)}'")
    traits = traits_of(metric)
    protocol = {**fingerprint, **traits.protocol}
    protocol |= {name: digests[name] for name in _instruments(metric.needs) if name in digests}
    if traits.within_strata:
        protocol["resampled"] = WITHIN_STRATA
    if isinstance(metric, NotesPublished) and (note := metric.published_note(protocol)) is not None:
        protocol["published"] = note
    if not _is_ratio(metric):
        protocol["n"] = asked.numbers()  # a metric of a set may depend on how many there are
    try:
        rows, found = _measure_one(metric, columns, asked, seed, unavailable)
    except NotMeasured as error:
        rows, found = [], [_absent(metric, asked, str(error))]
    estimates = [replace(estimate, fingerprint=protocol) for estimate in found]
    json.dumps([asdict(item) for item in estimates], allow_nan=False)  # what cannot be stored is this metric's failure
    return rows, estimates


@dataclass(frozen=True)
class _Asked:
    """All cases that the subject was asked, failed ones among them, and the rows of the ok ones, sorted by id."""

    groups: Mapping[str, str]
    strata: Mapping[str, str]
    order: NDArray[np.int64]
    unpaired: bool = False

    @classmethod
    def of(cls, stored: StoredCases, unpaired: bool = False) -> _Asked:
        cases = np.asarray(stored.columns.get("case", ()), dtype=str)
        return cls(stored.groups, stored.strata, np.argsort(cases, kind="stable").astype(np.int64), unpaired)

    def numbers(self) -> int | dict[str, int]:
        """How many there are; of two unpaired sets, of either side."""
        return {side: self.count(side) for side in SIDES} if self.unpaired else self.count()

    def on(self, sides: Sides) -> int:
        """How many there are on these sides."""
        return sum(self.count(side) for side in sides.names) if self.unpaired else self.count()

    def count(self, stratum: str | None = None) -> int:
        if stratum is None:
            return len(self.groups)
        return sum(found == stratum for found in self.strata.values())


def _measure_one(
    metric: RatioMetric | SetMetric | StatedMetric,
    columns: Columns,
    asked: _Asked,
    seed: int,
    unavailable: Mapping[str, str],
) -> _Measured:
    if not len(asked.order):
        raise NotMeasured(f"all {asked.count()} cases failed")
    for need in metric.needs:
        if need not in columns:
            raise NotMeasured(_why_missing(metric.name, need, unavailable))
    needed = {name: values for name, values in columns.items() if name in (*_OWN, *metric.needs)}
    seen = take(needed, _seen_by(metric.needs, columns, asked.order))
    sides = Sides.of(seen, metric.needs, asked.unpaired)
    if not len(sides.columns["case"]):
        raise NotMeasured("the instrument failed on every case")
    if hasattr(metric, "stated"):
        return [], [_measure_stated(metric, sides, asked)]
    for need in metric.needs:
        _refuse_non_finite(metric.name, need, sides.with_column(need))
    # A metric of either kind is told by what it can do, so that one from another package needs no base class of ours.
    return _measure_ratio(metric, seen, asked, seed) if _is_ratio(metric) else _measure_set(metric, sides, asked, seed)


def _is_ratio(metric: RatioMetric | SetMetric | StatedMetric) -> bool:
    return hasattr(metric, "parts")


# ---------------------------------------------------------------------------------------------- the two kinds of metric


def _measure_ratio(metric: Any, columns: Columns, asked: _Asked, seed: int) -> _Measured:
    numerators, denominators = (np.asarray(part, dtype=np.float64) for part in metric.parts(columns))
    for name, part in (("numerator", numerators), ("denominator", denominators)):
        _refuse(metric.name, f"its {name}", columns["case"], ~np.isfinite(part))
    strata = np.asarray(columns["stratum"], dtype=str)
    rows = _scores(metric.name, columns["case"], columns["group"], strata, numerators, denominators)
    estimates = []
    parts = _Parts(numerators, denominators, np.asarray(columns["group"], dtype=str), strata)
    chance = _stated_chance(metric, columns)
    for stratum in (None, *(_shown_strata(asked) if traits_of(metric).by_stratum else ())):
        chosen = parts if stratum is None else parts.where(strata == stratum)
        estimate = _ratio_estimate(metric, chosen, asked.count(stratum), stratum or "", seed)
        estimates.append(replace(estimate, chance=chance))
    return [rows], estimates


@dataclass(frozen=True)
class _Parts:
    numerators: Floats
    denominators: Floats
    groups: NDArray[np.str_]
    strata: NDArray[np.str_]

    def where(self, mask: NDArray[np.bool_]) -> _Parts:
        return _Parts(self.numerators[mask], self.denominators[mask], self.groups[mask], self.strata[mask])


def _ratio_estimate(metric: Any, parts: _Parts, asked: int, stratum: str, seed: int) -> Estimate:
    traits = traits_of(metric)
    failed = asked - len(parts.groups)
    scored = asked - failed
    try:
        if not scored:
            raise ZeroDivisionError(f"all {asked} cases failed")
        within = None
        if traits.within_strata:
            # A case that weighs nothing is not one of the metric's: it says nothing about how its clusters vary.
            parts = parts.where(parts.denominators > 0)
            within, scored = parts.strata.tolist(), len(parts.groups)
        interval = ratio_interval(parts.numerators, parts.denominators, parts.groups.tolist(), strata=within, seed=seed)
        interval = _shown(interval, traits.monotone)
    except ZeroDivisionError as error:
        return _estimate(metric, None, scored, failed, stratum, absent=str(error))
    except OverflowError:
        return _estimate(metric, None, scored, failed, stratum, absent="too large to be written as a number")
    bound = None
    if metric.worst is not None:
        # A failed case weighs as much as the mean scored case.
        weight = failed * float(parts.denominators.mean())
        total = float(parts.denominators.sum())
        bound = (float(parts.numerators.sum()) + metric.worst * weight) / (total + weight)
        bound = traits.monotone(bound) if traits.monotone else bound
    return _estimate(metric, interval, scored, failed, stratum, failures_wrong=bound)


def _shown(interval: Interval, monotone: Callable[[float], float] | None) -> Interval:
    """The same interval on the scale of a rising function: its ends stay its ends."""
    if monotone is None:
        return interval
    low, high = (None if end is None else monotone(end) for end in (interval.low, interval.high))
    return replace(interval, value=monotone(interval.value), low=low, high=high)


def _measure_set(metric: Any, sides: Sides, asked: _Asked, seed: int) -> _Measured:
    columns, count = sides.columns, len(sides.columns["case"])
    side_of_case = {case: asked.strata[case] if any(sides.names) else "" for case in asked.groups}
    found = measure_set(metric, sides, asked.groups, side_of_case, seed)
    scores = np.array([score for *_, score in found.rows], dtype=np.float64)
    _refuse(metric.name, "its score on", [name for name, *_ in found.rows], ~np.isfinite(scores))
    _refuse(metric.name, "its value on", ["all cases"], np.array([not math.isfinite(found.interval.value)]))
    cases, groups, parts, _ = zip(*found.rows, strict=True) if found.rows else [()] * 4
    rows = _scores(metric.name, cases, groups, parts, scores, np.ones(len(scores)))
    estimate = _estimate(metric, found.interval, count, asked.on(sides) - count, "")
    return [rows], [replace(estimate, chance=_stated_chance(metric, columns))]


def _measure_stated(metric: Any, sides: Sides, asked: _Asked) -> Estimate:
    scored = len(sides.columns["case"])
    interval = Interval(float(metric.stated(sides.whole(), asked.count())), None, None, metric.method)
    _refuse(metric.name, "what is stated of", ["all cases"], np.array([not math.isfinite(interval.value)]))
    return _estimate(metric, interval, scored, asked.on(sides) - scored, "")


# ---------------------------------------------------------------------------------------------- columns


def _instruments(needs: Sequence[str]) -> list[str]:
    """The instruments whose columns are needed, sorted."""
    names = {need.rpartition(".")[0] for need in needs if need not in _OWN}
    return sorted(names - {"", "number"})


def _seen_by(needs: Sequence[str], columns: Columns, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows, in this order, in which no instrument that the metric needs has failed."""
    seen = np.ones(len(order), dtype=bool)
    for instrument in _instruments(needs):
        reasons = columns.get(f"{instrument}.{FAILED}")
        if reasons is not None:
            seen &= np.asarray(reasons, dtype=object)[order] == ""
    return order[seen]


def _why_missing(metric: str, need: str, unavailable: Mapping[str, str]) -> str:
    source, _, name = need.rpartition(".")
    if source in unavailable:
        return unavailable[source] if source == metric else f"{source}: {unavailable[source]}"
    if source == "number":
        return f"the task states no '{name}'"
    return f"{source or 'the run'} has no column '{name}' here: observe it first"


def _refuse_non_finite(metric: str, need: str, columns: Columns) -> None:
    values = columns[need]
    if isinstance(values, StoredVectors):
        _refuse(metric, f"column {need}", columns["case"], values.not_finite())
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        wrong = np.logical_not(np.isfinite(values)).reshape(len(values), -1).any(axis=1)
        _refuse(metric, f"column {need}", columns["case"], np.asarray(wrong, dtype=np.bool_))


def _refuse(metric: str, what: str, names: Sequence[str], wrong: NDArray[np.bool_]) -> None:
    """A number that is not finite is a defect of what made it, never a score."""
    if wrong.any():
        first = str(names[int(np.flatnonzero(wrong)[0])])
        raise UserError(f"{metric}: {what} is not finite for '{first}' and {int(wrong.sum()) - 1} more")


def _shown_strata(asked: _Asked) -> list[str]:
    """The strata to break down by: none where all cases are in the same one."""
    names = sorted(set(asked.strata.values()))
    return [name for name in names if name] if len(names) > 1 else []


# ---------------------------------------------------------------------------------------------- chance


def _stated_chance(metric: Any, columns: Columns) -> float | None:
    """The number that the metric states; None where it states none, or the name of another metric."""
    stated = metric.chance_on(columns) if isinstance(metric, ChanceOnData) else traits_of(metric).chance
    return None if stated is None or isinstance(stated, str) else float(stated)


def _with_measured_chance(estimates: Sequence[Estimate], stated: Mapping[str, float | str | None]) -> list[Estimate]:
    """The estimates, with the value of the metric that measures their chance, of the same stratum."""
    values = {(item.metric, item.stratum): item.value for item in estimates}
    return [
        replace(item, chance=values.get((name, item.stratum)))
        if isinstance(name := stated.get(item.metric), str) and item.value is not None
        else item
        for item in estimates
    ]


# ---------------------------------------------------------------------------------------------- what is written


def _estimate(
    metric: Any,
    interval: Interval | None,
    scored: int,
    failed: int,
    stratum: str,
    failures_wrong: float | None = None,
    absent: str = "",
) -> Estimate:
    lowest, highest = traits_of(metric).bounds
    low = None if interval is None or interval.low is None else max(lowest, interval.low)
    high = None if interval is None or interval.high is None else min(highest, interval.high)
    return Estimate(
        metric=metric.name,
        version=metric.version,
        value=None if interval is None else interval.value,
        low=low,
        high=high,
        method="" if interval is None else interval.method,
        scored=scored,
        failed=failed,
        direction=metric.direction,
        unit=metric.unit,
        stratum=stratum,
        failures_wrong=failures_wrong,
        absent=absent,
    )


def _absent(metric: Any, asked: _Asked, reason: str) -> Estimate:
    ok = len(asked.order)
    return _estimate(metric, None, 0, asked.count() - ok, "", absent=reason)


def _scores(
    metric: str,
    cases: Iterable[Any],
    groups: Iterable[Any],
    strata: Iterable[Any],
    numerators: Floats,
    denominators: Floats,
) -> pa.Table:
    """One metric's scores."""
    import pyarrow as pa

    texts = [pa.array([str(text) for text in column], pa.string()) for column in (cases, groups, strata)]
    arrays = [pa.array([metric] * len(numerators), pa.string()), *texts, pa.array(numerators), pa.array(denominators)]
    return pa.table(dict(zip(_SCORE_COLUMNS, arrays, strict=True)))


def _table(scores: Sequence[pa.Table]) -> pa.Table:
    """The scores, sorted by metric and case."""
    import pyarrow as pa

    types = [pa.string()] * 4 + [pa.float64()] * 2
    none = pa.schema(list(zip(_SCORE_COLUMNS, types, strict=True))).empty_table()
    return pa.concat_tables([none, *scores]).sort_by([(name, "ascending") for name in _SCORE_COLUMNS])
