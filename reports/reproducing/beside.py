"""Stored runs put beside a published table: which run belongs to which row, and what is said of each number.

Which of a catalogue's models a row is about, and which metrics and tasks its columns are of, stands in the table's
file. A run whose model no row is about stands below the table all the same, as a row of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from harness import catalog
from harness.catalog import split_name
from harness.contracts import Estimate
from harness.contracts.published import PublishedColumn, PublishedNumber, PublishedRow, PublishedTable
from harness.errors import UserError
from reports.comparing.ranking import FAILED_LIMIT
from reports.reading.runs import Problem, Run, Stored, in_order
from reports.reproducing.cures import how_to
from reports.reproducing.labels import label_of, parameters_of
from reports.reproducing.verdicts import Verdict, differences, judge, published_error, standard_error
from reports.tables.numbers import with_unit_prefix


@dataclass(frozen=True)
class Beside:
    """One number: published (None: by nobody), measured (None: not here), and what is said of the two. Values, ends of
    the interval and ``difference`` (measured minus published) are in the table's unit."""

    column: PublishedColumn
    verdict: Verdict
    row: PublishedRow | None = None
    run: Run | None = field(default=None, compare=False)
    label: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def number(self) -> PublishedNumber | None:
        return self.row.values.get(self.column.name) if self.row else None

    @property
    def difference(self) -> float | None:
        return None if self.number is None or self.value is None else self.value - self.number.value


@dataclass(frozen=True)
class OwnRow:
    """A run that stands below the table: its name, and what was measured of its columns."""

    label: str
    run: Run
    cells: dict[str, Beside]


@dataclass(frozen=True)
class Reproduction:
    """A table with what stands beside it. ``beside`` has every published number, and every measured one."""

    table: PublishedTable
    beside: tuple[Beside, ...] = ()
    own: tuple[OwnRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    asked: bool = False

    def of_row(self, row: PublishedRow) -> list[Beside]:
        return [item for item in self.beside if item.row is row]

    @property
    def measured(self) -> list[Beside]:
        return [item for item in self.beside if item.value is not None]


def beside(table: PublishedTable, stored: Stored | None) -> Reproduction:
    """The table, and what these runs measured of it."""
    if stored is None:
        return Reproduction(table)
    runs = [run for run in in_order(stored.runs) if not run.control and _task(run) in table.tasks]
    found: list[Beside] = []
    own: list[OwnRow] = []
    for run in runs:
        label = label_of(run, runs, table)
        rows = [row for row in table.rows if belongs(row, run)]
        cells: dict[str, Beside] = {}
        for column in table.columns:
            estimate = _estimate(run, column)
            if estimate is None:
                continue
            partners: list[PublishedRow | None] = [row for row in rows if column.name in row.values]
            items = [_judged(table, column, row, run, estimate, label) for row in partners or [None]]
            cells[column.name] = items[0]
            found += items
        if cells:
            own.append(OwnRow(label, run, cells))
    told = {(id(item.row), item.column.name) for item in found if item.row}
    for row in table.rows:
        for name in row.values:
            if (id(row), name) not in told:
                column = table.column(name)
                found.append(Beside(column, Verdict("not measured", how_to(table, row, column)), row))
    return Reproduction(table, tuple(found), tuple(own), stored.problems, asked=True)


def belongs(row: PublishedRow, run: Run) -> bool:
    """Whether the run's model is one that the row is about: by its name, or by a pattern of name and checkpoint."""
    asked, _ = run.request
    return any(fnmatchcase(asked, name) if "@" in name else split_name(asked)[0] == name for name in row.models)


def _task(run: Run) -> str:
    return split_name(run.request[1])[0]


def _estimate(run: Run, column: PublishedColumn) -> Estimate | None:
    """The first of the column's metrics that the run was asked for; one with a value goes before one without."""
    known = [
        item
        for name in column.metrics
        for item in run.estimates
        if item.stratum == column.stratum and (item.metric == name or (name.endswith("*") and _begins(item, name)))
    ]
    return next((item for item in known if item.value is not None), known[0] if known else None)


def _begins(estimate: Estimate, name: str) -> bool:
    return estimate.metric.startswith(name[:-1])


def _judged(
    table: PublishedTable,
    column: PublishedColumn,
    row: PublishedRow | None,
    run: Run,
    estimate: Estimate,
    label: str,
) -> Beside:
    if estimate.value is None:
        return Beside(column, Verdict("not measured", estimate.absent or "no number was measured"), row, run, label)
    if run.failed_share > FAILED_LIMIT:
        why = f"{run.failed_share:.0%} of its cases failed, more than 1 %: run it again with --retry-failed"
        return Beside(column, Verdict("not measured", why), row, run, label)
    scale = float(column.scale)
    value, low, high = (
        None if number is None else scale * number for number in (estimate.value, estimate.low, estimate.high)
    )
    assert value is not None
    whole = run.estimate(estimate.metric) or estimate
    differs, unknown = differences(table.protocol_of(column, row), estimate, whole.scored + whole.failed)
    if row and (other := _another_size(row, run)):
        differs.insert(0, other)
    if differs:
        verdict = Verdict("protocol mismatch", "; ".join(differs), unknown=unknown)
    elif row is None:
        verdict = Verdict("not published", "no row of the table is about this model", unknown=unknown)
    else:
        error = standard_error(estimate)
        margin = scale * _margin(run, estimate.metric, row.values[column.name].value / scale)
        found = judge(
            row.values[column.name],
            value,
            None if error is None else scale * error,
            published_error(table, row, column),
            margin,
        )
        verdict = Verdict(found.word, found.why, found.width, unknown)
    return Beside(column, verdict, row, run, label, value, low, high)


def _another_size(row: PublishedRow, run: Run) -> str:
    """Whether it is another model by its number of parameters, where both state one."""
    have = parameters_of(run)
    if not row.parameters or have is None or abs(have - row.parameters) <= 0.25 * row.parameters:
        return ""
    here, there = (with_unit_prefix(number) for number in (have, row.parameters))
    return f"parameters are {here} here, published {there}"


def _margin(run: Run, metric: str, value: float) -> float:
    """As the run states it, else (a run of before) as the catalogue does now."""
    stated = run.metric(metric).margin_at(value)
    if stated:
        return stated
    try:
        return catalog.lookup("metric", split_name(metric)[0]).shown.margin_at(value)
    except UserError:  # a plug-in that is gone
        return 0.0
