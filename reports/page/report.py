"""What the pages of a report show, gathered once: every page takes its part from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.comparing.seeds import build_seeds_table
from reports.comparing.trainings import build_trainings_table
from reports.figures.draw import figures_of
from reports.figures.panels import Figure
from reports.page.cases.folder import CaseFolder
from reports.page.gallery import Grid, grids_of
from reports.page.names import file_names
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

    @property
    def figure_files(self) -> dict[str, str]:
        """figure or grid -> what its files in ``figures/`` are called."""
        drawn = ([*(item.name for item in part.figures), *(item.name for item in part.grids)] for part in self.tasks)
        return file_names(name for names in drawn for name in names)


def gather(stored: Stored, allow_mixed: bool = False) -> Report:
    """The report on stored runs, without its files."""
    tables, breakdowns = tables_of(stored, allow_mixed)
    figures, grids, sheets = figures_of(stored), grids_of(stored), sheets_of(stored)
    pages = file_names(table.task for table in tables)
    parts = [
        TaskPart(
            table.task,
            f"tasks/{pages[table.task]}.html",
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
