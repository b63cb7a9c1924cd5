"""What a number of cases can decide: the smallest margin at which a checkpoint that changed nothing holds four times in
five.

It is 2.8 standard errors of a paired difference (1.96 for the interval, 0.84 for four in five). The standard error is
the spread that the metric states, over the root of the number of cases; of a metric that states none, that of the
stored baseline's own interval, times the root of 2: as if nothing were paired, so that it is rather too wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness import catalog
from harness.contracts import Estimate, ShownMetric
from harness.display import metric_shown, plain_label
from harness.isolation import tried
from reports.gating.policy import Policy
from reports.gating.verdict import REACH
from reports.reading.runs import Run
from reports.tables.layout import left, right, width, wrapped
from reports.tables.numbers import ABSENT, plain

HEADS = ("metric", "tier", "cases", "margin", "decides", "needs")
HALF_WIDTH = 1.959963984540054
GAP = "  "


@dataclass(frozen=True)
class Planned:
    """One gated metric. ``decides`` is the smallest margin that so many cases decide, in the unit of ``wanted`` (a
    share of the value where ``relative``); None where nothing is known of its spread."""

    task: str
    label: str
    tier: str
    cases: int | None
    margin: str
    wanted: float
    relative: bool
    decides: float | None
    source: str

    @property
    def needed(self) -> int | None:
        """Cases that decide the margin."""
        if self.decides is None or not self.cases or not self.wanted:
            return None
        return math.ceil(self.cases * (self.decides / self.wanted) ** 2)


class _AnyModel:
    """Stands for the checkpoint, which is not opened."""

    image_size = 256
    code_count = 0
    codebook_size = 0


def plan_rows(task: str, cases: int | None, before: Run | None, policy: Policy) -> list[Planned]:
    """A row for each gated metric of a task; ``before`` is the baseline's run of it, where one is stored."""
    rows = []
    for metric in _metrics_of(task, before):
        shown = _shown(metric, before)
        estimate = before.estimate(metric) if before else None
        unit = shown.unit or (estimate.unit if estimate else _unit(metric))
        asked = policy.asked(task, metric, shown, unit)
        if asked is not None:
            rows.append(_row(task, metric, cases, asked, unit, estimate))
    return rows


def counted(task: str, limit: int | None) -> int | None:
    """How many cases a task asks, however long that takes to count; None where only the model can say."""
    cases, _ = tried(lambda: catalog.build_task(task, _AnyModel()).cases())
    return None if cases is None else min(len(cases), limit or len(cases))


def _metrics_of(task: str, run: Run | None) -> list[str]:
    """Those of the stored baseline; else those that the task names."""
    if run is not None and run.estimates:
        return list(dict.fromkeys(item.metric for item in run.estimates if not item.stratum))
    built, _ = tried(lambda: catalog.build_task(task, _AnyModel()))
    return list(built.metrics) if built is not None else []


def _shown(metric: str, run: Run | None) -> ShownMetric:
    known = metric_shown(metric, metric)
    stated = run.shown_metrics.get(metric) if run else None
    return stated if stated is not None and (stated.margin or stated.margin_relative) else known


def _unit(metric: str) -> str:
    made, _ = tried(lambda: catalog.make("metric", metric))
    return str(getattr(made, "unit", ""))


def _row(
    task: str, metric: str, cases: int | None, asked: ShownMetric, unit: str, estimate: Estimate | None
) -> Planned:
    relative = bool(asked.margin_relative)
    value = abs(estimate.value) if estimate and estimate.value else None
    wanted = asked.margin_relative if relative else asked.margin
    if relative and value and asked.margin:
        wanted = max(wanted, asked.margin / value)
    decides, source = None, ""
    if cases and asked.spread:
        decides, source = REACH * asked.spread / math.sqrt(cases), "stated"
    elif cases and estimate is not None and (error := _error(estimate)) is not None:
        wide = REACH * math.sqrt(2) * error * math.sqrt((estimate.scored or cases) / cases)
        decides, source = (wide / value if relative and value else wide), "unpaired"
    words = _margin(asked) if relative else f"{asked.margin:g} {unit}".strip()
    return Planned(
        task, asked.label or plain_label(metric), asked.tier, cases, words, wanted, relative, decides, source
    )


def _margin(asked: ShownMetric) -> str:
    floor = f", \N{GREATER-THAN OR EQUAL TO} {asked.margin:g}" if asked.margin else ""
    return f"{100 * asked.margin_relative:g} % of OLD{floor}"


def _error(estimate: Estimate) -> float | None:
    if estimate.low is None or estimate.high is None:
        return None
    return (estimate.high - estimate.low) / (2 * HALF_WIDTH)


def plan_lines(new: str, old: str, rows: Sequence[Planned], columns: int) -> list[str]:
    """The table, and how to read it."""
    cells = [
        (
            f"  {row.label}",
            row.tier,
            f"{row.cases:,}" if row.cases else ABSENT,
            row.margin,
            _amount(row),
            f"{row.needed:,}" if row.needed else ABSENT,
        )
        for row in rows
    ]
    widths = [max(width(line[place]) for line in (HEADS, *cells)) for place in range(len(HEADS))]
    spare = columns - sum(widths) - len(GAP) * (len(widths) - 1)
    if spare < 0:
        widths[3] = max(10, widths[3] + spare)
    rule = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * min(columns, sum(widths) + len(GAP) * (len(widths) - 1))

    def line(values: Sequence[str]) -> str:
        placed = (left, left, right, left, right, right)
        return GAP.join(put(text, size) for put, text, size in zip(placed, values, widths, strict=True)).rstrip()

    lines = [f"gate of {new} against {old}: {len(rows)} metrics", rule, line(HEADS), rule]
    task = ""
    for row, values in zip(rows, cells, strict=True):
        if row.task != task:
            task = row.task
            lines.append(task)
        lines.append(line(values))
    lines.append(rule)
    for text in _legend(rows):
        lines += wrapped(text, columns, "  ")
    return lines


def _amount(row: Planned) -> str:
    if row.decides is None:
        return ABSENT
    mark = "*" if row.source == "unpaired" else ""
    return (f"{plain(100 * row.decides, 2)} %" if row.relative else plain(row.decides, 2)) + mark


def _legend(rows: Sequence[Planned]) -> list[str]:
    found = [
        "decides: the smallest margin at which a checkpoint that changed nothing holds four times in five with so many "
        "cases; needs: how many cases would decide the margin"
    ]
    if any(row.source == "unpaired" for row in rows):
        found.append("* from the baseline's own interval, as if nothing were paired: rather too wide")
    if any(row.decides is None for row in rows):
        found.append(f"{ABSENT}: nothing is stored or stated to tell it from; save a baseline and plan against it")
    found.append("no model was opened, nothing was written")
    return found
