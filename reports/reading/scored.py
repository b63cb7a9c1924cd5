"""Scores of cases from a file of another program, as a run of which only scores are there."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.contracts import Estimate, ShownMetric
from harness.measure import WITHIN_STRATA
from harness.spec import RunSpec, path_safe
from harness.store.files import Folder
from harness.store.run_folder import RunFolder, case_set_digest
from reports.reading.run import CaseScores, Measure, Run

HARNESS = "results of another harness"
FIVE_POINTS = "5 points of a hundred, where nothing else is stated"
Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Scored:
    """One metric of one case: ``top / bottom``; None for a case that failed."""

    case: str
    group: str
    stratum: str
    top: float | None
    bottom: float = 1.0


@dataclass
class Column:
    """One metric of one task. ``exponential``: what is shown is exp of the ratio, as of a perplexity."""

    task: str
    metric: str
    rows: list[Scored] = field(default_factory=list)
    direction: Direction = "higher"
    unit: str = ""
    exponential: bool = False
    within_strata: bool = False
    shown: ShownMetric | None = None
    protocol: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseFileRun(Run):
    """A run of which only scores are there."""

    held: Mapping[str, CaseScores] = field(default_factory=dict, hash=False, compare=False)

    @cached_property
    def scores(self) -> dict[str, CaseScores]:
        """metric -> scores per case, as the file holds them."""
        return dict(self.held)


def run_of(place: Path, model: str, columns: Sequence[Column]) -> Run:
    """All columns are of one task; ``place`` is what the scores were read from."""
    task = columns[0].task
    cases = sorted({row.case for column in columns for row in column.rows})
    content = "\n".join(f"{c.metric} {r.case} {r.top} {r.bottom}" for c in columns for r in c.rows)
    spec = RunSpec(path_safe(model), 1, hashlib.sha256(content.encode()).hexdigest(), path_safe(task), 1, HARNESS)
    estimates = tuple(_estimate(column, len(cases)) for column in columns)
    return CaseFileRun(
        subject=model,
        task=task,
        key=spec.key(),
        folder=RunFolder(Folder(place), spec),
        spec=spec.to_dict(),
        environment={},
        cost={},
        measures=(measure := Measure(case_set_digest(cases), estimates),),
        measure=measure,
        named=True,
        shown_metrics={column.metric: _shown(column) for column in columns},
        results_only=True,
        held={column.metric: _scores(column.rows) for column in columns},
    )


def _scores(rows: Iterable[Scored]) -> CaseScores:
    import numpy as np

    kept = sorted((row for row in rows if row.top is not None), key=lambda row: row.case)
    words = (np.array([getattr(row, name) for row in kept], dtype=str) for name in ("case", "group", "stratum"))
    numbers = (np.array([getattr(row, name) for row in kept], dtype=np.float64) for name in ("top", "bottom"))
    return CaseScores(*words, *numbers)


def _estimate(column: Column, asked: int) -> Estimate:
    kept = [row for row in column.rows if row.top is not None]
    top, bottom = (math.fsum(getattr(row, name) for row in kept) for name in ("top", "bottom"))
    value = None if not bottom else top / bottom
    if value is not None and column.exponential:
        value = math.exp(min(value, 700.0))
    resampled = {"resampled": WITHIN_STRATA} if column.within_strata else {}
    return Estimate(
        column.metric,
        1,
        value,
        None,
        None,
        "no interval of its own",
        len(kept),
        asked - len(kept),
        column.direction,
        column.unit,
        absent="" if kept else "every case failed",
        fingerprint={**column.protocol, **resampled},
    )


def _shown(column: Column) -> ShownMetric:
    """With a margin where one can be told without knowing the metric: that of the catalogue, or 5 points of a share."""
    from harness.display import metric_shown

    known = column.shown or metric_shown(column.metric, column.metric)
    if known.margin or known.margin_relative:
        return known
    if column.rows and all(row.top is None or 0 <= row.top <= row.bottom for row in column.rows):
        return ShownMetric(known.label, margin=0.05, margin_reason=FIVE_POINTS, tier="blocks")
    return known
