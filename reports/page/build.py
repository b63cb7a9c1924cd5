"""``ddtbench report``: the whole folder at once, built beside its place and swapped in: never half-written."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.errors import UserError
from harness.paths import user_path
from reports.comparing.seeds import build_seeds_table
from reports.comparing.trainings import build_trainings_table
from reports.figures.draw import figures_of, rendered
from reports.page.gallery import grids_of
from reports.page.samples import sheets_of
from reports.page.site import Page, render_page
from reports.page.strips import STRIP_FORMATS, render_strips
from reports.reading.runs import Stored, read_stored
from reports.tables.formats import to_csv, to_latex, to_markdown
from reports.tables.headline import build_headlines
from reports.tables.table import Table, build_breakdown, build_table, leading

MARKER = "ddtbench-report.json"
SCHEMA = 1


def build_report(
    runs_root: str,
    to: Path,
    suite: str | None = None,
    allow_mixed: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Write ``index.html``, ``tables/`` (.md .csv .tex) and ``figures/`` (.svg .png .pdf; strips of pictures .png .pdf
    and, animated, .webp) into ``to``; the page's path.

    An older report there is replaced whole. ``tell`` is called with a line for all that does not hold.
    Raises UserError, before anything is written, if ``to`` holds something
    else, or if the suite was not run under the root.
    """
    target = user_path(to)
    _refuse_foreign(target)
    stored = read_stored(runs_root, suite)
    say = tell or (lambda _: None)
    for problem in stored.problems:
        say(f"not shown: {problem.where}: {problem.reason}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}.building-", dir=target.parent))
    except OSError as error:
        raise UserError(f"cannot write beside {target}: {error.strerror or error}") from error
    try:
        _write(building, stored, allow_mixed)
        _swap(building, target)
    except OSError as error:
        raise UserError(
            f"cannot write the report {target}: {error.strerror or error}; what was there is kept"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target / "index.html"


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


def _refuse_foreign(target: Path) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / MARKER).is_file():
        raise UserError(
            f"{target} is not a report of ddtbench and is left as it is: name a new folder, or remove that one"
        )


def _write(folder: Path, stored: Stored, allow_mixed: bool) -> None:
    tables, breakdowns = tables_of(stored, allow_mixed)
    headlines = build_headlines(stored, allow_mixed)
    figures = figures_of(stored)
    downloads = []
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    for table in (*headlines, *tables, *breakdowns):
        for ending, write in (("md", to_markdown), ("csv", to_csv), ("tex", to_latex)):
            name = f"tables/{_file_name(table.name)}.{ending}"
            (folder / name).write_text(write(table), encoding="utf-8")
            downloads.append(name)
    for figure in figures:
        for form, content in rendered(figure).items():
            name = f"figures/{_file_name(figure.name)}.{form}"
            (folder / name).write_bytes(content)
            downloads.append(name)
    grids = grids_of(stored)
    for grid in grids:
        for form in STRIP_FORMATS if grid.steps else ():
            name = f"figures/{_file_name(grid.name)}.{form}"
            (folder / name).write_bytes(render_strips(grid, form))
            downloads.append(name)
    page = Page(stored, tables, breakdowns, figures, grids, downloads, headlines, sheets_of(stored))
    (folder / "index.html").write_text(render_page(page), encoding="utf-8")
    marker = {
        "made by": "ddtbench report",
        "schema": SCHEMA,
        "suite": stored.suite,
        "runs": [run.key for run in stored.runs],
        "problems": [[problem.where, problem.reason] for problem in stored.problems],
    }
    (folder / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
    folder.chmod(0o755)


def _swap(building: Path, target: Path) -> None:
    """Put the finished folder in place; what was there is moved aside first and comes back if that fails."""
    if not target.exists():
        os.rename(building, target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
    os.rename(target, aside / "report")
    try:
        os.rename(building, target)
    except OSError:
        os.rename(aside / "report", target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _file_name(text: str) -> str:
    """A name that every file system takes. Task names are safe already; this holds for whatever else may come."""
    return re.sub(r"[^A-Za-z0-9._@+-]+", "-", text).strip(".-") or "unnamed"
