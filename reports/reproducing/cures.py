"""What would measure a published number: the command, and the files that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from harness import catalog
from harness.catalog import split_name
from harness.contracts.published import PublishedColumn, PublishedRow, PublishedTable
from harness.isolation import tried
from harness.readiness import prepared, why_not


def how_to(table: PublishedTable, row: PublishedRow, column: PublishedColumn) -> str:
    """The command that would measure a row, or what to do where no model of the catalogue opens it."""
    if not column.metrics:
        return "no metric of the catalogue measures this column"
    if not row.models:
        return table.elsewhere or "no model of the catalogue opens it"
    return table.run.format(model=_with_path(row.models[0]))


def _with_path(name: str) -> str:
    base, pattern = split_name(name)
    needs, _ = tried(lambda: catalog.lookup("model", base).needs)
    return f"{base}@PATH" if pattern or needs else base


def files_for(table: PublishedTable) -> tuple[str, ...]:
    """What measuring needs of files, and whether each is here: a line for each."""
    return tuple(_files(table.data, table.instruments))


def _files(data: Iterable[str], instruments: Iterable[str]) -> Iterator[str]:
    for name in data:
        here, _ = tried(partial(prepared, name))  # the isolation border: another package's place
        yield f"{name}: here" if here else f"{name}: missing; ddtbench data prepare {name} --from PATH"
    for name in instruments:
        problem, _ = tried(partial(_instrument_problem, name))
        yield f"{name}: {problem or 'here'}"


def _instrument_problem(name: str) -> str:
    return why_not(catalog.lookup("instrument", name))
