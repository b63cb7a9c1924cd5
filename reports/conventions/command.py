"""``ddtbench conventions``."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.command_line import Debug, Runs

FORMS = ("text", "markdown", "csv")


def conventions(
    runs: Runs,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N cases of each run.")] = None,
    round_trip: Annotated[
        str, typer.Option("--round-trip", metavar="MODEL", help="An autoencoder's run here, as the reference.")
    ] = "",
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text, markdown or csv.")] = "",
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="Write it there instead of printing it.")] = "",
    debug: Debug = False,
) -> int:
    """The same stored reconstructions scored by every published convention.

    One row a convention, with the programs that use it: what stands in their way of agreeing.
    """
    from harness.command_line import said_partial
    from reports.conventions import shown
    from reports.conventions.tables import rescored_runs
    from reports.stored import stored_runs
    from reports.written import form_of, put

    form = form_of(form, to, FORMS)
    found = rescored_runs(stored_runs(runs), round_trip, limit)
    makers = {"text": shown.to_text, "markdown": shown.to_markdown, "csv": shown.to_csv}
    put(makers[form](found.tables), to)
    return said_partial(found.left_out)
