"""What the data say of each measure: who is alone in front, or why nobody is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reports.comparing.ranking import FAILED_LIMIT
from reports.tables.cells import Column
from reports.tables.table import Row, Table, is_empty, leading, subset

Kind = Literal["led", "open", "unranked", "alone"]


@dataclass(frozen=True)
class Outcome:
    """One measure of a table. ``led``: the tests separate the first of ``front`` from every other model. ``open``: they
    do not, or several are equal. ``unranked``: the first of ``front`` has the best value and is not ranked, since too
    many of its cases failed. ``alone``: no two models are compared. ``second``: who follows the leader."""

    table: Table
    place: int
    kind: Kind
    front: tuple[Row, ...] = ()
    second: Row | None = None

    @property
    def column(self) -> Column:
        return self.table.columns[self.place]

    @property
    def name(self) -> str:
        """``editing (L1)`` in a table over several tasks, else ``L1``."""
        return f"{self.column.group} ({self.column.label})" if self.column.group else self.column.label


def outcomes_of(table: Table) -> list[Outcome]:
    """Of every main measure of a table."""
    return [_outcome(table, place) for place in main_measures(table)]


def main_measures(table: Table) -> list[int]:
    """Positions of what decides: all columns of a headline; of one task those that head it, else all its scores."""
    scores = [
        place
        for place, column in enumerate(table.columns)
        if column.kind == "metric" and column.direction != "none" and not is_empty(table, place)
    ]
    if table.headline:
        return scores
    heading = next((row.run.shown_task.headline for row in table.rows if row.run.shown_task.headline), ())
    return [place for place in scores if table.columns[place].name in heading] or scores


def in_brief(table: Table, most: int = 3) -> Table:
    """The main numbers of a task, for a card."""
    main = main_measures(table)
    ranked = [place for place in leading(table) if place not in main and table.columns[place].direction != "none"]
    return subset(table, ([*main, *ranked] or leading(table))[:most])


def _outcome(table: Table, place: int) -> Outcome:
    rows = [row for row in table.models if row.cells[place].value is not None]
    rows.sort(key=lambda row: row.cells[place].value or 0.0, reverse=table.columns[place].direction == "higher")
    ranked = [row for row in rows if row.run_in(place).failed_share <= FAILED_LIMIT]
    if len(ranked) < 2 or any(row.cells[place].protocol for row in rows):
        return Outcome(table, place, "alone", tuple(ranked))
    marked = [row for row in ranked if row.cells[place].mark]
    if [row.cells[place].mark for row in marked] != ["best"]:
        return Outcome(table, place, "open", tuple(marked or ranked))
    if rows[0] not in ranked and rows[0].cells[place].value != marked[0].cells[place].value:
        return Outcome(table, place, "unranked", (rows[0], marked[0]))
    return Outcome(table, place, "led", (marked[0],), next(row for row in ranked if row is not marked[0]))


def leads(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """(who leads, in what), those with most first."""
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        if one.kind == "led":
            found.setdefault(one.front[0].label, []).append(one)
    return sorted(found.items(), key=lambda item: -len(item[1]))
