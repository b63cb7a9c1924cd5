"""Runs of one model that differ in their seed alone: what sampling varies, beside what the cases vary.

Sampling: the standard deviation between the seeds' values, which were measured on the same cases. Cases: the standard
error that the 95 % intervals stand for, as the root of the mean square over the seeds. Where each case is drawn once
per seed, the second holds a share of the first: cases scatter by their draws, too.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.contracts import Estimate
from reports.reading.runs import Run, in_order
from reports.tables.cells import Cell, Column, column_for
from reports.tables.numbers import fixed, plain
from reports.tables.table import Row, Table

FEWEST_SEEDS = 2
HALF_WIDTH = 1.959963984540054  # of a 95 % interval, in standard errors


@dataclass(frozen=True)
class Spread:
    """One metric of one model: its value for each seed, and both standard deviations (``cases`` None: no interval)."""

    metric: str
    values: tuple[float, ...]
    sampling: float
    cases: float | None

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)


def spread_of(metric: str, runs: Sequence[Run]) -> Spread | None:
    """None unless every run has a value of the metric, of one protocol and version."""
    found = [run.estimate(metric) for run in runs]
    there = [item for item in found if item is not None and item.value is not None]
    protocols = {(item.version, json.dumps(item.fingerprint, sort_keys=True, default=str)) for item in there}
    if len(there) < len(runs) or len(protocols) != 1:
        return None
    values = tuple(float(item.value) for item in there if item.value is not None)
    errors = [error for item in there if (error := _standard_error(item)) is not None]
    cases = math.sqrt(math.fsum(error**2 for error in errors) / len(errors)) if len(errors) == len(there) else None
    return Spread(metric, values, statistics.stdev(values), cases)


def _standard_error(item: Estimate) -> float | None:
    if item.low is None or item.high is None or not math.isfinite(item.high - item.low):
        return None
    return (item.high - item.low) / (2 * HALF_WIDTH)


def twins_of(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs of one task that differ in the seed alone and were measured on the same cases, by seed; at least two."""
    groups: dict[str, list[Run]] = {}
    for run in in_order(runs):
        if run.measure is not None:
            rest = {name: value for name, value in run.spec.items() if name != "seed"}
            groups.setdefault(json.dumps([rest, run.measure.digest], sort_keys=True), []).append(run)
    return [sorted(group, key=_seed) for group in groups.values() if len(group) >= FEWEST_SEEDS]


def _seed(run: Run) -> int:
    return int(run.spec.get("seed", 0))


def build_seeds_table(task: str, runs: Sequence[Run]) -> Table | None:
    """Model x metric over the seeds of sampling; None where no model was run with several."""
    groups = twins_of(runs)
    every = [run for group in groups for run in group]
    metrics = list(dict.fromkeys(item.metric for run in every for item in run.estimates if not item.stratum))
    spreads = [{name: spread_of(name, group) for name in metrics} for group in groups]
    metrics = [name for name in metrics if any(found[name] for found in spreads)]
    if not metrics:
        return None
    columns = tuple(_column(name, every) for name in metrics)
    rows = [
        _row(group, tuple(_cell(found[name], group) for name in metrics))
        for group, found in zip(groups, spreads, strict=True)
    ]
    seeds = ", ".join(str(seed) for seed in sorted({_seed(run) for run in every}))
    about = f"mean over seeds {seeds}; s: standard deviation between seeds (sampling); c: standard error over cases"
    total = max(row.total for row in rows)
    return Table(f"{task}-over-seeds", task, columns, tuple(rows), (about,), total, part="over seeds")


def _column(metric: str, runs: Sequence[Run]) -> Column:
    shown = column_for(metric, runs)
    return Column(shown.name, shown.label, shown.unit, "none", "metric", sizes=shown.sizes)


def _row(group: Sequence[Run], cells: tuple[Cell, ...]) -> Row:
    first = group[0]
    sizes = [(item.scored + item.failed, item.failed) for run in group for item in run.estimates if not item.stratum]
    total, failed = max(size for size, _ in sizes), max(count for _, count in sizes)
    return Row(first, f"{first.label} ({len(group)} seeds)", first.control, False, failed, total, cells)


def _cell(spread: Spread | None, group: Sequence[Run]) -> Cell:
    first = group[0].estimate(spread.metric) if spread else None
    if spread is None or first is None:
        return Cell()
    seeds = ", ".join(str(_seed(run)) for run in group)
    method = f"mean over seeds {seeds}; between seeds {spread.sampling!r}, over cases {spread.cases!r}"
    whole = replace(first, value=spread.mean, low=None, high=None, failures_wrong=None, method=method)
    cases = "" if spread.cases is None else f" c {plain(spread.cases, 2)}"
    scale = max(spread.sampling, spread.cases or 0.0)
    decimals = min(6, max(0, 1 - math.floor(math.log10(scale)))) if scale > 0 else None
    text = plain(spread.mean) if decimals is None else fixed(spread.mean, decimals)
    between = f"s {plain(spread.sampling, 2)}{cases}"
    return Cell(text, between, value=spread.mean, estimate=whole, of=tuple(group))
