"""Tables: models down, metrics across, for one task. Who may be compared with whom is decided in ``ranking``.

A value stands with its 95 % interval, and, where cases failed, with the bound that counts every failure wrong. What was
not measured is a dash with its reason. Costs stand beside: they have no interval and are never ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reports.comparing.ranking import FAILED_LIMIT, rank
from reports.reading.runs import Run, in_order
from reports.tables.cells import (
    Cell,
    Column,
    Notes,
    chance_cell,
    column_for,
    cost_cells,
    cost_columns,
    estimate_cell,
    metric_cells,
)
from reports.tables.numbers import plain
from reports.tables.sizes import set_size, set_sizes

RATE_TOLERANCE = 1.1


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
    runs: tuple[Run | None, ...] = ()

    def run_in(self, place: int) -> Run:
        """The run that a column is of: the row's own, but in a table over several tasks."""
        return (self.runs[place] if self.runs else None) or self.run


@dataclass(frozen=True)
class Table:
    """A finished table: every writer (terminal, Markdown, CSV, LaTeX, HTML) shows this and decides nothing.

    ``about`` says what the images are, and whether the models have learned such images; ``chance`` has a cell per
    column. ``headline``: the table over several tasks, whose columns name theirs.
    """

    name: str
    task: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    cases: int
    stratum_of: str = ""
    part_of: str = ""
    part: str = ""
    about: str = ""
    chance: tuple[Cell, ...] = ()
    headline: bool = False

    @property
    def models(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.control)

    @property
    def controls(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.control)

    def column(self, name: str) -> int | None:
        """The position of a column, or None."""
        return next((place for place, column in enumerate(self.columns) if column.name == name), None)


def build_table(task: str, runs: Sequence[Run], allow_mixed: bool = False) -> Table:
    """Model x metric for one task: ranked, annotated, controls last, cost columns at the right."""
    ordered = in_order(runs)
    metrics = _metric_columns(ordered)
    notes = Notes()
    rows = [_row(run, ordered) for run in ordered]
    ranking = rank(ordered, metrics)
    metric_columns = tuple(column_for(name, ordered) for name in metrics)
    grids = [metric_cells(name, ordered, ranking, notes, allow_mixed) for name in metrics]
    costs = cost_columns(ordered, {column.name for column in metric_columns})
    grids += [cost_cells(cost, ordered, notes) for cost in costs]
    _note_bias(ordered, metric_columns, notes)
    _note_rows(rows, notes)
    filled = tuple(replace(row, cells=tuple(grid[place] for grid in grids)) for place, row in enumerate(rows))
    columns = metric_columns + tuple(
        Column(cost.name, cost.label, cost.unit, "none", "cost", order=cost.order) for cost in costs
    )
    total = max((row.total for row in rows), default=0)
    chance = _chance(columns, ordered)
    return Table(task, task, columns, filled, tuple(notes.texts), total, about=_about(ordered), chance=chance)


def build_breakdown(task: str, runs: Sequence[Run], metric: str) -> Table | None:
    """Model x stratum for one metric; None when the task has fewer than two strata. Values only: nothing is ranked."""
    ordered = in_order(runs)
    strata = list(
        dict.fromkeys(
            item.stratum for run in ordered for item in run.estimates if item.metric == metric and item.stratum
        )
    )
    if len(strata) < 2:
        return None
    notes = Notes()
    lead = column_for(metric, ordered)
    rows = []
    for run in ordered:
        cells = tuple(estimate_cell(run, metric, notes, stratum) for stratum in strata)
        rows.append(replace(_row(run, ordered), cells=cells))
    sizes = {name: set_sizes(run.estimate(metric, name) for run in ordered) for name in strata}
    columns = tuple(Column(name, name, lead.unit, lead.direction, "metric", sizes=sizes[name]) for name in strata)
    total = max((row.total for row in rows), default=0)
    chances = [chance_cell([run.estimate(metric, name) for run in _models(ordered)]) for name in strata]
    return Table(
        f"{task}-{metric}-by-stratum",
        task,
        columns,
        tuple(rows),
        tuple(notes.texts),
        total,
        stratum_of=metric,
        part_of=lead.label,
        about=_about(ordered),
        chance=_shown_chance(chances),
    )


def _models(runs: Sequence[Run]) -> Sequence[Run]:
    return [run for run in runs if not run.control] or runs


def _chance(columns: Sequence[Column], runs: Sequence[Run]) -> tuple[Cell, ...]:
    metrics = (column.name if column.kind == "metric" else "" for column in columns)
    return _shown_chance([chance_cell([run.estimate(name) for run in _models(runs)]) for name in metrics])


def _shown_chance(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """A cell per column, or nothing where no column states chance."""
    return tuple(cells) if any(cell.text for cell in cells) else ()


def row_notes(table: Table) -> tuple[str, ...]:
    """The notes that no cell refers to: they are about whole rows, or all of them."""
    referred = {number for row in table.rows for cell in row.cells for number in cell.notes}
    return tuple(note for number, note in enumerate(table.notes, 1) if number not in referred)


def halves(table: Table) -> tuple[Table, ...]:
    """What models do, and what they spend: two tables that fit a page, or one where there is only one."""
    ranked = [place for place, column in enumerate(table.columns) if column.direction != "none"]
    rest = [place for place in range(len(table.columns)) if place not in ranked]
    if not ranked or not rest or table.stratum_of:
        return (table,)
    spent = all(column.kind == "cost" or column.rate for column in (table.columns[place] for place in rest))
    return subset(table, ranked, "", True), subset(table, rest, "rate and cost" if spent else "not ranked", False)


def subset(table: Table, places: Sequence[int], part: str = "", row_notes: bool = False) -> Table:
    """Some columns of a table, footnotes numbered anew; ``row_notes`` keeps those that no cell refers to."""
    every = {number for row in table.rows for cell in row.cells for number in cell.notes}
    here = {number for row in table.rows for place in places for number in row.cells[place].notes}
    kept = [n for n in range(1, len(table.notes) + 1) if n in here or (row_notes and n not in every)]
    renumbered = {number: place for place, number in enumerate(kept, 1)}

    def pick(row: Row) -> Row:
        cells = (row.cells[place] for place in places)
        return replace(
            row, cells=tuple(replace(cell, notes=tuple(renumbered[n] for n in cell.notes)) for cell in cells)
        )

    name = f"{table.name}-{part.replace(' ', '-')}" if part else table.name
    notes = tuple(table.notes[number - 1] for number in kept)
    columns = tuple(table.columns[place] for place in places)
    chance = _shown_chance([table.chance[place] for place in places]) if table.chance else ()
    rows = tuple(pick(row) for row in table.rows)
    return replace(table, name=name, columns=columns, rows=rows, notes=notes, part=part, chance=chance)


def is_empty(table: Table, place: int) -> bool:
    """Whether a column has no value at all (LPIPS without its backbone)."""
    return all(row.cells[place].value is None for row in table.rows)


def leading(table: Table) -> list[int]:
    """Column positions by importance: what a narrow terminal and the summary sentence show first, empty ones last."""
    return sorted(
        range(len(table.columns)), key=lambda place: (is_empty(table, place), table.columns[place].order, place)
    )


def _about(runs: Sequence[Run]) -> str:
    """What the task states of its images (``reference`` in the fingerprint)."""
    stated = (item.fingerprint.get("reference") for run in runs for item in run.estimates)
    return "; ".join(dict.fromkeys(str(text) for text in stated if text))


def _metric_columns(runs: Sequence[Run]) -> list[str]:
    """Metrics in the order in which the runs list them."""
    return list(dict.fromkeys(item.metric for run in runs for item in run.estimates if not item.stratum))


def twin_mark(run: Run, alike: Sequence[Run]) -> str:
    """What tells a run from others of the same model: its seed where all have other seeds, else its key."""
    seeds = [other.spec.get("seed") for other in alike]
    if len(alike) < 2:
        return ""
    return f" seed {run.spec.get('seed')}" if len(set(seeds)) == len(seeds) else f" #{run.key[:6]}"


def _row(run: Run, runs: Sequence[Run]) -> Row:
    label = run.label + twin_mark(run, [other for other in runs if other.subject == run.subject])
    total = max((item.scored + item.failed for item in run.estimates if not item.stratum), default=run.asked)
    failed = max((item.failed for item in run.estimates if not item.stratum), default=len(run.failures))
    control = run.control
    return Row(run, label, control, not control and run.failed_share <= FAILED_LIMIT, failed, total)


def _note_bias(runs: Sequence[Run], columns: Sequence[Column], notes: Notes) -> None:
    """Frechet distances fall with more images, perplexities rise: the table says how many there were."""
    biased: dict[str, list[str]] = {}
    for column in columns:
        found = (item for run in runs if (item := run.estimate(column.name)) and item.value is not None)
        counts = {set_size(item) for item in found if item.fingerprint.get("biased_with_n")}
        for count in sorted(counts):
            biased.setdefault(count, []).append(column.label)
    for count, labels in biased.items():
        depend = "depends" if len(labels) == 1 else "depend"
        notes.number(f"{', '.join(labels)} {depend} on the number of images ({count} here): compare at equal numbers")


def _note_rows(rows: Sequence[Row], notes: Notes) -> None:
    for row in rows:
        if row.failed and not row.control and not row.ranked:
            notes.number(f"{row.label} is not ranked: {row.failed} of {row.total} cases failed, more than 1 %")
        if row.run.measure and row.run.measure.mixed:
            notes.number(
                f"{row.label} was computed under more than one environment: its numbers may differ from a clean run's"
            )
    _note_kept(rows, notes)
    for rate in dict.fromkeys(name for row in rows for name in row.run.rates()):
        spent = [item.value for row in rows if row.ranked and (item := row.run.estimate(rate)) and item.value]
        if spent and max(spent) > RATE_TOLERANCE * min(spent):
            label = next(row.run.metric(rate).label for row in rows if rate in row.run.rates())
            notes.number(f"models spend different numbers of {label}, from {plain(min(spent))} to {plain(max(spent))}")
            break  # the others are the same by another measure


def _note_kept(rows: Sequence[Row], notes: Notes) -> None:
    """Which rows are read from results alone, and which from results without digests."""
    marks = (
        ("results only (the samples are not kept)", [row for row in rows if row.run.results_only]),
        (
            "unsealed (measured before results carried digests: 'ddtbench measure' seals them)",
            [row for row in rows if row.run.measure and not row.run.measure.sealed],
        ),
    )
    for words, marked in marks:
        if marked:
            whose = "all rows" if len(marked) == len(rows) > 1 else ", ".join(row.label for row in marked)
            notes.number(f"{words}: {whose}")
