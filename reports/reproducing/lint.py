"""Rows of published tables that do not add up: what can be recomputed from their own numbers is.

A mean or a sum of printed numbers is known only to their digits: each lies within half of its last one. A row does not
add up where no numbers that round to those printed agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.contracts.published import PublishedColumn, PublishedRow, PublishedTable
from harness.published import read_published


@dataclass(frozen=True)
class DoesNotAddUp:
    """``printed`` stands there and ``computed`` comes out, in the table's unit; rounding explains ``allowed``."""

    table: str
    row: PublishedRow
    column: PublishedColumn
    printed: str
    computed: float
    allowed: float

    @property
    def line(self) -> str:
        how = "mean" if self.column.mean_of else "sum"
        names = ", ".join(self.column.mean_of or self.column.sum_of)
        return (
            f"{self.table}: {self.row.label} ({self.row.sources[0].key}): {self.column.label} is printed as "
            f"{self.printed}, and the {how} of {names} is {self.computed:.4g} (rounding explains {self.allowed:.2g})"
        )


def checked(table: PublishedTable) -> int:
    """How many numbers of the table can be recomputed."""
    return sum(1 for _ in _recomputable(table))


def lint(table: PublishedTable) -> list[DoesNotAddUp]:
    """The rows that do not add up, in the table's order."""
    found = []
    for row, column in _recomputable(table):
        parts = [row.values[name] for name in column.mean_of or column.sum_of]
        share = len(parts) if column.mean_of else 1
        computed = sum(part.value for part in parts) / share
        number = row.values[column.name]
        allowed = number.half_digit + sum(part.half_digit for part in parts) / share
        if abs(computed - number.value) > allowed * (1 + 1e-9):
            found.append(DoesNotAddUp(table.name, row, column, number.text, computed, allowed))
    return found


def _recomputable(table: PublishedTable) -> Iterator[tuple[PublishedRow, PublishedColumn]]:
    for row in table.rows:
        for column in table.columns:
            parts = column.mean_of or column.sum_of
            if parts and all(name in row.values for name in (column.name, *parts)):
                yield row, column


def lint_text(name: str = "") -> str:
    """What does not add up, of one table or of all of them. Raises UserError for an unknown one."""
    from harness import catalog

    names = [name] if name else [entry.name for entry in catalog.entries("published")]
    tables = [read_published(one) for one in names]
    lines = [item.line for table in tables for item in lint(table)]
    count = sum(checked(table) for table in tables)
    numbers = "1 number" if count == 1 else f"{count} numbers"
    rest = (
        "all of them add up" if not lines else f"{len(lines)} of them {'does' if len(lines) == 1 else 'do'} not add up"
    )
    if not count:
        rest = "nothing there is made of other numbers"
    return "\n".join([*lines, f"{numbers} recomputed in {', '.join(names)}: {rest}"]) + "\n"
