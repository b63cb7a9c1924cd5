"""``ddtbench compare``: every model beside a baseline, in the terminal or as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from harness.command_line import Debug, Suite, say
from harness.errors import Exit, UserError, nearest

if TYPE_CHECKING:
    from reports.comparing.flips import Flips
    from reports.comparing.rows import Comparison

FLIPS_SHOWN = 2
WITHOUT_FLIPS = ("csv", "latex")


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUNS...", help="The folder that 'run' wrote, or several.")],
    baseline: Annotated[str, typer.Option("--baseline", metavar="MODEL", help="The model that others stand beside.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="MODEL", help="Only this one beside it (also a control).")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="M", help="Only this metric (default: the tasks' headlines)."),
    ] = None,
    task: Annotated[list[str] | None, typer.Option("--task", metavar="T", help="Only this task.")] = None,
    suite: Suite = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text, markdown, csv, json or latex.")] = "text",
    to: Annotated[str | None, typer.Option("--to", metavar="FILE", help="Write it into this file.")] = None,
    flips: Annotated[
        int | None,
        typer.Option(
            "--flips",
            metavar="N",
            min=0,
            help="List so many cases on which two differ (default: 2, of answers that are right or wrong).",
        ),
    ] = None,
    debug: Debug = False,
) -> int:
    """Every model beside a baseline: paired differences on the same cases, with intervals, corrected together.

    Also what so many cases could have shown, and the cases that one got right and the other wrong. What cannot be
    compared (other protocols, versions, cases, more than 1 % failed) is refused, with what differs.
    """
    from reports.comparing.comparison import compare_stored
    from reports.comparing.flips import flips_of
    from reports.comparing.written import FORMATS
    from reports.reading.together import read_together

    if form not in FORMATS:
        raise UserError(f"there is no format '{form}'{nearest(form, FORMATS)}")
    if flips is not None and form in WITHOUT_FLIPS:
        raise UserError(f"--flips are cases in words, which {form} has no place for: use text, markdown or json")
    found = compare_stored(
        read_together(runs, suite),
        baseline,
        metrics=metric or (),
        tasks=task or (),
        models=model or (),
        where=" and ".join(runs),
    )
    listed = () if form in WITHOUT_FLIPS else flips_of(found, FLIPS_SHOWN if flips is None else flips, flips is None)
    _put(found, listed, form, to)
    told = form == "text" and to is None  # it stands below the tables
    for problem in () if told else found.problems:
        say(f"left out: {problem.where}: {problem.reason}")
    for line in found.refusals:
        say(line)
    return Exit.BAD_INPUT if found.refusals else Exit.DONE


def _put(found: Comparison, listed: Sequence[Flips], form: str, to: str | None) -> None:
    """On the terminal, or into a file; beside a Markdown file go the pictures that it shows."""
    from harness.paths import user_path
    from harness.writing import written_whole
    from reports.comparing.written import pictures_of, written

    if to is None:
        print(written(found, listed, form), end="")
        return
    place = user_path(to)
    folder = f"{place.stem}-pictures" if form == "markdown" else ""
    pictures = pictures_of(listed, folder) if folder else {}
    for name, png in pictures.items():
        with written_whole(place.parent / name) as part:
            part.write_bytes(png)
    with written_whole(place) as part:
        part.write_text(written(found, listed, form, folder), encoding="utf-8")
    print(f"written: {place}")
