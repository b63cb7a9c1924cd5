"""What each case of a run came to: its verdict, its scores, and their reasons."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from harness.contracts import ShownTask
from harness.influences import METHOD
from reports.page.cases.words import readable
from reports.reading.run import Run
from reports.tables.cells import Column, column_for
from reports.tables.numbers import plain

CLOSE = 1e-6
MOST_METRICS = 6
"""Metrics that a case shows, and that cases can be sorted by."""


def metrics_of(shown: ShownTask, runs: Sequence[Run]) -> list[Column]:
    """The metrics that have a score for each case, those that head the task first; no costs and no rates. Beside a
    verdict only these: others say the same in points."""
    every = [] if shown.verdict else [item.metric for run in runs for item in run.estimates]
    names = dict.fromkeys([*shown.headline, *every])
    found = [column_for(name, runs) for name in names if any(_scale(run, name) for run in runs)]
    rates = {name for run in runs for name, item in run.shown_metrics.items() if item.role != "score"}
    kept = [column for column in found if column.name not in rates and column.direction != "none"]
    return [column for column in kept if column.name != shown.verdict][:MOST_METRICS]


def _scale(run: Run, metric: str) -> Callable[[float], float] | None:
    """From what is stored of a case to the metric's own scale: an estimate can be the exponential of a mean. None where
    its scores say nothing of a case: those of groups, shares of the value of a set, and those that it is no mean of."""
    scores, estimate = run.scores.get(metric), run.estimate(metric)
    if scores is None or estimate is None or estimate.value is None:
        return None
    if scores.jackknife or estimate.method.startswith(METHOD):
        return None
    whole = float(scores.denominators.sum())
    mean = float(scores.numerators.sum()) / whole if whole else math.nan
    scales: tuple[Callable[[float], float], ...] = (float, _exponential)
    return next((scale for scale in scales if math.isclose(scale(mean), estimate.value, rel_tol=CLOSE)), None)


def _exponential(value: float) -> float:
    return math.exp(min(value, 700.0))


@dataclass(frozen=True)
class Scored:
    """One run on the cases that a page holds."""

    verdicts: Mapping[str, bool]
    values: Sequence[Mapping[str, float]]
    reasons: Mapping[str, Sequence[tuple[str, str]]]

    def mark(self, case: str, outcome: str) -> str:
        """r: right, w: wrong, f: failed, o: answered, without a verdict."""
        if outcome != "ok":
            return "f"
        right = self.verdicts.get(case)
        return "o" if right is None else "r" if right else "w"

    def said(self, case: str, metrics: Sequence[Column]) -> list[tuple[str, str]]:
        """(metric, score) in words."""
        pairs = zip(metrics, self.values, strict=True)
        return [
            (column.label, f"{plain(values[case], 3)} {column.unit}".rstrip())
            for column, values in pairs
            if case in values
        ]


def scored(run: Run, verdict: str, metrics: Sequence[Column], cases: Collection[str]) -> Scored:
    """``verdict``: the metric that says what is right ("": none does)."""
    right = _values(run, verdict, cases) if verdict else {}
    reasons: dict[str, dict[str, str]] = {}
    given = run.reasons_of(cases)
    for metric, case in sorted(given, key=lambda key: key[0] != verdict):  # the verdict's own first
        label = readable(run.metric(metric).label, 200)
        reasons.setdefault(case, {}).setdefault(given[metric, case], label)  # several metrics may say the same
    told = {case: [(label, text) for text, label in said.items() if text] for case, said in reasons.items()}
    values = [_values(run, column.name, cases, _scale(run, column.name)) for column in metrics]
    return Scored({case: value > 0 for case, value in right.items()}, values, told)


def _values(
    run: Run, metric: str, cases: Collection[str], scale: Callable[[float], float] | None = float
) -> dict[str, float]:
    scores = run.scores.get(metric)
    if scores is None or scale is None:
        return {}
    rows = zip(scores.cases.tolist(), scores.numerators.tolist(), scores.denominators.tolist(), strict=True)
    return {case: scale(top / bottom) for case, top, bottom in rows if bottom and case in cases}
