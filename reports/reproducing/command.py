"""``ddtbench reproduce``."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.command_line import Debug

FORMS = ("text", "markdown", "csv", "latex")


def reproduce(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A name from 'list published'.")] = "",
    run: Annotated[
        str, typer.Option("--run", metavar="RUNS", help="Runs to put beside it: a path or any fsspec URL.")
    ] = "",
    form: Annotated[
        str, typer.Option("--format", metavar="FORM", help="text, markdown, csv or latex; default: as --to ends.")
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="Write it there instead of printing it.")] = "",
    lint: Annotated[
        bool, typer.Option("--lint", help="List the rows that do not add up, of TABLE or of all tables.")
    ] = False,
    debug: Debug = False,
) -> int:
    """A published table beside what was measured.

    Each number is reproduced, off, of another protocol, not to be told, or not measured: then with the command.
    """
    from harness import catalog
    from harness.command_line import said_partial
    from harness.errors import UserError, nearest
    from harness.published import read_published
    from reports.reproducing import files, text
    from reports.reproducing.beside import beside
    from reports.reproducing.lint import lint_text
    from reports.stored import stored_runs
    from reports.written import form_of, put

    if lint:
        put(lint_text(table), to)
        return 0
    if not table:
        raise UserError(f"name a published table{nearest('', [entry.name for entry in catalog.entries('published')])}")
    form = form_of(form, to, FORMS)
    known = read_published(table)
    stored = stored_runs(run) if run else None
    found = beside(known, stored)
    makers = {"text": text.to_text, "markdown": files.to_markdown, "csv": files.to_csv, "latex": files.to_latex}
    put(makers[form](found), to)
    return said_partial([f"not shown: {item.where}: {item.reason}" for item in found.problems])
