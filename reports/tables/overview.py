"""The headline in a terminal: metrics down and models across, since a screen is wide enough for few columns only."""

from __future__ import annotations

from collections.abc import Sequence

from reports.tables.cells import Cell, Column
from reports.tables.formats import BEST, TIED, letters
from reports.tables.layout import clean, cut, folded, left, right, width, wrapped
from reports.tables.table import Row, Table, row_notes

GAP = "  "
RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


def headline_lines(table: Table, room: int) -> list[str]:
    """Title, one block of models after another, controls in a line each, failures and notes."""
    names = [_name(column) for column in table.columns]
    chance = [cell.text for cell in table.chance]
    first = min(max(width(name) for name in names), 2 * room // 5)
    second = max(width("chance"), *(width(text) for text in chance)) if any(chance) else 0
    lines = [cut(clean(table.task), room)]
    models = list(table.models) or list(table.rows)
    free = room - first - (second + len(GAP) if second else 0)
    stacked = sum(_column(row, False) + len(GAP) for row in models) > free
    for some in _fitting(models, free, stacked):
        widths = [min(_column(row, stacked), free - len(GAP)) for row in some]
        full = first + (second + len(GAP) if second else 0) + sum(widths) + len(GAP) * len(some)
        lines.append(RULE * full)
        labels = [folded(row.label, size) for row, size in zip(some, widths, strict=True)]
        for level in range(max(map(len, labels))):
            head = [right("chance" if level == 0 else "", second)] if second else []
            texts = [label[level] if level < len(label) else "" for label in labels]
            head += [right(text, size) for text, size in zip(texts, widths, strict=True)]
            lines.append(GAP.join([left("", first), *head]).rstrip())
        lines.append(RULE * full)
        for place, name in enumerate(names):
            own = right(chance[place], second) if second else ""
            parts = [_lines(row.cells[place], stacked) for row in some]
            for level in range(max(map(len, parts))):
                texts = [item[level] if level < len(item) else "" for item in parts]
                start = [left(name if level == 0 else "", first)]
                if second:
                    start.append(own if level == 0 else " " * second)
                lines.append(
                    GAP.join([*start, *(right(t, size) for t, size in zip(texts, widths, strict=True))]).rstrip()
                )
        lines.append(RULE * full)
    return lines + _remarks(table, room)


def _fitting(models: Sequence[Row], free: int, stacked: bool) -> list[list[Row]]:
    """As many models side by side as there is room for, the others below them."""
    blocks: list[list[Row]] = []
    used = free + 1
    for row in models:
        need = _column(row, stacked) + len(GAP)
        if used + need > free:
            blocks.append([])
            used = 0
        blocks[-1].append(row)
        used += need
    return blocks


def _column(row: Row, stacked: bool) -> int:
    return max(width(row.label), *(width(line) for cell in row.cells for line in _lines(cell, stacked)))


def _lines(cell: Cell, stacked: bool) -> list[str]:
    """The cell in one line, or the value above its interval."""
    mark = {"best": BEST, "tied": TIED, "": " "}[cell.mark]
    notes = f"({letters(cell.notes)})" if cell.notes else ""
    value = f"{cell.text}{mark}{cell.protocol}{notes}"
    rest = [part for part in (cell.interval, cell.bound.replace(" ", "")) if part]
    return [value, " ".join(rest)] if stacked and rest else [" ".join([value, *rest])]


def _name(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return clean(f"{column.group}: {column.label}{unit} {column.arrow}")


def _remarks(table: Table, room: int) -> list[str]:
    lines = []
    for row in table.controls if table.models else ():
        said = [
            f"{_name(column)} {cell.text}" for column, cell in zip(table.columns, row.cells, strict=True) if cell.text
        ]
        lines += wrapped(f"control {row.label}: {'; '.join(said)}", room, "  ")
    for row in table.rows:
        if row.failed:
            lines += wrapped(f"{row.label}: {row.failed:,} of {row.total:,} cases failed", room, "  ")
    for note in row_notes(table):
        lines += wrapped(note, room, "  ")
    used = {number for row in table.rows for cell in row.cells for number in cell.notes}
    for number, note in enumerate(table.notes, 1):
        if number in used:
            lines += wrapped(f"({letters([number])}) {note}", room, "  ")
    return lines + wrapped(table.about, room, "  ")
