"""``ddtbench scale``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.command_line import Debug, Runs, Suite, said_partial, say
from harness.errors import UserError, nearest

if TYPE_CHECKING:
    from reports.scaling.values import Analysis

FORMATS = ("text", "markdown", "csv", "json")
WIDTH = 100


def scale(
    runs: Runs,
    metric: Annotated[str, typer.Option("--metric", help="This one; default: each task's leading metric.")] = "",
    task: Annotated[str, typer.Option("--task", "-t", help="Only this task.")] = "",
    suite: Suite = None,
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="Figures, and all numbers as CSV, go there.")] = "",
    form: Annotated[str, typer.Option("--format", metavar="F", help="text, markdown, csv or json.")] = "text",
    debug: Debug = False,
) -> int:
    """Scaling laws with intervals, and a prediction that is scored.

    Each checkpoint whose card says what its training took is a point. What the runs cannot identify is refused, with
    the run that would.
    """
    if form not in FORMATS:
        raise UserError(f"there is no format '{form}'{nearest(form, FORMATS)}")
    from reports.scaling.study import read_runs, study

    stored = read_runs(runs, suite)
    found = study(stored, metric, task)
    written = write_files(found, to) if to else None
    print(shown_as(found, form), end="")
    if written is not None:
        say(f"written: {written}")
    return said_partial([f"not shown: {item.where}: {item.reason}" for item in stored.problems])


def shown_as(found: Sequence[Analysis], form: str) -> str:
    """The analyses in a format of ``FORMATS``."""
    from reports.scaling import records, text

    forms: dict[str, Callable[[], str]] = {
        "text": lambda: text.as_text(found, max(60, shutil.get_terminal_size((WIDTH, 40)).columns)),
        "markdown": lambda: text.as_markdown(found),
        "csv": lambda: records.as_csv(records.fits_rows(found), records.FITS),
        "json": lambda: records.as_json(found),
    }
    return forms[form]()


def write_files(found: Sequence[Analysis], to: str) -> Path:
    """``fits.csv``, ``points.csv``, ``scale.md`` and the figures (.svg .png .pdf) in the folder ``to``. Raises
    UserError where it cannot be written to."""
    from harness.paths import user_path
    from harness.writing import written_whole
    from reports.figures.draw import rendered
    from reports.scaling import records, text
    from reports.scaling.figures import figures_of_laws

    target = user_path(to)
    files: dict[str, bytes] = {
        "fits.csv": records.as_csv(records.fits_rows(found), records.FITS).encode(),
        "points.csv": records.as_csv(records.points_rows(found), records.POINTS).encode(),
        "scale.md": text.as_markdown(found).encode(),
    }
    for figure in figures_of_laws(found):
        files |= {f"{figure.name}.{drawn}": content for drawn, content in rendered(figure).items()}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with written_whole(target / name) as path:
                path.write_bytes(content)
    except OSError as error:
        raise UserError(f"cannot write to {target}: {error.strerror or error}") from error
    return target
