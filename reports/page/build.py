"""``ddtbench report``: the whole folder at once, built beside its place and swapped in: never half-written."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.paths import user_path
from reports.figures.draw import rendered
from reports.page.cases.folder import write_cases
from reports.page.cases.scripts import encoded, write_script
from reports.page.citations import FILE as BIBTEX
from reports.page.names import file_names
from reports.page.rendering import Rendering
from reports.page.report import Report, gather
from reports.page.strips import STRIP_FORMATS, render_strips
from reports.reading.runs import Stored, read_stored
from reports.tables.formats import to_csv, to_latex, to_markdown

ASSETS = Path(__file__).parent / "assets"
MARKER = "ddtbench-report.json"
SCHEMA = 2


def build_report(
    runs_root: str,
    to: Path,
    suite: str | None = None,
    allow_mixed: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Write ``index.html``, a page for each task in ``tasks/``, ``tables/`` (.md .csv .tex) and ``figures/`` (.svg .png
    .pdf; strips of pictures .png .pdf and, animated, .webp) into ``to``; the front page's path.

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


def _refuse_foreign(target: Path) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / MARKER).is_file():
        raise UserError(
            f"{target} is not a report of ddtbench and is left as it is: name a new folder, or remove that one"
        )


def _write(folder: Path, stored: Stored, allow_mixed: bool) -> None:
    report = gather(stored, allow_mixed)
    for name in ("tables", "figures", "tasks"):
        (folder / name).mkdir()
    downloads = []
    for name, content in (*_table_files(report), *_figure_files(report)):
        (folder / name).write_bytes(content)
        downloads.append(name)
    for grid in (grid for part in report.tasks for grid in part.grids):
        for number, (_, told) in enumerate(grid.player.played if grid.player else ()):
            write_script(folder, f"players/{report.figure_files[grid.name]}", str(number), encoded(told))
    shutil.copytree(ASSETS, folder / "assets", copy_function=shutil.copyfile)
    parts = [replace(part, cases=write_cases(folder, part.stem, stored, part.name)) for part in report.tasks]
    report = replace(report, tasks=parts, downloads=downloads)
    rendering = Rendering(report)
    (folder / "assets" / "colours.css").write_text(rendering.colours(), encoding="utf-8")
    (folder / "index.html").write_bytes(_bytes(rendering.front()))
    for part in report.tasks:
        (folder / part.page).write_bytes(_bytes(rendering.task(part)))
    if rendering.cited.entries:
        (folder / BIBTEX).write_bytes(_bytes(rendering.cited.bibtex))
    for name, content in rendering.data.items():
        place = folder / "data" / f"{name}.js"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    marker = {
        "made by": "ddtbench report",
        "schema": SCHEMA,
        "suite": stored.suite,
        "runs": [run.key for run in stored.runs],
        "problems": [[problem.where, problem.reason] for problem in stored.problems],
    }
    (folder / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
    folder.chmod(0o755)


def _table_files(report: Report) -> Iterator[tuple[str, bytes]]:
    breakdowns = (table for part in report.tasks for table in part.breakdowns)
    tables = [*report.headlines, *report.tables, *breakdowns]
    files = file_names(table.name for table in tables)
    for table in tables:
        for ending, write in (("md", to_markdown), ("csv", to_csv), ("tex", to_latex)):
            yield f"tables/{files[table.name]}.{ending}", _bytes(write(table))


def _figure_files(report: Report) -> Iterator[tuple[str, bytes]]:
    files = report.figure_files
    for part in report.tasks:
        for figure in part.figures:
            for form, content in rendered(figure).items():
                yield f"figures/{files[figure.name]}.{form}", content
        for grid in part.grids:
            for form in STRIP_FORMATS if grid.steps else ():
                yield f"figures/{files[grid.name]}.{form}", render_strips(grid, form)


def _bytes(text: str) -> bytes:
    """UTF-8; half of a surrogate pair, which it cannot hold, as a question mark."""
    return text.encode("utf-8", "replace")


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
