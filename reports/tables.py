"""Tables: models down, metrics across, for one task. Who may be compared with whom is decided in ``ranking``.

A value stands with its 95 % interval, and, where cases failed, with the bound that counts every failure as wrong. What was not
measured is a dash with its reason. Costs stand beside: they have no interval and are never ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.contracts import Estimate
from reports.numbers import ABSENT, plain, show, with_unit_prefix
from reports.ranking import FAILED_LIMIT, Group, Ranking, protocol_groups, rank
from reports.read import Run
from reports.style import is_control, label_of, order_key

Mark = Literal["", "best", "tied"]
RATE_TOLERANCE = 1.1
REFUSED = "\N{NOT EQUAL TO}"
ARROWS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}", "none": ""}
METRIC_LABELS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "fd-world": "FD-world",
    "kd-world": "KD-world",
    "fid": "FID",
    "object-f1": "object F1",
    "progressive-psnr": "PSNR, first codes",
    "progressive-psnr-reversed": "PSNR, last codes",
    "recursion-psnr": "one-step PSNR",
    "recursion-gain": "gain over no codes",
    "recursion-gain-over-shuffled": "gain over others' codes",
}
# What the terminal shows first when there is no room for all; metrics not named here follow in the order of the run.
LEADING = (
    "psnr",
    "object-f1",
    "fd-world",
    "fid",
    "bits-per-image",
    "ssim",
    "lpips",
    "progressive-psnr",
    "progressive-psnr-reversed",
    "recursion-gain",
    "recursion-gain-over-shuffled",
)


@dataclass(frozen=True)
class CostColumn:
    """A cost as the table shows it; ``key`` is its name in ``cost.json``, ``scale`` multiplies what is there."""

    name: str
    label: str
    unit: str
    key: str
    scale: float = 1.0


COSTS: tuple[CostColumn, ...] = (
    CostColumn("bits-per-image", "bits per image", "bits", "bits_per_image"),
    CostColumn("decoder-parameters", "decoder parameters", "", "decoder_parameters"),
    CostColumn("decode-mflops", "decode", "MFLOP", "decode_flops", 1e-6),
    CostColumn("decode-ms-per-image", "decode", "ms per image", "decode_ms_per_image"),
    CostColumn("training-cpu-hours", "training", "CPU hours", "training_cpu_hours"),
)


@dataclass(frozen=True)
class Column:
    """A metric or a cost; ``group`` is the protocol the shown values share, with its refusal when they do not."""

    name: str
    label: str
    unit: str
    direction: Literal["higher", "lower", "none"]
    kind: Literal["metric", "cost"]

    @property
    def arrow(self) -> str:
        return ARROWS[self.direction]


@dataclass(frozen=True)
class Cell:
    """What one model has in one column. ``text`` is the value, ``interval`` and ``bound`` are '' where there is none."""

    text: str = ABSENT
    interval: str = ""
    bound: str = ""
    mark: Mark = ""
    notes: tuple[int, ...] = ()
    protocol: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    estimate: Estimate | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Row:
    """One run. ``ranked`` is False for controls and for a run with more than 1 % of its cases failed."""

    run: Run
    label: str
    control: bool
    ranked: bool
    failed: int
    total: int
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Table:
    """A finished table: every writer (terminal, Markdown, CSV, LaTeX, HTML) shows this and decides nothing."""

    name: str
    task: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    cases: int
    stratum_of: str = ""

    @property
    def models(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.control)

    @property
    def controls(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.control)

    def column(self, name: str) -> int | None:
        """The position of a column, or None."""
        return next((place for place, column in enumerate(self.columns) if column.name == name), None)


class _Notes:
    """Footnotes in the order of their first use, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def build_table(task: str, runs: Sequence[Run], allow_mixed: bool = False) -> Table:
    """Model x metric for one task: ranked, annotated, controls last, cost columns at the right."""
    ordered = sorted(runs, key=lambda run: (order_key(run.subject), run.key))
    metrics = _metric_columns(ordered)
    notes = _Notes()
    rows = [_row(run, ordered) for run in ordered]
    ranking = rank(ordered, metrics)
    metric_columns = tuple(_column_for(name, ordered) for name in metrics)
    grids = [_metric_cells(name, rows, ranking, notes, allow_mixed) for name in metrics]
    costs = _cost_columns(ordered, {column.name for column in metric_columns})
    grids += [_cost_cells(cost, ordered, notes) for cost in costs]
    _note_rows(rows, notes)
    filled = tuple(replace(row, cells=tuple(grid[place] for grid in grids)) for place, row in enumerate(rows))
    columns = metric_columns + tuple(Column(cost.name, cost.label, cost.unit, "none", "cost") for cost in costs)
    return Table(task, task, columns, filled, tuple(notes.texts), max((row.total for row in rows), default=0))


def build_breakdown(task: str, runs: Sequence[Run], metric: str) -> Table | None:
    """Model x stratum for one metric; None when the task has fewer than two strata. Values only: nothing is ranked."""
    ordered = sorted(runs, key=lambda run: (order_key(run.subject), run.key))
    strata = list(dict.fromkeys(item.stratum for run in ordered for item in run.estimates if item.metric == metric and item.stratum))
    if len(strata) < 2:
        return None
    notes = _Notes()
    lead = _column_for(metric, ordered)
    rows = []
    for run in ordered:
        cells = tuple(_estimate_cell(run.estimate(metric, stratum), notes) for stratum in strata)
        rows.append(replace(_row(run, ordered), cells=cells))
    columns = tuple(Column(stratum, stratum, lead.unit, lead.direction, "metric") for stratum in strata)
    total = max((row.total for row in rows), default=0)
    return Table(f"{task}-{metric}-by-stratum", task, columns, tuple(rows), tuple(notes.texts), total, stratum_of=metric)


def leading(table: Table) -> list[int]:
    """Column positions by importance: what a narrow terminal and the summary sentence show first."""
    rank_of = {name: place for place, name in enumerate(LEADING)}
    kinds = {"metric": 0, "cost": 1}

    def importance(place: int) -> tuple[int, int]:
        column = table.columns[place]
        return rank_of.get(_dashed(column.name), len(LEADING) + 100 * kinds[column.kind]), place

    return sorted(range(len(table.columns)), key=importance)


def summary_text(runs_root: str, suite: str | None = None, width: int | None = None) -> str:
    """The comparison as plain text: ``reports.terminal.summary_text``, found here beside the tables that it shows."""
    from reports.terminal import summary_text as write

    return write(runs_root, suite, width)


def _dashed(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")


def _metric_columns(runs: Sequence[Run]) -> list[str]:
    """Metrics in the order in which the runs list them."""
    return list(dict.fromkeys(item.metric for run in runs for item in run.estimates if not item.stratum))


def _column_for(metric: str, runs: Sequence[Run]) -> Column:
    found = next(item for run in runs for item in run.estimates if item.metric == metric)
    label = metric.replace("_", " ").replace("-", " ")
    return Column(metric, METRIC_LABELS.get(metric, label), found.unit, found.direction, "metric")


def _row(run: Run, runs: Sequence[Run]) -> Row:
    twins = sum(other.subject == run.subject for other in runs) > 1
    label = label_of(run.subject) + (f" #{run.key[:6]}" if twins else "")
    total = max((item.scored + item.failed for item in run.estimates if not item.stratum), default=run.asked)
    failed = max((item.failed for item in run.estimates if not item.stratum), default=len(run.failures))
    control = is_control(run.subject)
    return Row(run, label, control, not control and run.failed_share <= FAILED_LIMIT, failed, total)


def _metric_cells(metric: str, rows: Sequence[Row], ranking: Ranking, notes: _Notes, allow_mixed: bool) -> list[Cell]:
    groups = protocol_groups([row.run for row in rows], metric)
    mixed = len(groups) > 1
    refusal = f"{metric} is not compared: {_difference(groups)}" if mixed else ""
    letters = {key: group.letter for group in groups for key in group.keys}
    cells = []
    for row in rows:
        cell = _estimate_cell(row.run.estimate(metric), notes)
        if mixed and cell.value is not None:
            number = notes.number(refusal)
            if allow_mixed:
                protocol = letters[row.run.key]
                cell = replace(cell, notes=(*cell.notes, number), protocol=protocol)
            else:
                cell = Cell(text=REFUSED, notes=(number,), estimate=cell.estimate)
        if allow_mixed or not mixed:
            cell = replace(cell, mark=ranking.mark(row.run.key, metric))
        cells.append(cell)
    if (caveat := ranking.caveats.get(metric)) and any(cell.mark for cell in cells):
        number = notes.number(caveat)
        cells = [replace(cell, notes=(*cell.notes, number)) if cell.mark == "best" else cell for cell in cells]
    return cells


def _estimate_cell(estimate: Estimate | None, notes: _Notes) -> Cell:
    if estimate is None:
        return Cell(notes=(notes.number("not part of this run"),))
    if estimate.value is None:
        return Cell(notes=(notes.number(f"{estimate.metric}: {estimate.absent or 'not measured, no reason stored'}"),), estimate=estimate)
    text, interval = show(estimate.value, estimate.low, estimate.high)
    bound = ""
    if estimate.failed and estimate.failures_wrong is not None and estimate.direction != "none":
        sign = "\N{GREATER-THAN OR EQUAL TO}" if estimate.direction == "higher" else "\N{LESS-THAN OR EQUAL TO}"
        bound = f"{sign} {_at_least_as_precise(estimate)}"
    return Cell(text, interval, bound, value=estimate.value, low=estimate.low, high=estimate.high, estimate=estimate)


def _at_least_as_precise(estimate: Estimate) -> str:
    """The bound to the digits of the value it stands beside."""
    from reports.numbers import decimals_for, fixed

    decimals = decimals_for(estimate.low, estimate.high)
    assert estimate.failures_wrong is not None
    return plain(estimate.failures_wrong) if decimals is None else fixed(estimate.failures_wrong, decimals)


def _difference(groups: Sequence[Group]) -> str:
    """Which parts of the protocol differ, and how."""
    parts = []
    names = sorted({name for group in groups for name in group.protocol})
    for name in names:
        values = [str(group.protocol.get(name, "not stated")) for group in groups]
        if len(set(values)) > 1:
            parts.append(f"{name} is " + " or ".join(f"{value} ({group.letter})" for value, group in zip(values, groups, strict=True)))
    return "the protocols differ: " + "; ".join(parts)


def _cost_columns(runs: Sequence[Run], taken: set[str]) -> list[CostColumn]:
    """The costs that any run states; none that a metric already shows."""
    seen = {_dashed(name) for name in taken}
    return [cost for cost in COSTS if cost.name not in seen and any(_cost_of(run, cost) is not None for run in runs)]


def _cost_of(run: Run, cost: CostColumn) -> float | None:
    value = run.cost.get(cost.key)
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) * cost.scale if known else None


def _cost_cells(cost: CostColumn, runs: Sequence[Run], notes: _Notes) -> list[Cell]:
    cells = []
    for run in runs:
        value = _cost_of(run, cost)
        if value is None:
            cells.append(Cell(notes=(notes.number("not known: the model does not state this cost, or has none"),)))
        else:
            text = with_unit_prefix(value) if cost.name == "decoder-parameters" else plain(value, 3)
            cells.append(Cell(text, value=value))
    return cells


def _note_rows(rows: Sequence[Row], notes: _Notes) -> None:
    for row in rows:
        if row.failed and not row.control and not row.ranked:
            notes.number(f"{row.label} is not ranked: {row.failed} of {row.total} cases failed, more than 1 %")
        if row.run.measure and row.run.measure.mixed:
            notes.number(f"{row.label} was computed under more than one environment: its numbers may differ from a clean run's")
    bits = [item.value for row in rows if row.ranked and (item := row.run.estimate("bits-per-image")) and item.value]
    if bits and max(bits) > RATE_TOLERANCE * min(bits):
        notes.number(f"models spend different numbers of bits per image, from {plain(min(bits))} to {plain(max(bits))}")
