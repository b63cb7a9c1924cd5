"""What the pages of a report show, gathered once: every page takes its part from here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.comparing.seeds import build_seeds_table
from reports.comparing.trainings import build_trainings_table
from reports.figures.draw import figures_of
from reports.figures.panels import Figure
from reports.page.cases.folder import CaseFolder
from reports.page.gallery import Grid, grids_of
from reports.page.samples import Sheet, sheets_of
from reports.reading.runs import Stored
from reports.tables.headline import build_headlines
from reports.tables.table import Table, build_breakdown, build_table, leading


@dataclass(frozen=True)
class TaskPart:
    """What stands on the page of one task. ``page``: its file, from the report's folder on."""

    name: str
    page: str
    table: Table
    breakdowns: Sequence[Table]
    figures: Sequence[Figure]
    grids: Sequence[Grid]
    sheets: Sequence[Sheet]
    cases: CaseFolder | None = None
    """All its samples, once they are written."""

    @property
    def stem(self) -> str:
        """The name of its page, and of its folder in ``data/``."""
        return self.page.removeprefix("tasks/").removesuffix(".html")


@dataclass(frozen=True)
class Report:
    """Everything that is shown. ``downloads``: files of tables and figures, from the report's folder on."""

    stored: Stored
    headlines: Sequence[Table]
    tasks: Sequence[TaskPart]
    downloads: Sequence[str] = ()
    files_of: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def tables(self) -> list[Table]:
        """One for each task."""
        return [part.table for part in self.tasks]


def gather(stored: Stored, allow_mixed: bool = False) -> Report:
    """The report on stored runs, without its files."""
    tables, breakdowns = tables_of(stored, allow_mixed)
    figures, grids, sheets = figures_of(stored), grids_of(stored), sheets_of(stored)
    pages = page_names([table.task for table in tables])
    parts = [
        TaskPart(
            table.task,
            pages[table.task],
            table,
            [item for item in breakdowns if item.task == table.task],
            [item for item in figures if item.task == table.task],
            [item for item in grids if item.task == table.task],
            [item for item in sheets if item.task == table.task],
        )
        for table in tables
    ]
    return Report(stored, build_headlines(stored, allow_mixed), parts)


def tables_of(stored: Stored, allow_mixed: bool = False) -> tuple[list[Table], list[Table]]:
    """(one table per task, breakdowns by stratum of what its kind of task names, else of two leading metrics)."""
    tables = [build_table(task, stored.of_task(task), allow_mixed) for task in stored.tasks]
    breakdowns = []
    for table in tables:
        metrics = [table.columns[place].name for place in leading(table) if table.columns[place].kind == "metric"]
        breakdown = stored.shown(table.task).breakdown
        wanted = [breakdown] if breakdown in metrics else [] if stored.shown(table.task).asked else metrics[:2]
        found = (build_breakdown(table.task, stored.of_task(table.task), metric) for metric in wanted)
        over_seeds = build_seeds_table(table.task, stored.of_task(table.task))
        between = build_trainings_table(table.task, stored.of_task(table.task))
        breakdowns += [one for one in (over_seeds, between, *found) if one is not None]
    return tables, breakdowns


def file_name(text: str) -> str:
    """A name that every file system takes and that stays in its folder."""
    return re.sub(r"[^A-Za-z0-9._@+-]+", "-", text)[:120].strip(".-") or "unnamed"


def page_names(tasks: Sequence[str]) -> dict[str, str]:
    """task -> the file of its page; two whose names come out alike are numbered."""
    pages: dict[str, str] = {}
    taken: set[str] = set()
    for task in tasks:
        name, number = file_name(task), 1
        while name.lower() in taken:  # some file systems do not tell capitals
            number += 1
            name = f"{file_name(task)}-{number}"
        taken.add(name.lower())
        pages[task] = f"tasks/{name}.html"
    return pages
